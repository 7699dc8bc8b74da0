import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Secret } from "#api/generated/types/core-v1.ts";
import { configMaps, namespaces, secrets } from "#api/resources.ts";
import { ManualClock, settle, toRfc3339 } from "#base/clock.ts";
import { startWorld } from "../testing/world.ts";
import { tokenCleanerController } from "./cleaner.ts";
import { bootstrapSignerController, detachedSignature, signedData } from "./signer.ts";
import { remainingMs, signingToken } from "./tokens.ts";

const now = Date.UTC(2026, 0, 1);

function tokenSecret(id: string, more: Readonly<Record<string, string>> = {}): Secret {
  const values = { "token-id": id, "token-secret": "0123456789abcdef", ...more };
  return {
    metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
    type: "bootstrap.kubernetes.io/token",
    data: Object.fromEntries(
      Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
    ),
  };
}
const signing = { "usage-bootstrap-signing": "true" };

suite("bootstrap tokens", () => {
  for (const [expiration, want] of [
    ["", undefined],
    [toRfc3339(now + 5000), 5000],
    [toRfc3339(now), 0],
    [toRfc3339(now - 1000), 0],
    ["tomorrow", 0],
  ] as const) {
    test(`with the end ${JSON.stringify(expiration)} have ${String(want)} ms left`, () => {
      assert.equal(remainingMs(tokenSecret("abcdef", { expiration }), now), want);
    });
  }

  for (const [what, secret, isGood] of [
    ["may sign", tokenSecret("abcdef", signing), true],
    ["may not sign", tokenSecret("abcdef"), false],
    ["is over", tokenSecret("abcdef", { ...signing, expiration: toRfc3339(now) }), false],
    ["has another name", tokenSecret("abcdef", { ...signing, "token-id": "fedcba" }), false],
    ["has no key", tokenSecret("abcdef", { ...signing, "token-secret": "" }), false],
  ] as const) {
    test(`one that ${what}`, () => {
      assert.equal(signingToken(secret, now) !== undefined, isGood);
    });
  }

  test("sign as any JWS library with HS256 does, without the content", () => {
    assert.equal(
      detachedSignature("content", { id: "abcdef", secret: "0123456789abcdef" }),
      // openssl dgst -sha256 -hmac over header.content
      "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..psz1NayrXM3IaFzKZGsb5n_mBl7MjtlsZ1xE8MRmF_4",
    );
  });

  test("signatures that are missing, wrong or left over", () => {
    const token = { id: "abcdef", secret: "s" };
    const key = "jws-kubeconfig-abcdef";
    const right = { kubeconfig: "k", [key]: detachedSignature("k", token) };
    assert.deepEqual(signedData({ kubeconfig: "k" }, [token]), right);
    assert.deepEqual(signedData({ ...right, [key]: "x" }, [token]), right);
    assert.deepEqual(signedData({ ...right, "jws-kubeconfig-fedcba": "x" }, [token]), right);
    assert.equal(signedData(right, [token]), undefined);
    assert.equal(signedData({}, [token]), undefined);
  });
});

test("expired tokens go in time; the ConfigMap is signed with those that stay", async () => {
  const clock = new ManualClock(now);
  await using world = await startWorld({
    clock,
    factories: [tokenCleanerController, bootstrapSignerController],
    prepare: async (client) => {
      for (const name of ["kube-system", "kube-public"]) {
        await client.resource(namespaces).create({ metadata: { name } });
      }
      const tokens = client.resource(secrets, "kube-system");
      await tokens.create(tokenSecret("aaaaaa", { ...signing, expiration: toRfc3339(now - 1000) }));
      await tokens.create(tokenSecret("bbbbbb", { ...signing, expiration: toRfc3339(now + 60_000) }));
      await tokens.create(tokenSecret("cccccc", signing));
    },
  });
  const { client } = world;
  const left = async (): Promise<string> => {
    const { items } = await client.resource(secrets, "kube-system").list();
    return items.map(({ metadata }) => metadata?.name?.slice(-6)).join(" ");
  };
  const signatures = async (): Promise<string> => {
    const { data = {} } = await client.resource(configMaps, "kube-public").get("cluster-info");
    return Object.keys(data).toSorted().join(" ");
  };
  await world.until("the expired token is gone", async () => (await left()) === "bbbbbb cccccc");
  const metadata = { name: "cluster-info", namespace: "kube-public" };
  await client.resource(configMaps, "kube-public").create({ metadata, data: { kubeconfig: "k" } });
  await world.until(
    "it is signed with both",
    async () => (await signatures()) === "jws-kubeconfig-bbbbbb jws-kubeconfig-cccccc kubeconfig",
  );
  await clock.advance(60_000);
  await settle();
  await world.until("the next is gone", async () => (await left()) === "cccccc");
  await world.until(
    "its signature is gone",
    async () => (await signatures()) === "jws-kubeconfig-cccccc kubeconfig",
  );
});

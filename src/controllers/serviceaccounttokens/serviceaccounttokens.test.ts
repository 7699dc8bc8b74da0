import assert from "node:assert/strict";
import { test } from "node:test";
import type { Secret } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { namespaces, secrets, serviceAccounts } from "#api/resources.ts";
import { generateSigningKeyPem, parseSigningKey, verifyJwt } from "#pki/jwt.ts";
import { startWorld } from "../testing/world.ts";
import { serviceAccountTokenController } from "./controller.ts";

const serviceAccountKeyPem = generateSigningKeyPem();

const tokenSecret = (name: string, account: string, more: Readonly<Record<string, string>> = {}): Secret => ({
  metadata: {
    name,
    namespace: "n",
    annotations: { "kubernetes.io/service-account.name": account, ...more },
  },
  type: "kubernetes.io/service-account-token",
});

test("secrets of accounts are filled, and go with their account", async () => {
  await using world = await startWorld({
    factories: [serviceAccountTokenController],
    serviceAccountKeyPem,
    prepare: async (client) => {
      await client.resource(namespaces).create({ metadata: { name: "n" } });
    },
  });
  const tokens = world.client.resource(secrets, "n");
  const accounts = world.client.resource(serviceAccounts, "n");
  const isGone = async (name: string): Promise<boolean> => {
    try {
      await tokens.get(name);
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  };
  const account = await accounts.create({
    metadata: { name: "robot", namespace: "n" },
    secrets: [{ name: "robot-token" }, { name: "other" }],
  });
  await tokens.create(tokenSecret("robot-token", "robot"));
  await world.until(
    "it is filled",
    async () => (await tokens.get("robot-token")).data?.["token"] !== undefined,
  );
  const { data = {}, metadata } = await tokens.get("robot-token");
  const decoded = (key: string): string => Buffer.from(data[key] ?? "", "base64").toString("utf8");
  assert.equal(decoded("ca.crt"), "x");
  assert.equal(decoded("namespace"), "n");
  assert.equal(metadata?.annotations?.["kubernetes.io/service-account.uid"], account.metadata?.uid);
  assert.deepEqual(await verifyJwt(decoded("token"), [parseSigningKey(serviceAccountKeyPem)]), {
    iss: "kubernetes/serviceaccount",
    "kubernetes.io/serviceaccount/namespace": "n",
    "kubernetes.io/serviceaccount/secret.name": "robot-token",
    "kubernetes.io/serviceaccount/service-account.name": "robot",
    "kubernetes.io/serviceaccount/service-account.uid": account.metadata?.uid,
    sub: "system:serviceaccount:n:robot",
  });

  // What is missing or wrong is made good again; the token stays.
  const { token, ...rest } = data;
  await tokens.patch("robot-token", "merge", { data: { namespace: null, "ca.crt": "eQ==" } });
  await world.until("it is whole again", async () => {
    const now = (await tokens.get("robot-token")).data ?? {};
    return now["token"] === token && Object.entries(rest).every(([key, value]) => now[key] === value);
  });

  await tokens.create(tokenSecret("stranger", "nobody"));
  await world.until("one of no account is gone", () => isGone("stranger"));
  await tokens.create(tokenSecret("former", "robot", { "kubernetes.io/service-account.uid": "another" }));
  await world.until("one of another account of that name is gone", () => isGone("former"));

  await tokens.delete("robot-token");
  await world.until("the account names it no more", async () => {
    const { secrets: named = [] } = await accounts.get("robot");
    return named.map(({ name }) => name).join() === "other";
  });

  await tokens.create(tokenSecret("second", "robot"));
  await world.until("it is filled", async () => (await tokens.get("second")).data?.["token"] !== undefined);
  await accounts.delete("robot");
  await world.until("it goes with its account", () => isGone("second"));
});

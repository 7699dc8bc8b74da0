import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { suite, test } from "node:test";
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import { nodes, pods, secrets, serviceAccounts } from "#api/resources.ts";
import { readClaims } from "#pki/jwt.ts";
import { TokenError } from "../bearer-token.ts";
import { discoveryDocument } from "./discovery.ts";
import { issuerName, key, pod, setup, tokenOf, type Setup } from "./testing/token-world.ts";

test("tokens that are good for longer than said are counted, renewed in time or not", async () => {
  const { clock, issue, authenticator, metrics } = setup();
  const counts = (): number[] => [metrics.valid.value, metrics.stale.value];
  const short = tokenOf(await issue({ boundObjectRef: pod, expirationSeconds: 600 }));
  await authenticator.authenticateToken(short, [issuerName]);
  assert.deepEqual(counts(), [0, 0]);
  const extended = tokenOf(await issue({ boundObjectRef: pod, expirationSeconds: 3607 }));
  await authenticator.authenticateToken(extended, [issuerName]);
  assert.deepEqual(counts(), [1, 0]);
  await clock.advance(3_608_000);
  await authenticator.authenticateToken(extended, [issuerName]);
  assert.deepEqual(counts(), [1, 1]);
});

suite("service account tokens as credentials", () => {
  test("name the account, its groups, and what the token is bound to", async () => {
    const { issue, authenticator } = setup();
    const token = tokenOf(await issue({ boundObjectRef: pod }));
    const answer = await authenticator.authenticateToken(token, ["x", "k3s"]);
    const jti = String(readClaims(token)?.["jti"]);
    assert.deepEqual(answer, {
      audiences: ["k3s"],
      user: {
        name: "system:serviceaccount:a:robot",
        uid: "sa-uid",
        groups: ["system:serviceaccounts", "system:serviceaccounts:a"],
        extra: {
          "authentication.kubernetes.io/pod-name": ["web"],
          "authentication.kubernetes.io/pod-uid": ["web-uid"],
          "authentication.kubernetes.io/node-name": ["n1"],
          "authentication.kubernetes.io/node-uid": ["node-uid"],
          "authentication.kubernetes.io/credential-id": [`JTI=${jti}`],
        },
      },
    });
  });

  test("of other issuers aren't ours to judge", async () => {
    const { authenticator } = setup();
    const foreign = `${Buffer.from("{}").toString("base64url")}.${Buffer.from('{"iss":"x"}').toString("base64url")}.x`;
    for (const token of ["opaque", foreign]) {
      assert.equal(await authenticator.authenticateToken(token, ["k3s"]), undefined);
    }
  });

  const node = { apiVersion: "v1", kind: "Node", name: "n1" };
  const secret = { apiVersion: "v1", kind: "Secret", name: "s" };
  const gone = "2025-12-31T23:00:00Z";
  const cases: [string, Partial<TokenRequest["spec"]>, (setup: Setup) => unknown, RegExp | undefined][] = [
    ["it is fresh", { boundObjectRef: pod }, () => undefined, undefined],
    [
      "its node is gone but its pod isn't",
      { boundObjectRef: pod },
      ({ api }) => {
        api.remove(nodes, "n1");
      },
      undefined,
    ],
    [
      "its pod is being deleted",
      { boundObjectRef: pod },
      ({ api }) => {
        api.seed(pods, {
          metadata: {
            namespace: "a",
            name: "web",
            uid: "web-uid",
            deletionTimestamp: "2026-01-01T00:00:30Z",
          },
        });
      },
      undefined,
    ],
    ["a minute is left to late clocks", {}, ({ clock }) => clock.advance(3_650_000), undefined],
    ["it has expired", {}, ({ clock }) => clock.advance(3_661_000), /token has expired/],
    [
      "its account is gone",
      {},
      ({ api }) => {
        api.remove(serviceAccounts, "a/robot");
      },
      /service account a\/robot has been deleted/,
    ],
    [
      "its account is another",
      {},
      ({ api }) => {
        api.seed(serviceAccounts, { metadata: { namespace: "a", name: "robot", uid: "new" } });
      },
      /service account UID \(new\) does not match claim \(sa-uid\)/,
    ],
    [
      "its account is long deleted",
      {},
      ({ api }) => {
        api.seed(serviceAccounts, {
          metadata: { namespace: "a", name: "robot", uid: "sa-uid", deletionTimestamp: gone },
        });
      },
      /has been deleted/,
    ],
    [
      "its pod is gone",
      { boundObjectRef: pod },
      ({ api }) => {
        api.remove(pods, "a/web");
      },
      /has been invalidated/,
    ],
    [
      "its pod is another",
      { boundObjectRef: pod },
      ({ api }) => {
        api.seed(pods, { metadata: { namespace: "a", name: "web", uid: "new" } });
      },
      /pod UID \(new\) does not match/,
    ],
    [
      "its pod is long deleted",
      { boundObjectRef: pod },
      ({ api }) => {
        api.seed(pods, {
          metadata: { namespace: "a", name: "web", uid: "web-uid", deletionTimestamp: gone },
        });
      },
      /has been invalidated/,
    ],
    [
      "its secret is gone",
      { boundObjectRef: secret },
      ({ api }) => {
        api.remove(secrets, "a/s");
      },
      /has been invalidated/,
    ],
    [
      "its node is gone",
      { boundObjectRef: node },
      ({ api }) => {
        api.remove(nodes, "n1");
      },
      /has been invalidated/,
    ],
    [
      "it is for somebody else",
      { audiences: ["vault"] },
      () => undefined,
      /invalid for the target audiences/,
    ],
  ];
  for (const [name, spec, change, fault] of cases) {
    test(`${fault === undefined ? "good" : "bad"} when ${name}, also the second time`, async () => {
      const world = setup();
      const token = tokenOf(await world.issue(spec));
      if (spec.audiences === undefined) await world.authenticator.authenticateToken(token, [issuerName]);
      await change(world);
      const answer = world.authenticator.authenticateToken(token, [issuerName]);
      if (fault === undefined) {
        assert.equal((await answer)?.user.name, "system:serviceaccount:a:robot");
        return;
      }
      await assert.rejects(answer, (error) => error instanceof TokenError && fault.test(error.message));
    });
  }

  test("a forged one is bad", async () => {
    const { issue, authenticator } = setup();
    const token = tokenOf(await issue({}));
    const forged = `${token.slice(0, -6)}AAAAAA`;
    await assert.rejects(authenticator.authenticateToken(forged, ["k3s"]), /invalid signature/);
  });
});

suite("discovery for verifiers elsewhere", () => {
  const options = { issuer: issuerName, jwksUri: "https://10.0.0.1:6443/openid/v1/jwks", keys: [key] };

  test("the configuration names issuer and keys", () => {
    assert.deepEqual(discoveryDocument("/.well-known/openid-configuration", options), {
      contentType: "application/json",
      cacheControl: "public, max-age=3600",
      body: {
        issuer: issuerName,
        jwks_uri: "https://10.0.0.1:6443/openid/v1/jwks",
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
      },
    });
  });

  test("an issuer that is no https URL isn't found by documents", () => {
    for (const issuer of ["kubernetes/serviceaccount", "http://a", "https://a?b=c", "https://a#b"]) {
      assert.equal(discoveryDocument("/openid/v1/jwks", { ...options, issuer }), undefined);
    }
  });

  test("the keys verify", () => {
    const document = discoveryDocument("/openid/v1/jwks", options);
    assert.equal(document?.contentType, "application/jwk-set+json");
    const { keys } = document.body as { keys: [Record<string, string>] };
    assert.equal(keys[0]["kid"], key.keyId);
    assert.equal(createPublicKey({ key: keys[0], format: "jwk" }).equals(key.publicKey), true);
  });

  test("there is nothing else", () => {
    assert.equal(discoveryDocument("/openid/v1", options), undefined);
  });
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { TokenRequest } from "#api/generated/types/authentication-v1.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import { SeededRandom } from "#base/random.ts";
import { generateSigningKeyPem, parseSigningKey, readClaims, type VerificationKey } from "#pki/jwt.ts";
import { TokenError } from "../bearer-token.ts";
import { ServiceAccountAuthenticator } from "./authenticator.ts";
import { CachedObjects } from "./bound-objects.ts";
import { TokenIssuer } from "./issuer.ts";
import { issuerName, key, pod, setup, startSeconds, tokenOf } from "./testing/token-world.ts";

suite("issuing tokens", () => {
  test("a pod's token carries upstream's claims", async () => {
    const answer = await setup().issue({ boundObjectRef: { ...pod, uid: "web-uid" } });
    const { jti, ...claims } = readClaims(tokenOf(answer)) ?? {};
    assert.equal(typeof jti, "string");
    assert.deepEqual(claims, {
      aud: [issuerName, "k3s"],
      exp: startSeconds + 3600,
      iat: startSeconds,
      iss: issuerName,
      "kubernetes.io": {
        namespace: "a",
        node: { name: "n1", uid: "node-uid" },
        pod: { name: "web", uid: "web-uid" },
        serviceaccount: { name: "robot", uid: "sa-uid" },
      },
      nbf: startSeconds,
      sub: "system:serviceaccount:a:robot",
    });
    assert.equal(answer.status?.expirationTimestamp, "2026-01-01T01:00:00Z");
    assert.deepEqual(answer.spec.audiences, [issuerName, "k3s"]);
  });

  test("the token every pod mounts lives a year, and says when it is stale", async () => {
    const answer = await setup().issue({ boundObjectRef: pod, expirationSeconds: 3607 });
    const claims = readClaims(tokenOf(answer));
    assert.equal(claims?.["exp"], startSeconds + 365 * 24 * 3600);
    assert.equal((claims["kubernetes.io"] as { warnafter: number }).warnafter, startSeconds + 3607);
    assert.equal(answer.status?.expirationTimestamp, "2026-01-01T01:00:07Z");
  });

  test("but not one for somebody else, or bound to nothing", async () => {
    for (const spec of [
      { boundObjectRef: pod, expirationSeconds: 3607, audiences: ["vault"] },
      { expirationSeconds: 3607 },
    ]) {
      assert.equal(readClaims(tokenOf(await setup().issue(spec)))?.["exp"], startSeconds + 3607);
    }
  });

  const refusals: [string, Partial<TokenRequest["spec"]>, number, string][] = [
    [
      "less than ten minutes",
      { expirationSeconds: 599 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
    ],
    [
      "more than 2^32 seconds",
      { expirationSeconds: 2 ** 32 + 1 },
      422,
      'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
    ],
    ["a pod that isn't there", { boundObjectRef: { ...pod, name: "gone" } }, 404, 'pods "gone" not found'],
    [
      "another account's pod",
      { boundObjectRef: { ...pod, name: "other" } },
      400,
      'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.',
    ],
    [
      "a pod of another uid",
      { boundObjectRef: { ...pod, uid: "x" } },
      409,
      'Operation cannot be fulfilled on Pod "web": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [
      "another account's pod, whatever its uid",
      { boundObjectRef: { ...pod, name: "other", uid: "x" } },
      400,
      'cannot bind token for serviceaccount "robot" to pod running with different serviceaccount name.',
    ],
    [
      "a node that isn't there",
      { boundObjectRef: { kind: "Node", name: "gone" } },
      404,
      'nodes "gone" not found',
    ],
    [
      "a secret of another uid",
      { boundObjectRef: { kind: "Secret", name: "s", uid: "x" } },
      409,
      'Operation cannot be fulfilled on Secret "s": the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
    ],
    [
      "a kind that isn't one",
      { boundObjectRef: { apiVersion: "v1", kind: "ConfigMap", name: "web" } },
      400,
      "cannot bind token to object of type /v1, Kind=ConfigMap",
    ],
    [
      "an object of another kind",
      { boundObjectRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
      400,
      "cannot bind token to object of type apps/v1, Kind=Deployment",
    ],
  ];
  for (const [name, spec, code, message] of refusals) {
    test(`is refused for ${name}`, async () => {
      assert.deepEqual(await refusal(() => setup().issue(spec)), { code, message });
    });
  }

  test("any version of what it may be bound to is meant", async () => {
    for (const apiVersion of [undefined, "", "v1", "v7"]) {
      const answer = await setup().issue({ boundObjectRef: { ...pod, apiVersion } });
      const own = readClaims(tokenOf(answer))?.["kubernetes.io"] as { pod: object };
      assert.deepEqual(own.pod, { name: "web", uid: "web-uid" });
    }
  });
});

const robot = { metadata: { namespace: "a", name: "robot", uid: "sa-uid" } };
const issuerWith = (options: Partial<ConstructorParameters<typeof TokenIssuer>[0]>): TokenIssuer => {
  const { api, clock } = setup();
  return new TokenIssuer(
    { issuer: issuerName, apiAudiences: [issuerName], extendExpiration: true, ...options },
    {
      key,
      objects: new CachedObjects({ informers: api, client: api }),
      clock,
      random: new SeededRandom(1),
    },
  );
};
const lifetime = ({ exp, iat }: Readonly<Record<string, unknown>>): number => Number(exp) - Number(iat);

suite("what the options say of tokens", () => {
  test("nobody gets more than the most, and he is told", async () => {
    const warnings: string[] = [];
    const issued = await issuerWith({ expirationSecondsMax: 3600 }).issue(
      robot,
      { spec: { audiences: [], expirationSeconds: 7200 } },
      { warn: (text) => warnings.push(text) },
    );
    assert.deepEqual(warnings, ["requested expiration of 7200 seconds shortened to 3600 seconds"]);
    assert.equal(issued.spec.expirationSeconds, 3600);
    assert.equal(lifetime(readClaims(tokenOf(issued)) ?? {}), 3600);
  });

  // Cases re-expressed from pkg/registry/core/serviceaccount/storage/token_test.go (TestCreate_Token_WithExpiryCap).
  for (const [extendExpiration, expirationSecondsMax, seconds] of [
    [true, undefined, 365 * 24 * 3600],
    [true, 2 * 365 * 24 * 3600, 365 * 24 * 3600],
    [true, 5 * 3600, 365 * 24 * 3600],
    [true, 1800, 1800],
    [false, undefined, 3607],
    [false, 5 * 3600, 3607],
    [false, 1800, 1800],
  ] as const) {
    test(`a pod's token lasts ${seconds} s: extended ${String(extendExpiration)}, at most ${expirationSecondsMax}`, async () => {
      const spec = { audiences: [], expirationSeconds: 3607, boundObjectRef: pod };
      const issuer = issuerWith({ extendExpiration, expirationSecondsMax });
      const claims = readClaims(tokenOf(await issuer.issue(robot, { spec }))) ?? {};
      assert.equal(lifetime(claims), seconds);
    });
  }

  // TestTokenRequest_ServiceAccountUIDValidation
  test("which account of that name is meant can be said", async () => {
    const spec = { audiences: [] };
    for (const asked of [undefined, {}, { uid: "" }, { uid: "sa-uid" }]) {
      const request = asked === undefined ? { spec } : { metadata: asked, spec };
      const { metadata } = await issuerWith({}).issue(robot, request);
      assert.deepEqual(metadata, { ...robot.metadata, creationTimestamp: "2026-01-01T00:00:00Z" });
    }
    assert.deepEqual(await refusal(() => issuerWith({}).issue(robot, { metadata: { uid: "older" }, spec })), {
      code: 409,
      message:
        'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "robot": the UID in the token request (older) does not match the UID of the service account (sa-uid)',
    });
  });

  test("a request is judged complete, before anything is looked up for it, and its token is noted", async () => {
    const judged: (TokenRequest | string)[] = [];
    const spec = { audiences: [], boundObjectRef: { ...pod, name: "gone" } };
    const hooks = {
      validate: (request: TokenRequest) => Promise.resolve(void judged.push(request)),
      issued: (tokenId: string) => void judged.push(tokenId),
    };
    assert.equal((await refusal(() => issuerWith({}).issue(robot, { spec }, hooks))).code, 404);
    assert.deepEqual(judged, [
      {
        metadata: { ...robot.metadata, creationTimestamp: "2026-01-01T00:00:00Z" },
        spec: { ...spec, audiences: [issuerName], expirationSeconds: 3600 },
      },
    ]);
    const issued = await issuerWith({}).issue(robot, { spec: { audiences: [] } }, { issued: hooks.issued });
    assert.equal(judged[1], readClaims(tokenOf(issued))?.["jti"]);
  });

  test("tokens of every issuer are good, signed with any of the keys", async () => {
    const { api, clock } = setup();
    const objects = new CachedObjects({ informers: api, client: api });
    const older = parseSigningKey(generateSigningKeyPem());
    const olderIssuer = new TokenIssuer(
      { issuer: "https://older", apiAudiences: [issuerName], extendExpiration: true },
      { key: older, objects, clock, random: new SeededRandom(1) },
    );
    const token = tokenOf(await olderIssuer.issue(robot, { spec: { audiences: [] } }));
    const judge = (issuers: readonly string[], keys: readonly VerificationKey[]) =>
      new ServiceAccountAuthenticator({ issuers }, { keys, objects, clock }).authenticateToken(token, [
        issuerName,
      ]);
    const answer = await judge([issuerName, "https://older"], [key, older]);
    assert.equal(answer?.user.name, "system:serviceaccount:a:robot");
    assert.equal(await judge([issuerName], [key, older]), undefined);
    await assert.rejects(judge([issuerName, "https://older"], [key]), TokenError);
  });
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JWTPayload } from "jose";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { IssuerMetrics } from "#apiserver/metrics/issuer-metrics.ts";
import { shownHash } from "#apiserver/metrics/server-identity.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { ManualClock, systemClock } from "#base/clock.ts";
import { OidcAuthenticator, type OidcOptions } from "./authenticator.ts";
import { userOfClaims, type ClaimMapping } from "./claims.ts";
import { TestIssuer } from "./testing/issuer.ts";

const mapping: ClaimMapping = {
  usernameClaim: "sub",
  usernamePrefix: "",
  groupsClaim: undefined,
  groupsPrefix: "",
  requiredClaims: {},
};
const optionsOf = (issuer: TestIssuer): OidcOptions => ({
  userOf: (claims) => userOfClaims(claims, { ...mapping, groupsClaim: "groups", groupsPrefix: "oidc:" }),
  issuerUrl: issuer.url,
  audiences: ["kubernetes"],
  signingAlgs: ["RS256"],
  caPem: issuer.caPem,
  apiAudiences: ["api"],
  distributedClaim: "groups",
});

suite("ID tokens of a provider", () => {
  test("name their users; keys are asked for once", async () => {
    await using issuer = await TestIssuer.start();
    const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
    assert.deepEqual(issuer.asked, []);
    const token = await issuer.token({ sub: "jane", groups: ["dev", "ops"], jti: "t-1" });
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await authenticator.authenticateToken(token, ["api"]), {
        user: {
          name: "jane",
          groups: ["oidc:dev", "oidc:ops"],
          extra: { "authentication.kubernetes.io/credential-id": ["JTI=t-1"] },
        },
        audiences: ["api"],
      });
    }
    assert.deepEqual(issuer.asked, ["/.well-known/openid-configuration", "/keys"]);
    assert.equal(await authenticator.authenticateToken(token, ["other"]), undefined);
  });

  test("are verified once; what was good is good no longer than it lasts", async () => {
    await using issuer = await TestIssuer.start();
    const clock = new ManualClock(systemClock.now());
    let mapped = 0;
    const userOf: OidcOptions["userOf"] = ({ sub }) => {
      mapped += 1;
      return { name: String(sub), groups: [] };
    };
    const registry = new Registry();
    const metrics = new IssuerMetrics({ registry, serverId: "apiserver-test" });
    const authenticator = new OidcAuthenticator({ ...optionsOf(issuer), userOf }, { clock, metrics });
    const timed = async (result: string): Promise<number> => {
      const name = "apiserver_authentication_jwt_authenticator_latency_seconds_count";
      return valueIn(await metricsText(registry), name, { result, jwt_issuer_hash: shownHash(issuer.url) });
    };
    const exp = Math.floor(clock.now() / 1000) + 15;
    const token = await issuer.token({ sub: "jane", exp });
    const ask = async (): Promise<string | undefined> =>
      (await authenticator.authenticateToken(token, ["api"]))?.user.name;
    await ask();
    const fetchedAt = clock.now();
    await clock.advance(9_999);
    assert.deepEqual([await ask(), mapped], ["jane", 1]);
    await clock.advance(1);
    assert.deepEqual([await ask(), mapped], ["jane", 2]);
    await clock.advance(6_000);
    await assert.rejects(ask(), /token is expired/);
    // What is remembered isn't looked at.
    assert.deepEqual([await timed("success"), await timed("failure")], [2, 1]);
    const text = await metricsText(registry);
    const fetched = "apiserver_authentication_jwt_authenticator_jwks_fetch_last";
    const of = { jwt_issuer_hash: shownHash(issuer.url), apiserver_id_hash: shownHash("apiserver-test") };
    assert.equal(
      valueIn(text, `${fetched}_timestamp_seconds`, { ...of, result: "success" }),
      fetchedAt / 1000,
    );
    assert.equal(valueIn(text, `${fetched}_timestamp_seconds`, { ...of, result: "failure" }), 0);
    assert.equal(valueIn(text, `${fetched}_key_set_info`, of), 1);
  });

  test("of another issuer are somebody else's", async () => {
    await using issuer = await TestIssuer.start();
    const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
    const token = await issuer.token({ iss: "https://other", sub: "jane" });
    assert.equal(await authenticator.authenticateToken(token, ["api"]), undefined);
    assert.equal(await authenticator.authenticateToken("no.jwt", ["api"]), undefined);
  });

  test("are refused for another client, when expired, and when not signed by the issuer", async () => {
    await using issuer = await TestIssuer.start();
    await using forger = await TestIssuer.start();
    const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
    const now = Math.floor(systemClock.now() / 1000);
    for (const [token, message] of [
      [
        await issuer.token({ sub: "jane", aud: "another" }),
        /expected audience "kubernetes" got \["another"\]/,
      ],
      [await issuer.token({ sub: "jane", exp: now - 10 }), /oidc: token is expired/],
      [await forger.token({ iss: issuer.url, sub: "jane" }), /signature verification failed/],
    ] as const) {
      await assert.rejects(authenticator.authenticateToken(token, ["api"]), message);
    }
  });

  test("signed by a new key make the keys be asked for again, but not each time", async () => {
    await using issuer = await TestIssuer.start();
    const clock = new ManualClock(systemClock.now());
    const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock });
    await authenticator.authenticateToken(await issuer.token({ sub: "jane" }), ["api"]);
    await issuer.renewKey("second");
    const token = await issuer.token({ sub: "jane" });
    await assert.rejects(authenticator.authenticateToken(token, ["api"]), { name: "TokenError" });
    await clock.advance(10_000);
    assert.equal((await authenticator.authenticateToken(token, ["api"]))?.user.name, "jane");
    assert.equal(issuer.asked.filter((path) => path === "/keys").length, 2);
  });
});

test("a new key may be called as the one before", async () => {
  await using issuer = await TestIssuer.start();
  const clock = new ManualClock(systemClock.now());
  const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock });
  await authenticator.authenticateToken(await issuer.token({ sub: "jane" }), ["api"]);
  await issuer.renewKey("first");
  const token = await issuer.token({ sub: "jane" });
  await assert.rejects(authenticator.authenticateToken(token, ["api"]), { name: "TokenError" });
  await clock.advance(10_000);
  assert.equal((await authenticator.authenticateToken(token, ["api"]))?.user.name, "jane");
});

test("of several keys that a token may be signed with each is tried", async () => {
  await using issuer = await TestIssuer.start();
  const old = issuer.jwk;
  await issuer.renewKey("second");
  issuer.keys = { keys: [old, issuer.jwk] };
  const unnamed = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
  const token = await issuer.token({ sub: "jane" }, "");
  assert.equal((await unnamed.authenticateToken(token, ["api"]))?.user.name, "jane");
  issuer.keys = { keys: [old, { ...issuer.jwk, kid: "first" }] };
  const namesakes = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
  const named = await issuer.token({ sub: "jane" }, "first");
  assert.equal((await namesakes.authenticateToken(named, ["api"]))?.user.name, "jane");
  await using forger = await TestIssuer.start();
  for (const kid of ["", "first"]) {
    const forged = await forger.token({ iss: issuer.url, sub: "jane" }, kid);
    await assert.rejects(namesakes.authenticateToken(forged, ["api"]), /signature verification failed/);
  }
});

test("a token is refused while its issuer has nothing that are keys", async () => {
  await using issuer = await TestIssuer.start();
  const token = await issuer.token({ sub: "jane" });
  for (const keys of [null, 7, [], {}, { keys: null }, { keys: [null] }, { keys: [] }]) {
    issuer.keys = keys ?? "null";
    const authenticator = new OidcAuthenticator(optionsOf(issuer), { clock: systemClock });
    await assert.rejects(authenticator.authenticateToken(token, ["api"]), { name: "TokenError" });
  }
});

const refusals: readonly (readonly [Record<string, unknown>, Partial<ClaimMapping>, string])[] = [
  [{}, {}, 'oidc: parse username claims "sub": claim not present'],
  [{ email: "a@b", email_verified: false }, { usernameClaim: "email" }, "oidc: email not verified"],
  [{ sub: "a" }, { requiredClaims: { hd: "x" } }, "oidc: required claim hd not present in ID token"],
  [
    { sub: "a", hd: "y" },
    { requiredClaims: { hd: "x" } },
    "oidc: required claim hd value does not match. Got = y, want = x",
  ],
];
for (const [claims, more, message] of refusals) {
  test(`claims are refused: ${message}`, () => {
    assert.throws(() => userOfClaims(claims, { ...mapping, ...more }), { name: "TokenError", message });
  });
}

const users: readonly (readonly [
  Record<string, unknown>,
  Partial<ClaimMapping>,
  string,
  readonly string[],
])[] = [
  [{ sub: "a" }, { usernamePrefix: "https://i#" }, "https://i#a", []],
  [{ email: "a@b", email_verified: true }, { usernameClaim: "email" }, "a@b", []],
  [{ email: "a@b" }, { usernameClaim: "email" }, "a@b", []],
  [{ sub: "a", roles: "one" }, { groupsClaim: "roles", groupsPrefix: "g:" }, "a", ["g:one"]],
  [{ sub: "a", hd: "x" }, { requiredClaims: { hd: "x" } }, "a", []],
];
for (const [index, [claims, more, name, groups]] of users.entries()) {
  test(`claims as a user (${index})`, () => {
    assert.deepEqual(userOfClaims(claims, { ...mapping, ...more }), { name, groups });
  });
}

const named = (source: object, name = "src1"): JWTPayload => ({
  sub: "jane",
  _claim_names: { groups: "src1" },
  _claim_sources: { [name]: source },
});

async function groupsOf(
  issuer: TestIssuer,
  claims: JWTPayload,
  caPem = issuer.caPem,
): Promise<readonly string[] | undefined> {
  const authenticator = new OidcAuthenticator({ ...optionsOf(issuer), caPem }, { clock: systemClock });
  return (await authenticator.authenticateToken(await issuer.token(claims), ["api"]))?.user.groups;
}

suite("groups that a token has elsewhere", () => {
  test("are asked for there, with the token that it names, and come signed, also by another issuer", async () => {
    await using issuer = await TestIssuer.start();
    issuer.sources.set("/mine", { accessToken: "", token: await issuer.token({ groups: ["dev"] }) });
    assert.deepEqual(await groupsOf(issuer, named({ endpoint: `${issuer.url}/mine` })), ["oidc:dev"]);
    issuer.sources.set("/closed", { accessToken: "Bearer x", token: await issuer.token({ groups: "ops" }) });
    const closed = { endpoint: `${issuer.url}/closed`, access_token: "x" };
    assert.deepEqual(await groupsOf(issuer, named(closed)), ["oidc:ops"]);
    await using other = await TestIssuer.start();
    other.sources.set("/theirs", { accessToken: "", token: await other.token({ groups: ["qa"] }) });
    const theirs = named({ endpoint: `${other.url}/theirs` });
    assert.deepEqual(await groupsOf(issuer, theirs, issuer.caPem + other.caPem), ["oidc:qa"]);
  });

  test("are followed where they went, with the token that opens them on the same host only", async () => {
    await using issuer = await TestIssuer.start();
    await using other = await TestIssuer.start();
    const token = await issuer.token({ groups: ["dev"] });
    const caPem = issuer.caPem + other.caPem;
    issuer.sources.set("/new", { accessToken: "Bearer x", token });
    other.sources.set("/theirs", { accessToken: "", token });
    issuer.moved.set("/old", "/new").set("/away", `${other.url}/theirs`).set("/round", "/round");
    const at = (path: string): JWTPayload => named({ endpoint: `${issuer.url}${path}`, access_token: "x" });
    assert.deepEqual(await groupsOf(issuer, at("/old"), caPem), ["oidc:dev"]);
    assert.deepEqual(await groupsOf(issuer, at("/away"), caPem), ["oidc:dev"]);
    await assert.rejects(groupsOf(issuer, at("/round"), caPem), /stopped after 10 redirects$/);
  });

  test("aren't asked for when the token has them itself, or names no endpoint", async () => {
    await using issuer = await TestIssuer.start();
    const endpoint = `${issuer.url}/nowhere`;
    assert.deepEqual(await groupsOf(issuer, { ...named({ endpoint }), groups: ["own"] }), ["oidc:own"]);
    assert.deepEqual(await groupsOf(issuer, named({ JWT: "an aggregated claim" })), []);
    assert.deepEqual(await groupsOf(issuer, { sub: "jane", _claim_names: {}, _claim_sources: {} }), []);
    assert.deepEqual(
      issuer.asked.filter((path) => path === "/nowhere"),
      [],
    );
  });

  test("that can't be had are a reason to refuse the token", async () => {
    await using issuer = await TestIssuer.start();
    await using forger = await TestIssuer.start();
    const serve = (path: string, token: string): object => {
      issuer.sources.set(path, { accessToken: "", token });
      return { endpoint: `${issuer.url}${path}` };
    };
    const forged = await forger.token({ iss: issuer.url, groups: ["admin"] });
    const cases: readonly (readonly [JWTPayload, RegExp])[] = [
      [{ sub: "jane", _claim_names: { groups: "src1" } }, /: oidc: no claim sources$/],
      [{ sub: "jane", _claim_names: "x" }, /: oidc: error parsing distributed claim names: /],
      [named({}, "src2"), /: id token _claim_names contained a source src1 missing in _claims_sources$/],
      [
        named({ ...serve("/closed", ""), access_token: "y" }),
        /: while getting distributed claim "groups": error while getting distributed claim JWT: 403$/,
      ],
      [
        named(serve("/no-token", "no token")),
        /: getting untrusted issuer from endpoint .*\/no-token failed for claim "groups": malformed token$/,
      ],
      [named(serve("/forged", forged)), /: verify distributed claim token: signature verification failed$/],
      [
        named(serve("/others", await issuer.token({ aud: "another", groups: [] }))),
        /: verify distributed claim token: oidc: expected audience "kubernetes" got \["another"\]$/,
      ],
      [
        named(serve("/without", await issuer.token({ roles: [] }))),
        /: jwt returned by distributed claim endpoint .*\/without did not contain claim: groups$/,
      ],
    ];
    for (const [claims, reason] of cases) {
      await assert.rejects(groupsOf(issuer, claims), { name: "TokenError", message: reason });
    }
  });
});

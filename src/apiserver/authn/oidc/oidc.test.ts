import assert from "node:assert/strict";
import { suite, test } from "node:test";
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
    const authenticator = new OidcAuthenticator({ ...optionsOf(issuer), userOf }, { clock });
    const exp = Math.floor(clock.now() / 1000) + 15;
    const token = await issuer.token({ sub: "jane", exp });
    const ask = async (): Promise<string | undefined> =>
      (await authenticator.authenticateToken(token, ["api"]))?.user.name;
    await ask();
    await clock.advance(9_999);
    assert.deepEqual([await ask(), mapped], ["jane", 1]);
    await clock.advance(1);
    assert.deepEqual([await ask(), mapped], ["jane", 2]);
    await clock.advance(6_000);
    await assert.rejects(ask(), /token is expired/);
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

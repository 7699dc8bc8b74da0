import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { refusal } from "#apiserver/authz/testing/memory-api.ts";
import { createCa, issueCertificate } from "#pki/ca.ts";
import { formatJoinToken } from "#pki/join-token.ts";
import { fromPem } from "#base/pem.ts";
import type { Credentials } from "./authenticator.ts";
import { BearerTokenAuthenticator, TokenError, type TokenAuthenticator } from "./bearer-token.ts";
import { BootstrapTokenAuthenticator } from "./bootstrap-token.ts";
import { ClientCertificateAuthenticator } from "./client-certificate.ts";
import { JoinTokens } from "./join-tokens.ts";
import { TokenFileAuthenticator } from "./token-file.ts";
import { UnionAuthenticator } from "./union.ts";

const clock = new ManualClock();
const random = new SeededRandom(7);
const ca = createCa({ commonName: "ca", clock, random, days: 10 });
const strangers = createCa({ commonName: "ca", clock, random, days: 10 });
const certificate = (from = ca, commonName = "alice", ...organizations: string[]): Buffer =>
  fromPem(
    "CERTIFICATE",
    issueCertificate(from, { commonName, organizations, usage: "client", days: 1 }).certificatePem,
  );
const broken: TokenAuthenticator = {
  authenticateToken: (token) =>
    token === "broken" ? Promise.reject(new TokenError("expired")) : Promise.resolve(undefined),
};
const tokens = new BearerTokenAuthenticator({ apiAudiences: ["api"] }, [
  broken,
  new TokenFileAuthenticator(new Map([["bob-token", { name: "bob", groups: ["dev"] }]]), ["api"]),
]);
const union = new UnionAuthenticator({ allowAnonymous: () => true }, [
  new ClientCertificateAuthenticator({ caPem: ca.certificatePem }, { clock }),
  tokens,
]);
const ask = (bearerToken?: string, clientCertificate?: Buffer): Credentials => ({
  bearerToken,
  clientCertificate,
});

suite("authentication", () => {
  test("a certificate names user and groups, and is told in the extra fields", async () => {
    const user = await union.authenticate(ask(undefined, certificate(ca, "alice", "dev", "ops")));
    assert.equal(user?.name, "alice");
    assert.deepEqual(user.groups, ["dev", "ops", "system:authenticated"]);
    assert.match(
      user.extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "",
      /^X509SHA256=[0-9a-f]{64}$/,
    );
  });

  test("the same certificate yields the same user object", async () => {
    const der = certificate();
    assert.equal(
      await union.authenticate(ask(undefined, der)),
      await union.authenticate(ask(undefined, der)),
    );
  });

  test("a token names its user", async () => {
    const user = await union.authenticate(ask("bob-token"));
    assert.deepEqual(user, { name: "bob", groups: ["dev", "system:authenticated"] });
  });

  test("nothing at all is anonymous, unless that is off", async () => {
    const anonymous = { name: "system:anonymous", groups: ["system:unauthenticated"] };
    assert.deepEqual(await union.authenticate(ask()), anonymous);
    assert.equal(
      await new UnionAuthenticator({ allowAnonymous: () => false }, []).authenticate(ask()),
      undefined,
    );
  });

  const refused: [string, Credentials][] = [
    ["an unknown token", ask("nonsense")],
    ["a bad token", ask("broken")],
    ["a stranger's certificate", ask(undefined, certificate(strangers))],
    ["garbage for a certificate", ask(undefined, Buffer.from("x"))],
  ];
  for (const [name, credentials] of refused) {
    test(`${name} is refused, not taken for anonymous`, async () => {
      assert.deepEqual(await refusal(() => union.authenticate(credentials)), {
        code: 401,
        message: "Unauthorized",
      });
    });
  }

  test("a stranger's certificate doesn't spoil a good token", async () => {
    const user = await union.authenticate(ask("bob-token", certificate(strangers)));
    assert.equal(user?.name, "bob");
  });

  test("a certificate without a name is no user", async () => {
    const user = await union.authenticate(ask(undefined, certificate(ca, "")));
    assert.equal(user?.name, "system:anonymous");
  });

  test("a review tells why a token is bad, and knows audiences", async () => {
    await assert.rejects(tokens.review("broken", []), TokenError);
    assert.equal(await tokens.review("nonsense", []), undefined);
    const answer = await tokens.review("bob-token", ["x", "api"]);
    assert.deepEqual(answer, {
      user: { name: "bob", groups: ["dev", "system:authenticated"] },
      audiences: ["api"],
    });
    assert.equal(await tokens.review("bob-token", ["x"]), undefined);
  });
});

suite("join tokens", () => {
  const join = new JoinTokens(
    [{ user: "node", password: "s3:cret", groups: ["system:bootstrappers:mini-k8s:agent"] }],
    ["api"],
  );
  const expected = {
    name: "system:bootstrap:node",
    groups: ["system:bootstrappers", "system:bootstrappers:mini-k8s:agent"],
  };

  test("the full token and its credentials name the bootstrap user", async () => {
    for (const token of [formatJoinToken(ca.certificatePem, "node", "s3:cret"), "node:s3:cret"]) {
      assert.deepEqual((await join.authenticateToken(token, ["api"]))?.user, expected);
    }
    assert.deepEqual(join.verify("node", "s3:cret"), expected);
  });

  test("anything else is nobody", async () => {
    for (const token of ["node:wrong", "server:s3:cret", "s3", "K10::node:x", "a.b.c"]) {
      assert.equal(await join.authenticateToken(token, ["api"]), undefined);
    }
    assert.equal(join.verify("node", ""), undefined);
  });
});

const data = (more: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      "token-id": "abcdef",
      "token-secret": "0123456789abcdef",
      "usage-bootstrap-authentication": "true",
      expiration: "2026-01-02T00:00:00Z",
      "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
      ...more,
    }).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );

suite("bootstrap tokens", () => {
  const cases: [string, string, Record<string, string>, string[] | undefined][] = [
    [
      "a good one",
      "abcdef.0123456789abcdef",
      {},
      ["system:bootstrappers", "system:bootstrappers:kubeadm:default-node-token"],
    ],
    ["a wrong secret", "abcdef.0123456789abcdee", {}, undefined],
    ["an expired one", "abcdef.0123456789abcdef", { expiration: "2025-12-31T00:00:00Z" }, undefined],
    ["an unreadable date", "abcdef.0123456789abcdef", { expiration: "soon" }, undefined],
    [
      "not for authentication",
      "abcdef.0123456789abcdef",
      { "usage-bootstrap-authentication": "no" },
      undefined,
    ],
    ["power-hungry groups", "abcdef.0123456789abcdef", { "auth-extra-groups": "system:masters" }, undefined],
    ["without more groups", "abcdef.0123456789abcdef", { "auth-extra-groups": "" }, ["system:bootstrappers"]],
    ["another id", "fedcba.0123456789abcdef", {}, undefined],
    ["another form", "abcdef-0123456789abcdef", {}, undefined],
  ];
  for (const [name, token, more, groups] of cases) {
    test(name, async () => {
      const authenticator = new BootstrapTokenAuthenticator(["api"], {
        clock,
        secret: (wanted) =>
          Promise.resolve(
            wanted === "bootstrap-token-abcdef"
              ? { metadata: { name: wanted }, type: "bootstrap.kubernetes.io/token", data: data(more) }
              : undefined,
          ),
      });
      const answer = await authenticator.authenticateToken(token, ["api"]);
      assert.deepEqual(answer?.user.groups, groups);
    });
  }
});

test("whether anonymous is welcome depends on the path as everybody sees it", async () => {
  const livez = new UnionAuthenticator({ allowAnonymous: (path) => path === "/livez" }, []);
  const welcome = async (target: string): Promise<boolean> =>
    (await livez.authenticate({ ...ask(), target })) !== undefined;
  for (const target of ["/livez", "/livez?verbose", "/%6civez", "/%6Civez?x=%2f"]) {
    assert.equal(await welcome(target), true, target);
  }
  for (const target of ["/", "/livez/", "/%", "/%25livez", "//livez", "/readyz?/livez"]) {
    assert.equal(await welcome(target), false, target);
  }
});

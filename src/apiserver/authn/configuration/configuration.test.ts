import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Registry } from "prom-client";
import { createExpressions, type Expressions } from "#api/expressions.ts";
import { systemClock } from "#base/clock.ts";
import { silentLogger, type LogFields } from "#base/log.ts";
import type { Claims } from "#pki/jwt.ts";
import type { UserInfo } from "../authenticator.ts";
import { TestIssuer } from "../oidc/testing/issuer.ts";
import { ConfiguredTokens } from "./configured.ts";
import type { GivenAuthentication, GivenJwt } from "./given.ts";
import { mapUser } from "./mapping.ts";
import { parseAuthentication } from "./parse.ts";

const expressions = createExpressions();
const loadExpressions = (): Promise<Expressions> => Promise.resolve(expressions);
const own = "https://own";

const parse = (given: GivenAuthentication): ReturnType<typeof parseAuthentication> =>
  parseAuthentication(given, { disallowedIssuers: [own], loadExpressions });

const good: GivenJwt = {
  issuer: { url: "https://i", audiences: ["a"] },
  claimMappings: { username: { claim: "sub", prefix: "" } },
};
const withIssuer = (issuer: NonNullable<GivenJwt["issuer"]>): GivenAuthentication => ({
  jwt: [{ ...good, issuer: { ...good.issuer, ...issuer } }],
});
const withMappings = (claimMappings: NonNullable<GivenJwt["claimMappings"]>): GivenAuthentication => ({
  jwt: [{ ...good, claimMappings: { ...good.claimMappings, ...claimMappings } }],
});

const emailText =
  "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression";

const refusals: readonly (readonly [GivenAuthentication, readonly string[]])[] = [
  [
    { jwt: [{}] },
    [
      "jwt[0].issuer.url: Required value",
      "jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required",
      "jwt[0].claimMappings.username: Required value: claim or expression is required",
    ],
  ],
  [{ jwt: [good, good] }, ['jwt[1].issuer.url: Duplicate value: "https://i"']],
  [
    withIssuer({ url: own }),
    [`jwt[0].issuer.url: Invalid value: "${own}": URL must not overlap with disallowed issuers: [${own}]`],
  ],
  [
    withIssuer({ url: "http://i" }),
    ['jwt[0].issuer.url: Invalid value: "http://i": URL scheme must be https'],
  ],
  [
    withIssuer({ url: "https://u:p@i/?q#f" }),
    [
      'jwt[0].issuer.url: Invalid value: "https://u:p@i/?q#f": URL must not contain a username or password',
      'jwt[0].issuer.url: Invalid value: "https://u:p@i/?q#f": URL must not contain a query',
      'jwt[0].issuer.url: Invalid value: "https://u:p@i/?q#f": URL must not contain a fragment',
    ],
  ],
  [
    withIssuer({ url: "http://u@i/?q" }),
    [
      'jwt[0].issuer.url: Invalid value: "http://u@i/?q": URL scheme must be https',
      'jwt[0].issuer.url: Invalid value: "http://u@i/?q": URL must not contain a username or password',
      'jwt[0].issuer.url: Invalid value: "http://u@i/?q": URL must not contain a query',
    ],
  ],
  [
    withIssuer({ discoveryURL: "https://i/" }),
    ['jwt[0].issuer.discoveryURL: Invalid value: "https://i/": discoveryURL must be different from URL'],
  ],
  [
    withIssuer({ audiences: ["a", "a"] }),
    [
      'jwt[0].issuer.audiences[1]: Duplicate value: "a"',
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences',
    ],
  ],
  [
    withIssuer({ audienceMatchPolicy: "All", certificateAuthority: "x" }),
    [
      'jwt[0].issuer.audienceMatchPolicy: Invalid value: "All": audienceMatchPolicy must be empty or MatchAny for single audience',
      'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates',
    ],
  ],
  [
    withMappings({
      username: { claim: "sub" },
      groups: { claim: "g", expression: "1" },
      uid: { claim: "a", expression: "b" },
    }),
    [
      "jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing",
      'jwt[0].claimMappings.groups: Invalid value: "": claim and expression can\'t both be set',
      'jwt[0].claimMappings.uid: Invalid value: "": claim and expression can\'t both be set',
    ],
  ],
  [
    withMappings({ username: { expression: "claims.email", prefix: "x" } }),
    [
      'jwt[0].claimMappings.username.prefix: Invalid value: "x": may not be specified when expression is set',
      `jwt[0].claimMappings.username.expression: Invalid value: "claims.email": ${emailText}`,
    ],
  ],
  [
    withMappings({
      extra: [
        { key: "foo", valueExpression: "'a'" },
        { key: "Example.org/A", valueExpression: "'a'" },
        { key: "x.k8s.io/a", valueExpression: "'a'" },
        { key: "example.org/a" },
      ],
    }),
    [
      'jwt[0].claimMappings.extra[0].key: Invalid value: "foo": must be a domain-prefixed path (such as "acme.io/foo")',
      "jwt[0].claimMappings.extra[1].key: Invalid value: \"Example.org\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'jwt[0].claimMappings.extra[1].key: Invalid value: "Example.org/A": must be lowercase',
      'jwt[0].claimMappings.extra[2].key: Invalid value: "x.k8s.io/a": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use',
      "jwt[0].claimMappings.extra[3].valueExpression: Required value",
    ],
  ],
  [
    {
      jwt: [
        {
          ...good,
          claimValidationRules: [
            {},
            { claim: "a", message: "m" },
            { claim: "a" },
            { expression: "true", requiredValue: "v" },
            { expression: "true" },
            { expression: "'x'" },
          ],
          userValidationRules: [
            {},
            { expression: "user.username == 'a'" },
            { expression: "user.name == 'a'" },
          ],
        },
      ],
    },
    [
      "jwt[0].claimValidationRules[0]: Required value: claim or expression is required",
      'jwt[0].claimValidationRules[1].message: Invalid value: "m": may not be specified when claim is set',
      'jwt[0].claimValidationRules[2].claim: Duplicate value: "a"',
      'jwt[0].claimValidationRules[3].requiredValue: Invalid value: "v": may not be specified when expression is set',
      'jwt[0].claimValidationRules[4].expression: Duplicate value: "true"',
      "jwt[0].claimValidationRules[5].expression: Invalid value: \"'x'\": must evaluate to bool",
      "jwt[0].userValidationRules[0].expression: Required value",
      "jwt[0].userValidationRules[2].expression: Invalid value: \"user.name == 'a'\": compilation failed: ERROR: <input>:1:5: undefined field 'name'\n | user.name == 'a'\n | ....^",
    ],
  ],
  [
    { anonymous: { enabled: false, conditions: [{ path: "/livez" }] } },
    [
      'anonymous.conditions: Invalid value: [{"path":"/livez"}]: enabled should be set to true when conditions are defined',
    ],
  ],
];
for (const [given, faults] of refusals) {
  test(`a configuration is refused: ${faults[0] ?? ""}`, async () => {
    assert.deepEqual((await parse(given)).faults, faults);
  });
}

async function mapped(jwt: GivenJwt, claims: Claims): Promise<UserInfo> {
  const { issuers, faults } = await parse({ jwt: [{ ...good, ...jwt }] });
  assert.deepEqual(faults, []);
  const [issuer] = issuers;
  assert.ok(issuer);
  return mapUser(claims, issuer.mapping);
}

suite("claims as users", () => {
  test("by claims and prefixes", async () => {
    const claimMappings = {
      username: { claim: "sub", prefix: "u:" },
      groups: { claim: "roles", prefix: "g:" },
      uid: { claim: "id" },
    };
    assert.deepEqual(await mapped({ claimMappings }, { sub: "jane", roles: ["a", "b"], id: "7" }), {
      name: "u:jane",
      groups: ["g:a", "g:b"],
      uid: "7",
    });
  });

  test("by expressions", async () => {
    const claimMappings = {
      username: { expression: "claims.sub + ':' + claims.tenant" },
      groups: { expression: "claims.roles.split(',')" },
      uid: { expression: "string(claims.n)" },
      extra: [
        { key: "example.org/tenant", valueExpression: "claims.tenant" },
        { key: "example.org/none", valueExpression: "claims.?none.orValue([])" },
      ],
    };
    const claims = { sub: "jane", tenant: "t", roles: "a,,b", n: 7, jti: "x" };
    assert.deepEqual(await mapped({ claimMappings }, claims), {
      name: "jane:t",
      groups: ["a", "b"],
      uid: "7",
      extra: {
        "authentication.kubernetes.io/credential-id": ["JTI=x"],
        "example.org/tenant": ["t"],
      },
    });
  });

  for (const [name, jwt, message] of [
    [
      "an absent claim",
      { claimMappings: { username: { expression: "claims.name" } } },
      "oidc: error evaluating username claim expression: expression 'claims.name' resulted in error: no such key: name",
    ],
    [
      "a name that is none",
      { claimMappings: { username: { expression: "claims.n" } } },
      "oidc: error evaluating username claim expression: username claim expression must return a string",
    ],
    [
      "an empty name",
      { claimMappings: { username: { expression: "''" } } },
      "oidc: error evaluating username claim expression: the username is empty",
    ],
    [
      "groups that are none",
      { claimMappings: { ...good.claimMappings, groups: { expression: "[1]" } } },
      "oidc: error evaluating group claim expression: expression must return a string or a list of strings",
    ],
    [
      "a required claim",
      { claimValidationRules: [{ claim: "hd", requiredValue: "x" }] },
      "oidc: required claim hd not present in ID token",
    ],
    [
      "a rule of claims",
      { claimValidationRules: [{ expression: "claims.exp - claims.nbf <= 10", message: "too long" }] },
      "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 10' failed: too long",
    ],
    [
      "a rule of users",
      { userValidationRules: [{ expression: "!user.username.startsWith('j')", message: "no j" }] },
      "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('j')' failed: no j",
    ],
  ] as const) {
    test(`are refused: ${name}`, async () => {
      await assert.rejects(mapped(jwt, { sub: "jane", n: 1, exp: 20, nbf: 1 }), {
        name: "TokenError",
        message,
      });
    });
  }
});

test("the file of a configuration is followed: its issuers, and not who needs no token", async () => {
  await using issuer = await TestIssuer.start();
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-authn-"));
  const path = join(directory, "config.json");
  const write = (content: GivenAuthentication): void => {
    const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthenticationConfiguration" };
    writeFileSync(`${path}.new`, JSON.stringify({ ...head, ...content }));
    renameSync(`${path}.new`, path);
  };
  const told: { wake: () => void; fail: (reason: unknown) => void } = {
    wake: () => undefined,
    fail: () => undefined,
  };
  const log = {
    ...silentLogger,
    info: (): void => {
      told.wake();
    },
    error: (_text: string, fields?: LogFields): void => {
      told.fail(fields?.["reason"]);
    },
  };
  const anonymous = { enabled: true, conditions: [{ path: "/livez" }] };
  write({ anonymous });
  const options = {
    configFile: path,
    apiAudiences: ["api"],
    ownIssuers: [own],
    isAnonymousAuthGiven: false,
  };
  const tokens = new ConfiguredTokens(options, {
    clock: systemClock,
    log,
    loadExpressions,
    registry: new Registry(),
    serverId: "apiserver-test",
  });
  const stop = await tokens.load();
  try {
    const token = await issuer.token({ sub: "jane", aud: "b" });
    assert.equal(await tokens.authenticateToken(token, ["api"]), undefined);
    assert.equal(tokens.allowsAnonymous("/livez"), true);
    assert.equal(tokens.allowsAnonymous("/readyz"), false);
    const refused = new Promise<unknown>((done) => {
      told.fail = done;
    });
    write({ anonymous: { enabled: true } });
    assert.match(String(await refused), /: anonymous: Forbidden: changed from initial configuration file$/);
    assert.equal(tokens.allowsAnonymous("/readyz"), false);
    const loaded = new Promise<void>((done) => {
      told.wake = done;
    });
    write({
      jwt: [
        {
          ...good,
          issuer: {
            url: issuer.url,
            discoveryURL: `${issuer.url}/elsewhere`,
            certificateAuthority: issuer.caPem,
            audiences: ["a", "b"],
            audienceMatchPolicy: "MatchAny",
          },
        },
      ],
      anonymous,
    });
    await loaded;
    assert.deepEqual(await tokens.authenticateToken(token, ["api"]), {
      user: { name: "jane", groups: [] },
      audiences: ["api"],
    });
    assert.deepEqual(issuer.asked, ["/elsewhere", "/keys"]);
    await assert.rejects(tokens.authenticateToken(await issuer.token({ sub: "jane", aud: "c" }), ["api"]), {
      message: 'oidc: verify token: oidc: expected audience in ["a" "b"] got ["c"]',
    });
  } finally {
    stop();
    rmSync(directory, { recursive: true });
  }
});

test("a configuration and a flag don't both say who needs no token", async () => {
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-authn-"));
  const path = join(directory, "config.json");
  const tokens = (content: GivenAuthentication): ConfiguredTokens => {
    const head = { apiVersion: "apiserver.config.k8s.io/v1", kind: "AuthenticationConfiguration" };
    writeFileSync(path, JSON.stringify({ ...head, ...content }));
    return new ConfiguredTokens(
      { configFile: path, apiAudiences: [], ownIssuers: [], isAnonymousAuthGiven: true },
      {
        clock: systemClock,
        log: silentLogger,
        loadExpressions,
        registry: new Registry(),
        serverId: "apiserver-test",
      },
    );
  };
  try {
    await assert.rejects(
      tokens({ anonymous: { enabled: true } }).load(),
      /anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file$/,
    );
    const silent = tokens({});
    (await silent.load())();
    assert.equal(silent.allowsAnonymous("/livez"), undefined);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { readOidc } from "./options.ts";

function read(given: Readonly<Record<string, string | readonly string[]>>): {
  readonly flags: ReturnType<typeof readOidc>;
  readonly faults: readonly string[];
} {
  const faults: string[] = [];
  const flags = readOidc({
    text: (name) => (typeof given[name] === "string" ? given[name] : undefined),
    list: (name) => (Array.isArray(given[name]) ? (given[name] as readonly string[]) : []),
    duration: (_name, fallbackMs) => fallbackMs,
    faults,
  });
  return { flags, faults };
}

const basic = { "oidc-issuer-url": "https://i", "oidc-client-id": "c" };

test("without a provider there is none, and half of one is a fault", () => {
  assert.deepEqual(read({}), { flags: undefined, faults: [] });
  assert.deepEqual(read({ "oidc-client-id": "c" }).faults, [
    "--oidc-issuer-url and --oidc-client-id must be specified together",
  ]);
});

for (const [given, prefix] of [
  [{}, "https://i#"],
  [{ "oidc-username-prefix": "-" }, ""],
  [{ "oidc-username-prefix": "x:" }, "x:"],
  [{ "oidc-username-claim": "email" }, ""],
] as const) {
  test(`the prefix of names with ${JSON.stringify(given)}`, () => {
    assert.equal(read({ ...basic, ...given }).flags?.usernamePrefix, prefix);
  });
}

test("claims and algorithms", () => {
  const { flags, faults } = read({
    ...basic,
    "oidc-required-claim": ["a=b=c", "d"],
    "oidc-signing-algs": ["ES256,none"],
  });
  assert.deepEqual(flags?.requiredClaims, { a: "b=c" });
  assert.deepEqual(faults, [
    "--oidc-required-claim is d, must be KEY=VALUE",
    "--oidc-signing-algs has none, must be of RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512",
  ]);
  assert.deepEqual(read(basic).flags?.signingAlgs, ["RS256"]);
  assert.deepEqual(read({ ...basic, "oidc-issuer-url": "http://i" }).faults, [
    "--oidc-issuer-url is http://i, must be an https URL",
  ]);
});

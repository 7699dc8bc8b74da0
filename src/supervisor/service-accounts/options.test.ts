import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "#base/options.ts";
import { serverSpecs } from "../option-tables.ts";
import { readServerOptions } from "../options.ts";

const machine = { isRoot: true, home: "/home/me", hostname: "laptop" };

function read(given: Record<string, unknown>): ReturnType<typeof readServerOptions> {
  const parsed = parseOptions(serverSpecs, given, (name) => `--${name}`);
  assert.deepEqual(parsed.faults, []);
  return readServerOptions(parsed.values, machine);
}

const own = "https://kubernetes.default.svc.example.org";

test("without a word, the cluster's domain names the issuer", () => {
  const { options, faults } = read({ "cluster-domain": "example.org" });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.serviceAccounts, {
    issuers: [own],
    apiAudiences: [own],
    jwksUri: undefined,
    tokenSecondsMax: undefined,
    extendsExpiration: true,
    looksUp: true,
    keyFiles: [],
    signingKeyFile: undefined,
  });
});

test("what is asked for is read; audiences are the issuers unless they are named", () => {
  const issuers = { "service-account-issuer": ["https://a", "https://b"] };
  assert.deepEqual(read(issuers).options.serviceAccounts.apiAudiences, ["https://a", "https://b"]);
  const { options, faults } = read({
    ...issuers,
    "api-audiences": "api,https://a",
    "service-account-key-file": ["one.pem", "two.pem"],
    "service-account-signing-key-file": "sign.pem",
    "service-account-max-token-expiration": "24h",
    "service-account-extend-token-expiration": "false",
    "service-account-lookup": "false",
    "service-account-jwks-uri": "https://keys.example.org/jwks",
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.serviceAccounts, {
    issuers: ["https://a", "https://b"],
    apiAudiences: ["api", "https://a"],
    jwksUri: "https://keys.example.org/jwks",
    tokenSecondsMax: 86_400,
    extendsExpiration: false,
    looksUp: false,
    keyFiles: ["one.pem", "two.pem"],
    signingKeyFile: "sign.pem",
  });
});

const range = "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds";

for (const [given, fault] of [
  [{ "service-account-issuer": "a,a" }, 'service-account-issuer "a" is already specified'],
  [
    { "service-account-issuer": ":a" },
    "service-account-issuer \":a\" contained a ':' but was not a valid URL",
  ],
  [
    { "service-account-jwks-uri": "http://a/b" },
    "service-account-jwks-uri requires https scheme, parsed as: http://a/b",
  ],
  [{ "service-account-max-token-expiration": "59m" }, range],
  [{ "service-account-max-token-expiration": "1193047h" }, range],
] as const) {
  test(`${JSON.stringify(given)} is refused in upstream's words`, () => {
    assert.deepEqual(read(given).faults, [fault]);
  });
}

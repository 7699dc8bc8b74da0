import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "#base/options.ts";
import { defaultServing } from "#apiserver/http/serving-options.ts";
import { serverSpecs } from "../option-tables.ts";
import { readServerOptions } from "../options.ts";

const machine = { isRoot: true, home: "/home/me", hostname: "laptop" };

function read(given: Record<string, unknown>): ReturnType<typeof readServerOptions> {
  const parsed = parseOptions(serverSpecs, given, (name) => `--${name}`);
  assert.deepEqual(parsed.faults, []);
  return readServerOptions(parsed.values, machine);
}

test("without a word, everything is as kube-apiserver has it", () => {
  const { options, faults } = read({});
  assert.deepEqual(faults, []);
  assert.deepEqual(options.requests, {
    requestTimeoutMs: 60_000,
    minRequestTimeoutMs: 1_800_000,
    shutdownDelayMs: 0,
    livezGraceMs: 0,
    eventTtlMs: 3_600_000,
    requestLimits: { reading: 400, mutating: 200 },
    isFair: true,
    externalHostname: undefined,
    serving: defaultServing,
  });
});

test("what is asked for is read", () => {
  const { options, faults } = read({
    "max-requests-inflight": 10,
    "max-mutating-requests-inflight": "0",
    "shutdown-send-retry-after": true,
    "shutdown-watch-termination-grace-period": "5s",
    "goaway-chance": "0.001",
    "cors-allowed-origins": "//a(:|$),^https://b$",
    "strict-transport-security-directives": "max-age=31536000,includeSubDomains",
    "tls-min-version": "VersionTLS13",
    "tls-cipher-suites": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "http2-max-streams-per-connection": 100,
    "external-hostname": "api.example.com",
    "tls-sni-cert-key": ["a.crt, a.key: *.a.example.com,a.example.com", "b.crt,b.key"],
    "livez-grace-period": "1m",
    "event-ttl": "90s",
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.requests.requestLimits, { reading: 10, mutating: 0 });
  assert.equal(options.requests.externalHostname, "api.example.com");
  assert.deepEqual([options.requests.livezGraceMs, options.requests.eventTtlMs], [60_000, 90_000]);
  assert.deepEqual(options.requests.serving, {
    corsAllowedOrigins: ["//a(:|$)", "^https://b$"],
    hstsDirectives: ["max-age=31536000", "includeSubDomains"],
    goawayChance: 0.001,
    sendsRetryAfter: true,
    watchGraceMs: 5000,
    tlsMinVersion: "TLSv1.3",
    cipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    sniCertificates: [
      { certFile: "a.crt", keyFile: "a.key", names: ["*.a.example.com", "a.example.com"] },
      { certFile: "b.crt", keyFile: "b.key", names: [] },
    ],
    http2StreamsMax: 100,
  });
});

test("without priority and fairness there may be no limit at all", () => {
  const { options, faults } = read({
    "enable-priority-and-fairness": "false",
    "max-requests-inflight": 0,
    "max-mutating-requests-inflight": 0,
  });
  assert.deepEqual(faults, []);
  assert.deepEqual(options.requests.requestLimits, { reading: 0, mutating: 0 });
  assert.equal(options.requests.isFair, false);
});

const hstsFault =
  "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information";

for (const [given, fault] of [
  [{ "goaway-chance": "0.03" }, "--goaway-chance can not be less than 0 or greater than 0.02"],
  [{ "goaway-chance": "much" }, "--goaway-chance can not be less than 0 or greater than 0.02"],
  [{ "max-requests-inflight": -1 }, "--max-requests-inflight can not be negative value"],
  [{ "livez-grace-period": "-1s" }, "--livez-grace-period can not be a negative value"],
  [{ "shutdown-delay-duration": "-1s" }, "--shutdown-delay-duration can not be negative value"],
  [{ "min-request-timeout": -1 }, "--min-request-timeout can not be negative value"],
  [
    { "max-requests-inflight": 0, "max-mutating-requests-inflight": 0 },
    "invalid configuration: MaxRequestsInFlight=0 and MaxMutatingRequestsInFlight=0; they must add up to something positive",
  ],
  [
    { "tls-sni-cert-key": "a.crt" },
    "--tls-sni-cert-key is a.crt: expected comma separated certificate and key file paths",
  ],
  [{ "tls-sni-cert-key": "a,b:" }, "--tls-sni-cert-key is a,b:: empty names list is not allowed"],
  [{ "tls-min-version": "TLS12" }, 'unknown tls version "TLS12"'],
  [{ "tls-min-version": "constructor" }, 'unknown tls version "constructor"'],
  [{ "tls-cipher-suites": "NULL" }, "cipher suite NULL not supported or doesn't exist"],
  [{ "strict-transport-security-directives": "maxage=1" }, hstsFault],
  [
    { "cors-allowed-origins": "example.com" },
    "--cors-allowed-origins has an invalid regular expression: regular expression does not pin to start/end of host in the origin header",
  ],
] as const) {
  test(`${JSON.stringify(given)} is refused in upstream's words`, () => {
    assert.deepEqual(read(given).faults, [fault]);
  });
}

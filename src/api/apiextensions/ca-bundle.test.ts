import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { systemRandom } from "#base/random.ts";
import { createCa } from "#pki/ca.ts";
import { caBundleFault } from "./ca-bundle.ts";

const { certificatePem } = createCa({ commonName: "a", days: 1, clock: systemClock, random: systemRandom });
const block = (type: string, body: string): string =>
  `-----BEGIN ${type}-----\n${body}-----END ${type}-----\n`;
const bad = block("CERTIFICATE", "MIIDGTCCAgGgAwIBAgIUOS2M\n");
const key = block("PRIVATE KEY", "MIIDGTCCAgGgAwIBAgIUOS2M\n");

const noPem = "unable to parse bytes as PEM block";
const noCertificate = "no valid certificate authority data seen";
const malformed = "failed to parse certificate: x509: malformed certificate";

for (const [what, pem, fault] of [
  ["a certificate", certificatePem, undefined],
  ["one without its last end of line", certificatePem.trimEnd(), undefined],
  ["one among others", `some words\n${key}${bad}${certificatePem}more words`, undefined],
  ["words", "not a cert", noPem],
  ["an end of line", "\n", noPem],
  ["a key", key, noCertificate],
  ["a key without its last end of line", key.trimEnd(), noCertificate],
  ["a key, and words", `${key}words`, noPem],
  ["what is no certificate", bad, malformed],
  ["what is none behind a key", key + bad, malformed],
  ["a certificate of another's, with headers", block("CERTIFICATE", "a: b\n\nMIID\n"), noCertificate],
  ["base64 that is none", block("CERTIFICATE", "MIID!\n"), noPem],
  ["a block without an end", "-----BEGIN CERTIFICATE-----\nMIID\n", noPem],
] as const) {
  test(`${what}: ${fault ?? "good"}`, () => {
    const wanted = fault && `unable to load root certificates: ${fault}`;
    assert.equal(caBundleFault(Buffer.from(pem, "latin1").toString("base64")), wanted);
  });
}

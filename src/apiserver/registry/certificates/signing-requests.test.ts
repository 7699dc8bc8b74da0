import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { fieldErrorText, forbidden, required } from "#api/meta/field-error.ts";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { SigningMetrics } from "#apiserver/metrics/signing-metrics.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { createCa } from "#pki/ca.ts";
import { createCsr } from "#pki/csr.ts";
import { toPem } from "#base/pem.ts";
import { ManualClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { DefaultStrategy, StatusStrategy, type StrategyContext } from "../strategy.ts";
import { SigningRequestStrategy, SigningStatusStrategy } from "./signing-requests.ts";

const strategy = new SigningRequestStrategy(
  new DefaultStrategy({
    hasStatus: true,
    initialStatus: {},
    generation: "none",
    dropDisabled: () => undefined,
    allowCreateOnUpdate: false,
    allowUnconditionalUpdate: true,
    returnsDeletedObject: false,
    validation: { create: () => [], update: () => [] },
  }),
);
const faultsOf = (pem: string): string[] => {
  const spec = { request: Buffer.from(pem).toString("base64"), signerName: "a/b", usages: [] };
  return strategy.validateCreate({ metadata: { name: "r" }, spec }).map(fieldErrorText);
};
const { csrPem } = createCsr({ commonName: "jane" });

test("a request that can be read is fine", () => {
  assert.deepEqual(faultsOf(csrPem), []);
});

test("the first block of a request has to be one", () => {
  const detail = "PEM block type must be CERTIFICATE REQUEST";
  for (const pem of ["", "invalid data", toPem("PUBLIC KEY", Buffer.of(1)) + csrPem]) {
    const shown = JSON.stringify(Buffer.from(pem).toString("base64"));
    assert.deepEqual(faultsOf(pem), [`spec.request: Invalid value: ${shown}: ${detail}`]);
  }
  assert.deepEqual(faultsOf(`words\n${csrPem}${toPem("PUBLIC KEY", Buffer.of(1))}`), []);
  const none = { metadata: { name: "r" }, spec: { signerName: "a/b", usages: [] } };
  assert.deepEqual(strategy.validateCreate(none).map(fieldErrorText), [
    `spec.request: Invalid value: null: ${detail}`,
  ]);
});

test("one that can't is refused", () => {
  const [fault = "", ...others] = faultsOf(csrPem.replace(/\n[^\n]+\n-----END/, "\n-----END"));
  assert.deepEqual(others, []);
  assert.match(fault, /^spec\.request: Invalid value: ".+": the request can't be read$/);
});

test("one whose sender doesn't hold the key is refused", () => {
  const der = Buffer.from(csrPem.replaceAll(/-----[^-]+-----|\n/g, ""), "base64");
  der.writeUInt8((der.at(-1) ?? 0) ^ 1, der.length - 1);
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.match(faultsOf(pem)[0] ?? "", /: the request's signature doesn't fit its key$/);
});

const now = "2026-01-01T00:00:00Z";
const context: StrategyContext = {
  now,
  dryRun: false,
  requestVersion: "certificates.k8s.io/v1",
  user: { name: "u", groups: [] },
  warn: () => undefined,
};
const status = new SigningStatusStrategy(
  new StatusStrategy({
    allowUnconditionalUpdate: true,
    keeps: [],
    dropDisabled: () => undefined,
    validate: () => [],
  }),
  "status",
  () => [],
);
const approved = {
  type: "Approved",
  status: "True",
  reason: "Because",
  lastUpdateTime: "2025-01-01T00:00:00Z",
};
const request = (...conditions: object[]): AnyObject => ({ metadata: {}, status: { conditions } });

test("whoever writes the status can't change what an approval says; conditions get their times", () => {
  const object = request({ ...approved, reason: "Changed" }, { type: "Failed", status: "True" });
  status.prepareForUpdate(object, request(approved), context);
  assert.deepEqual(
    object,
    request(
      { ...approved, lastTransitionTime: now },
      { type: "Failed", status: "True", lastUpdateTime: now, lastTransitionTime: now },
    ),
  );
});

test("whoever approves can", () => {
  const object = request({ ...approved, reason: "Changed" });
  const before = request({ ...approved, lastTransitionTime: "2025-01-01T00:00:00Z" });
  status.forApproval(() => []).prepareForUpdate(object, before, context);
  const kept = { ...approved, reason: "Changed", lastTransitionTime: "2025-01-01T00:00:00Z" };
  assert.deepEqual(object, request(kept));
});

test("a condition's time of transition is that of the first like it which has one", () => {
  const first = "2024-01-01T00:00:00Z";
  const failed = { type: "Failed", status: "True", lastUpdateTime: first };
  const object = request(failed);
  status.prepareForUpdate(object, request(failed, { ...failed, lastTransitionTime: first }), context);
  assert.deepEqual(object, request({ ...failed, lastTransitionTime: first }));
});

const withCertificate = (pem: string): AnyObject => ({
  metadata: {},
  status: { certificate: Buffer.from(pem).toString("base64") },
});

const clock = new ManualClock();
const good = createCa({ commonName: "ca", days: 1, clock, random: new SeededRandom(1) }).certificatePem;

const asked = (expirationSeconds: number | undefined, signerName: string): AnyObject => ({
  metadata: {},
  spec: { signerName, ...(expirationSeconds === undefined ? {} : { expirationSeconds }) },
});
const counterOf = (what: string): string => `apiserver_certificates_registry_csr_${what}_duration_total`;

test("a first certificate is counted once it is written, and whether it lasts as was asked", async () => {
  const registry = new Registry();
  const counted = new SigningStatusStrategy(status, "status", () => [], new SigningMetrics(registry));
  const day = 86_400;
  const own = "kubernetes.io/kube-apiserver-client";
  for (const [old, outcome] of [
    [asked(day, own), "written"],
    [asked(day * 2, own), "written"],
    [asked(day, own), "failed"],
    [asked(undefined, own), "written"],
    [asked(day, "example.com/mine"), "written"],
    [{ ...asked(day, own), ...withCertificate(good) }, "written"],
  ] as const) {
    await (
      await counted.beginUpdate(withCertificate(good), old)
    )(outcome);
  }
  const text = await metricsText(registry);
  assert.equal(valueIn(text, counterOf("requested"), { signerName: own }), 2);
  assert.equal(valueIn(text, counterOf("honored"), { signerName: own }), 1);
  assert.equal(valueIn(text, counterOf("honored"), { signerName: "other" }), 1);
});

const block = (label: string, body: string): string =>
  `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
const fault = (text: string): string => `status.certificate: Invalid value: "<certificate data>": ${text}`;

/** From what was there to what is put in. Cases re-expressed from pkg/apis/certificates/validation/validation_test.go. */
for (const [before, after, ...want] of [
  ["", `words\n${good}words\n${good}`],
  ["", "no block", fault("must contain at least one CERTIFICATE PEM block")],
  ["", block("CERTIFICATE", "!?\n"), fault("must contain at least one CERTIFICATE PEM block")],
  ["", good + block("KEY", "AA==\n"), fault('only CERTIFICATE PEM blocks are allowed, found "KEY"')],
  ["", good.replace("\n", "\nSome-Key: 1\n\n"), fault("no PEM block headers are permitted")],
  ["", block("CERTIFICATE", ""), fault("found CERTIFICATE PEM block containing 0 certificates")],
  [good, good + toPem("CERTIFICATE", Buffer.alloc(3)), fault("x509: malformed certificate")],
  ["no block", "no block"],
  ["no block", "no block, again"],
] as const) {
  test(`a certificate ${JSON.stringify(before).slice(0, 20)} becomes ${JSON.stringify(after).slice(0, 80)}`, () => {
    const found = status.validateUpdate(withCertificate(after), withCertificate(before));
    assert.deepEqual(found.map(fieldErrorText), want);
  });
}

test("a certificate that isn't one is told of after the conditions, and before what may not change", () => {
  const said = [required("status.conditions[0].type", ""), forbidden("status.conditions", "may not")];
  const strict = new SigningStatusStrategy(status, "status", () => said);
  assert.deepEqual(
    strict.validateUpdate(withCertificate("no block"), request()).map(({ field }) => field),
    ["status.conditions[0].type", "status.certificate", "status.conditions"],
  );
});

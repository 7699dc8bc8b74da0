import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { Registry } from "prom-client";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { SigningMetrics } from "#apiserver/metrics/signing-metrics.ts";
import { valueIn } from "#apiserver/metrics/testing/measured-server.ts";
import { createCa } from "#pki/ca.ts";
import { createCsr } from "#pki/csr.ts";
import { toPem } from "#pki/pem.ts";
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

const withCertificate = (pem: string): AnyObject => ({
  metadata: {},
  status: { certificate: Buffer.from(pem).toString("base64") },
});

const asked = (expirationSeconds: number | undefined, signerName: string): AnyObject => ({
  metadata: {},
  spec: { signerName, ...(expirationSeconds === undefined ? {} : { expirationSeconds }) },
});
const counterOf = (what: string): string => `apiserver_certificates_registry_csr_${what}_duration_total`;

test("a first certificate is counted once it is written, and whether it lasts as was asked", async () => {
  const registry = new Registry();
  const counted = new SigningStatusStrategy(status, "status", () => [], new SigningMetrics(registry));
  const clock = new ManualClock();
  const { certificatePem } = createCa({ commonName: "ca", days: 1, clock, random: new SeededRandom(1) });
  const day = 86_400;
  const own = "kubernetes.io/kube-apiserver-client";
  for (const [old, outcome] of [
    [asked(day, own), "written"],
    [asked(day * 2, own), "written"],
    [asked(day, own), "failed"],
    [asked(undefined, own), "written"],
    [asked(day, "example.com/mine"), "written"],
    [{ ...asked(day, own), ...withCertificate(certificatePem) }, "written"],
  ] as const) {
    await (
      await counted.beginUpdate(withCertificate(certificatePem), old)
    )(outcome);
  }
  const text = await metricsText(registry);
  assert.equal(valueIn(text, counterOf("requested"), { signerName: own }), 2);
  assert.equal(valueIn(text, counterOf("honored"), { signerName: own }), 1);
  assert.equal(valueIn(text, counterOf("honored"), { signerName: "other" }), 1);
});

test("what is put in as a certificate has to be one", () => {
  const clock = new ManualClock();
  const { certificatePem } = createCa({ commonName: "ca", days: 1, clock, random: new SeededRandom(1) });
  const good = withCertificate(certificatePem + certificatePem);
  const bad = withCertificate(certificatePem + toPem("CERTIFICATE", Buffer.alloc(3)));
  assert.deepEqual(status.validateUpdate(good, request()), []);
  assert.deepEqual(status.validateUpdate(bad, bad), []);
  assert.deepEqual(status.validateUpdate(bad, good).map(fieldErrorText), [
    'status.certificate: Invalid value: "<certificate data>": x509: malformed certificate',
  ]);
});

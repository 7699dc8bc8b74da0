import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions } from "#base/options.ts";
import { serverSpecs } from "../option-tables.ts";
import { readServerOptions } from "../options.ts";

const machine = { isRoot: true, home: "/home/me", hostname: "laptop" };
const all = { "audit-policy-file": "p", "audit-log-path": "l", "audit-webhook-config-file": "w" };

function read(given: Record<string, unknown>): ReturnType<typeof readServerOptions> {
  const parsed = parseOptions(serverSpecs, { ...all, ...given }, (name) => `--${name}`);
  assert.deepEqual(parsed.faults, []);
  return readServerOptions(parsed.values, machine);
}

test("without a word, everything is as kube-apiserver has it", () => {
  const { options, faults } = read({});
  assert.deepEqual(faults, []);
  assert.deepEqual(options.audit, {
    policyFile: "p",
    log: {
      path: "l",
      format: "json",
      sizeMaxBytes: 100 << 20,
      backupsMax: 0,
      ageMaxMs: 0,
      isCompressing: false,
      mode: "blocking",
      batch: { bufferMax: 10_000, batchMax: 1, batchWaitMs: 0, throttle: undefined },
      truncate: undefined,
    },
    webhook: {
      kubeconfig: "w",
      initialBackoffMs: 10_000,
      mode: "batch",
      batch: {
        bufferMax: 10_000,
        batchMax: 400,
        batchWaitMs: 30_000,
        throttle: { perSecond: 10, burst: 15 },
      },
      truncate: undefined,
    },
  });
});

test("what is asked for is read", () => {
  const { options, faults } = read({
    "audit-log-compress": "true",
    "audit-log-format": "legacy",
    "audit-log-maxage": 2,
    "audit-log-truncate-enabled": true,
    "audit-log-truncate-max-event-size": 500,
    "audit-webhook-mode": "blocking-strict",
    "audit-webhook-initial-backoff": "1s",
    "audit-webhook-batch-throttle-enable": "false",
    "audit-webhook-batch-max-wait": "5s",
    "audit-webhook-version": "audit.k8s.io/v1",
  });
  assert.deepEqual(faults, []);
  const { log, webhook } = options.audit ?? {};
  assert.deepEqual(
    [log?.isCompressing, log?.format, log?.ageMaxMs, log?.truncate],
    [true, "legacy", 2 * 24 * 3600 * 1000, { eventMaxBytes: 500 }],
  );
  assert.deepEqual(
    [webhook?.mode, webhook?.initialBackoffMs, webhook?.batch.throttle, webhook?.batch.batchWaitMs],
    ["blocking-strict", 1000, undefined, 5000],
  );
});

for (const [given, fault] of [
  [
    { "audit-log-mode": "often" },
    'invalid audit log mode often, allowed modes are "batch,blocking,blocking-strict"',
  ],
  [{ "audit-log-format": "xml" }, 'invalid audit log format xml, allowed formats are "legacy,json"'],
  [{ "audit-log-maxage": -1 }, "--audit-log-maxage -1 can't be a negative number"],
  [
    { "audit-webhook-batch-buffer-size": 0 },
    "invalid audit batch webhook buffer size 0, must be a positive number",
  ],
  [
    { "audit-webhook-batch-throttle-qps": "0" },
    "invalid audit batch webhook throttle QPS 0, must be a positive number",
  ],
  [
    { "audit-log-truncate-max-event-size": 0 },
    "invalid audit truncate log max event size 0, must be a positive number",
  ],
  [
    { "audit-webhook-truncate-max-batch-size": 5 },
    "invalid audit truncate webhook max batch size 5, must be greater than max event size (102400)",
  ],
  [
    { "audit-log-version": "audit.k8s.io/v1beta1" },
    'invalid group version, allowed versions are ["audit.k8s.io/v1"]',
  ],
] as const) {
  test(`${JSON.stringify(given)} is refused in upstream's words`, () => {
    assert.deepEqual(read(given).faults, [fault]);
  });
}

test("what isn't used isn't looked at", () => {
  const { options, faults } = read({
    "audit-log-path": "",
    "audit-log-mode": "often",
    "audit-webhook-batch-max-size": 0,
    "audit-webhook-mode": "blocking",
  });
  assert.deepEqual(faults, []);
  assert.equal(options.audit?.log, undefined);
});

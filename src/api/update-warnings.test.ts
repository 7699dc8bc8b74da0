/** What of a workload is warned of again when it is updated. Cases of upstream's WarningsOnUpdate. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseApiVersion, type AnyObject } from "./meta/object.ts";
import { warningsOnCreate, warningsOnUpdate } from "./warnings.ts";

const template = (metadata: object = {}): object => ({
  metadata,
  spec: { containers: [{ name: "c", image: "i" }], imagePullSecrets: [{ name: "" }] },
});
const job = (path: string): string => `${path}: In Indexed Jobs with a number of completions higher than…`;
const pull = (path: string): string => `${path}.spec.imagePullSecrets[0].name: invalid empty name ""`;
const huge = { completionMode: "Indexed", completions: 100_001, parallelism: 10_001 };
const claims = [{ spec: { resources: { requests: { storage: "0.5" } } } }];
const set = { template: template(), volumeClaimTemplates: claims, revisionHistoryLimit: -1 };
const ofClaimsAndHistory = [
  'spec.volumeClaimTemplates[0].Spec.resources.requests[storage]: fractional byte value "500m" is invalid, must be an integer',
  "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
];
const schedule = "CRON_TZ=UTC 5 5 * * ?";
const zone =
  "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
const upper = 'spec.driver: driver names should be lowercase; "D.io" contains uppercase characters';

type Case = readonly [kind: string, spec: object, isNew: boolean, ...warnings: readonly string[]];

const cases: readonly Case[] = [
  ["apps/v1/StatefulSet", set, true, pull("spec.template"), ...ofClaimsAndHistory],
  ["apps/v1/StatefulSet", set, false, ...ofClaimsAndHistory],
  ["apps/v1/ReplicaSet", { template: template() }, true, pull("spec.template")],
  ["apps/v1/ReplicaSet", { template: template() }, false],
  ["batch/v1/Job", { ...huge, template: template() }, true, job("spec"), pull("spec.template")],
  ["batch/v1/Job", { ...huge, template: template() }, false],
  ["batch/v1/Job", { ...huge, completions: 100_000 }, true],
  [
    "batch/v1/CronJob",
    { schedule, jobTemplate: { spec: { template: template() } } },
    true,
    pull("spec.jobTemplate.spec.template"),
    zone,
  ],
  ["batch/v1/CronJob", { schedule, jobTemplate: { spec: { template: template() } } }, false, zone],
  ["resource.k8s.io/v1/ResourceSlice", { driver: "D.io" }, false, upper],
  [
    "resource.k8s.io/v1/ResourceSlice",
    { driver: "D\u0007" },
    false,
    String.raw`spec.driver: driver names should be lowercase; "D\a" contains uppercase characters`,
  ],
  ["resource.k8s.io/v1/ResourceSlice", { driver: "d.io" }, false],
];

function typed(key: string, object: object) {
  const slash = key.lastIndexOf("/");
  return {
    gvk: { ...parseApiVersion(key.slice(0, slash)), kind: key.slice(slash + 1) },
    object: object as AnyObject,
  };
}

function assertWarnings(got: readonly string[], want: readonly string[]): void {
  assert.equal(got.length, want.length, got.join("\n"));
  for (const [index, text] of want.entries()) {
    assert.ok(
      text.endsWith("…") ? got[index]?.startsWith(text.slice(0, -1)) : got[index] === text,
      got[index],
    );
  }
}

for (const [key, spec, isNew, ...want] of cases) {
  test(`a ${key} ${isNew ? "with another" : "of the same"} generation: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
    const { gvk, object } = typed(key, { metadata: { name: "x", generation: 2 }, spec });
    const old = { ...object, metadata: { name: "x", generation: isNew ? 1 : 2 } };
    assertWarnings(warningsOnUpdate(gvk, object, old), want);
  });
}

test("a DaemonSet's template is warned of again when it has changed", () => {
  const { gvk, object } = typed("apps/v1/DaemonSet", { spec: { template: template() } });
  const scaled = { ...object, spec: { template: template(), minReadySeconds: 5 } };
  const changed: AnyObject = { metadata: {}, spec: { template: template({ labels: { a: "b" } }) } };
  assertWarnings(warningsOnUpdate(gvk, scaled, object), []);
  assertWarnings(warningsOnUpdate(gvk, changed, object), [pull("spec.template")]);
});

test("a new slice of a driver whose name has capitals is warned of", () => {
  const { gvk, object } = typed("resource.k8s.io/v1/ResourceSlice", { spec: { driver: "D.io" } });
  assertWarnings(warningsOnCreate(gvk, object), [upper]);
});

/** What the strategies make of fields whose feature is off. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { noFeatures } from "#apiserver/served-features.ts";
import { dropDisabledFields } from "./disabled-fields.ts";

type Case = readonly [name: string, resource: string, object: object, old: object | undefined, left: object];

const container = (lifecycle?: object): object => ({
  name: "c",
  ...(lifecycle === undefined ? {} : { lifecycle }),
});
const stop = { stopSignal: "SIGUSR1" };
const hook = { preStop: { sleep: { seconds: 1 } } };
const trust = { clusterTrustBundle: { path: "p" } };
const projected = (...sources: object[]): object => ({ volumes: [{ name: "v", projected: { sources } }] });
const inTemplate = (spec: object): object => ({ spec: { template: { spec } } });
const device = (fields: object): object => ({ spec: { devices: [{ name: "a", ...fields }] } });
const results = (fields: object): object => ({
  status: { allocation: { devices: { results: [{ device: "a", ...fields }] } } },
});
const requests = (exactly: object): object => ({ devices: { requests: [{ name: "a", exactly }] } });

const cases: readonly Case[] = [
  [
    "a stop signal goes, and a lifecycle that says nothing else",
    "pods",
    { spec: { containers: [container(stop), container({ ...stop, ...hook }), container()] } },
    undefined,
    { spec: { containers: [container(), container(hook), container()] } },
  ],
  [
    "a stop signal stays where a container has one",
    "pods",
    { spec: { containers: [container(stop)], initContainers: [container(stop)] } },
    { spec: { initContainers: [container(stop)] } },
    { spec: { containers: [container(stop)], initContainers: [container(stop)] } },
  ],
  [
    "a projection loses a source, but not its place",
    "deployments.apps",
    inTemplate(projected(trust, { secret: { name: "s" } })),
    inTemplate({}),
    inTemplate(projected({}, { secret: { name: "s" } })),
  ],
  [
    "what one feature's use allows says nothing of another's",
    "pods",
    { spec: { ...projected({ podCertificate: {} }), workloadRef: { name: "w" } } },
    { spec: projected(trust) },
    { spec: projected({}) },
  ],
  [
    "jobs of a CronJob are looked at, too",
    "cronjobs.batch",
    { spec: { jobTemplate: inTemplate({ workloadRef: { name: "w" } }) } },
    undefined,
    { spec: { jobTemplate: inTemplate({}) } },
  ],
  [
    "a container's health goes even where it is",
    "pods",
    { status: { containerStatuses: [{ name: "c", allocatedResourcesStatus: [{ name: "x" }] }] } },
    { status: { containerStatuses: [{ name: "c", allocatedResourcesStatus: [{ name: "x" }] }] } },
    { status: { containerStatuses: [{ name: "c" }] } },
  ],
  [
    "a lease's fields stay each for itself",
    "leases.coordination.k8s.io",
    { spec: { strategy: "OldestEmulationVersion", preferredHolder: "h", holderIdentity: "i" } },
    { spec: { preferredHolder: "g" } },
    { spec: { preferredHolder: "h", holderIdentity: "i" } },
  ],
  [
    "a device's share isn't told",
    "resourceslices.resource.k8s.io",
    device({
      capacity: { m: { value: "1", requestPolicy: {} } },
      allowMultipleAllocations: true,
      taints: [{}],
    }),
    undefined,
    device({ capacity: { m: { value: "1" } } }),
  ],
  [
    "a slice that is cut in parts may be cut otherwise",
    "resourceslices.resource.k8s.io",
    device({ nodeName: "n", consumesCounters: [{}], bindsToNode: true }),
    { spec: { sharedCounters: [{ name: "c" }] } },
    device({ nodeName: "n", consumesCounters: [{}] }),
  ],
  [
    "what is asked of capacity allows shares to be told",
    "resourceclaims.resource.k8s.io",
    { spec: requests({ capacity: {} }), ...results({ shareID: "s", bindingConditions: ["b"] }) },
    { spec: requests({ capacity: {} }) },
    { spec: requests({ capacity: {} }), ...results({ shareID: "s" }) },
  ],
  [
    "a template's tolerations of taints go",
    "resourceclaimtemplates.resource.k8s.io",
    { spec: { spec: requests({ tolerations: [{ key: "k" }], count: 1 }) } },
    undefined,
    { spec: { spec: requests({ count: 1 }) } },
  ],
  ["other resources are left alone", "configmaps", { spec: stop }, undefined, { spec: stop }],
];

/** Nothing of an object but its own fields may be written. */
function freezeParts(object: object): void {
  for (const part of Object.values(object)) {
    if (typeof part !== "object" || part === null) continue;
    freezeParts(part as object);
    Object.freeze(part);
  }
}

test("what is served is a field like others", () => {
  const served = { ...noFeatures, trustBundles: true };
  const copy = { spec: projected(trust, { podCertificate: {} }) } as AnyObject;
  dropDisabledFields("pods", copy, undefined, served);
  assert.deepEqual(copy, { spec: projected(trust, {}) });
});

for (const [name, resource, object, old, left] of cases) {
  test(`dropDisabledFields: ${name}`, () => {
    freezeParts(object);
    const copy: AnyObject = { ...object };
    dropDisabledFields(resource, copy, old as AnyObject | undefined);
    assert.deepEqual(copy, left);
  });
}

/** What a client may select by is what is listed, whatever word it sends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { qualifiedResource, type AnyObject } from "#api/meta/object.ts";
import { parseRuntimeConfig } from "#api/runtime-config.ts";
import { createScheme } from "#api/scheme.ts";
import { selectableFieldOf, unknownFieldText } from "./selectable-fields.ts";

const object: AnyObject = {
  apiVersion: "v1",
  kind: "Any",
  metadata: { name: "a", namespace: "n" },
  spec: { nodeName: "node-1", signerName: "s.io/s", driver: "d" },
  status: { phase: "Pending", podIP: "1.2.3.4", podIPs: [{ ip: "1.2.3.4" }], replicas: 2, succeeded: 3 },
  // Of an event, too: pkg/registry/core/event/strategy_test.go.
  involvedObject: {
    kind: "Pod",
    name: "foo",
    namespace: "baz",
    uid: "long uid string",
    apiVersion: "v1",
    resourceVersion: "0",
  },
  reason: "ForTesting",
  source: { component: "test" },
  reportingComponent: "r.io/c",
  type: "Normal",
};
/** Of the object that an event is about. */
const about = ["kind=Pod", "name=foo", "namespace=baz", "uid=long uid string", "apiVersion=v1"];
const only = (field: string): string =>
  `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;

/** "resource.group/version", a field, and what it is, or how it is refused. */
type Case = readonly [resource: string, field: string, value: string, isRefused?: "refused"];

const cases: readonly Case[] = [
  ["pods/v1", "metadata.name", "a"],
  ["pods/v1", "metadata.namespace", "n"],
  ["pods/v1", "spec.nodeName", "node-1"],
  ["pods/v1", "spec.host", "node-1"],
  ["pods/v1", "spec.hostNetwork", "false"],
  ["pods/v1", "status.podIP", "1.2.3.4"],
  ["pods/v1", "status.podIPs", ""],
  ...["spec.other", "constructor", "__proto__", "toString"].map((field): Case => [
    "pods/v1",
    field,
    `field label not supported: ${field}`,
    "refused",
  ]),
  ["nodes/v1", "spec.unschedulable", "false"],
  ["nodes/v1", "metadata.namespace", "field label not supported: metadata.namespace", "refused"],
  ["namespaces/v1", "status.phase", "Pending"],
  ["namespaces/v1", "name", "field label not supported: name", "refused"],
  ["persistentvolumes/v1", "metadata.namespace", "n"],
  ["persistentvolumes/v1", "name", only("name"), "refused"],
  ["replicationcontrollers/v1", "status.replicas", "2"],
  ["replicasets.apps/v1", "status.replicas", only("status.replicas"), "refused"],
  ...[...about, "resourceVersion=0", "fieldPath="].flatMap((each): Case[] => {
    const [field = "", value = ""] = each.split("=");
    return [
      ["events/v1", `involvedObject.${field}`, value],
      ["events.events.k8s.io/v1", `regarding.${field}`, value],
    ];
  }),
  ["events/v1", "metadata.name", "a"],
  ["events/v1", "metadata.namespace", "n"],
  ["events/v1", "reason", "ForTesting"],
  ["events/v1", "source", "test"],
  ["events/v1", "reportingComponent", "r.io/c"],
  ["events.events.k8s.io/v1", "reportingController", "r.io/c"],
  ["events/v1", "type", "Normal"],
  ["endpoints/v1", "metadata.name", "a"],
  ["endpoints/v1", "metadata.namespace", "n"],
  ["serviceaccounts/v1", "metadata.name", "a"],
  ["serviceaccounts/v1", "metadata.namespace", "n"],
  ["podtemplates/v1", "metadata.namespace", "n"],
  ["jobs.batch/v1", "status.successful", "3"],
  ["jobs.batch/v1", "status.failed", 'field label "status.failed" not supported for batchv1.Job', "refused"],
  ["certificatesigningrequests.certificates.k8s.io/v1", "spec.signerName", "s.io/s"],
  [
    "certificatesigningrequests.certificates.k8s.io/v1",
    "metadata.namespace",
    "field label not supported: metadata.namespace",
    "refused",
  ],
  [
    "podcertificaterequests.certificates.k8s.io/v1beta1",
    "metadata.namespace",
    "field label not supported: metadata.namespace",
    "refused",
  ],
  ["resourceslices.resource.k8s.io/v1", "spec.driver", "d"],
  [
    "resourceslices.resource.k8s.io/v1beta1",
    "spec.pool.name",
    "field label not supported for resource.k8s.io/v1beta1, Kind=ResourceSlice: spec.pool.name",
    "refused",
  ],
];

const definitions = createScheme(parseRuntimeConfig(["api/all=true"])).all();

for (const [resource, field, value, isRefused] of cases) {
  test(`${resource} by ${field}: ${value}`, () => {
    const definition = definitions.find(
      (each) => `${qualifiedResource(each.group, each.resource)}/${each.version}` === resource,
    );
    assert.ok(definition);
    const found = selectableFieldOf(qualifiedResource(definition.group, definition.resource))(object, field);
    if (isRefused === undefined) assert.equal(found, value);
    else assert.deepEqual([found, unknownFieldText(definition, field)], [undefined, value]);
  });
}

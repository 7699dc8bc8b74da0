/** Names of clients that every JavaScript object answers to: "constructor", "toString", "__proto__". */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ProtobufCodec } from "./codec/protobuf.ts";
import { schemaFaults } from "./apiextensions/schema-validation.ts";
import { termMatch } from "./core/node-selector.ts";
import { applyLabelKeys } from "./core/pod-label-keys.ts";
import { applyDefaults } from "./defaults.ts";
import type { Pod, PodSpec } from "./generated/types/core-v1.ts";
import { fieldErrorText } from "./meta/field-error.ts";
import { createTypeTable } from "./schema/table.ts";
import { createScheme } from "./scheme.ts";
import { statusChangeOf, testCreates, type Valid } from "./testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const schema = "flowcontrol.apiserver.k8s.io/v1/FlowSchema";
const level = "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration";
const valid: Valid = {
  "v1/ConfigMap": {},
  "v1/Pod": { spec: { containers: [container] } },
  [schema]: { spec: { priorityLevelConfiguration: { name: "a" }, matchingPrecedence: 2 } },
  [level]: { spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } } },
};
const profiled = (key: string, securityContext: object): object => ({
  metadata: { annotations: { [key]: "unconfined" } },
  spec: { securityContext },
});
const noType = (field: string, value: string): string =>
  `spec.securityContext.${field}.type: Unsupported value: "${value}": supported values: "Localhost", "RuntimeDefault", "Unconfined"`;

testCreates(valid, [
  ["v1/ConfigMap", { data: { constructor: "a", toString: "b" }, binaryData: { a: "YQ==" } }],
  [
    "v1/Pod",
    profiled("seccomp.security.alpha.kubernetes.io/pod", { seccompProfile: { type: "constructor" } }),
    noType("seccompProfile", "constructor"),
  ],
  [
    "v1/Pod",
    profiled("container.apparmor.security.beta.kubernetes.io/c", { appArmorProfile: { type: "toString" } }),
    noType("appArmorProfile", "toString"),
  ],
  [
    "v1/Pod",
    {
      spec: {
        containers: [
          {
            ...container,
            env: [
              {
                name: "a",
                valueFrom: {
                  resourceFieldRef: { containerName: "c", resource: "limits.constructor", divisor: "1" },
                },
              },
            ],
          },
        ],
      },
    },
    "spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value…",
  ],
  [schema, { metadata: { name: "constructor" } }],
  [level, { metadata: { name: "constructor" } }],
]);

test("no node has a label that it wasn't given", () => {
  const node = { name: "a", labels: {} };
  const matches = (operator: "Exists" | "DoesNotExist"): boolean =>
    termMatch({ matchExpressions: [{ key: "constructor", operator }] })(node);
  assert.deepEqual([matches("Exists"), matches("DoesNotExist")], [false, true]);
});

test("no pod either, whatever keys its constraints name", () => {
  const constraint = { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "DoNotSchedule" };
  const labelled = { ...constraint, labelSelector: {}, matchLabelKeys: ["constructor"] };
  const pod: Pod = { metadata: {}, spec: { containers: [container], topologySpreadConstraints: [labelled] } };
  applyLabelKeys(pod);
  assert.deepEqual(pod.spec?.topologySpreadConstraints?.[0]?.labelSelector, {});
});

test("no container asks for a resource that it doesn't name", () => {
  const status = {
    containerStatuses: [{ name: "c", allocatedResourcesStatus: [{ name: "constructor", resources: [] }] }],
  };
  assert.deepEqual(statusChangeOf(valid, "v1/Pod", {}, { status }).map(fieldErrorText), [
    `status.containerStatuses[0].allocatedResourcesStatus[0].name: Invalid value: "constructor": must match one of the container's resource requests`,
  ]);
});

test("no schema has a property that it doesn't name", () => {
  const items = { type: "object", properties: { a: { type: "string" } } };
  const list = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["constructor"],
    items,
  };
  assert.deepEqual(schemaFaults(list, "s", undefined).map(fieldErrorText), [
    's.x-kubernetes-list-map-keys: Invalid value: ["constructor"]: entries must all be names of item properties',
  ]);
});

test("a resource called __proto__ is one in protobuf, too, and is rounded", () => {
  const codec = new ProtobufCodec(createTypeTable(), createScheme());
  const limits = JSON.parse('{"__proto__":"1000m","a":"1"}') as Record<string, string>;
  const spec = { containers: [{ ...container, resources: { limits } }] };
  const pod = codec.decode(codec.encode({ kind: "Pod", apiVersion: "v1", spec }));
  applyDefaults({ group: "", version: "v1", kind: "Pod" }, pod);
  const [defaulted] = (pod["spec"] as PodSpec).containers;
  assert.equal(JSON.stringify(defaulted?.resources?.limits), '{"__proto__":"1","a":"1"}');
});

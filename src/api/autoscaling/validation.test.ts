import assert from "node:assert/strict";
import { test } from "node:test";
import { convert } from "../conversion.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { parseRuntimeConfig } from "../runtime-config.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { testCreates, testUpdates, type CreateCase, type Valid } from "../testing/validation-cases.ts";
import { Validator } from "../validation.ts";

const v2 = "autoscaling/v2/HorizontalPodAutoscaler";
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
const valid: Valid = { [v2]: { spec: { maxReplicas: 3, scaleTargetRef } } };
const spec = (fields: object): object => ({ spec: fields });
const metric = (...metrics: readonly object[]): object => spec({ metrics });
const at = "spec.metrics[0]";
const types = '"ContainerResource", "External", "Object", "Pods", "Resource"';
const cpu = { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } };
const average = { type: "AverageValue", averageValue: "1" };
const id = { name: "m" };
const fails = (fields: object, ...faults: readonly string[]): CreateCase => [v2, metric(fields), ...faults];

testCreates(valid, [
  [
    v2,
    spec({ minReplicas: 0 }),
    "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
    "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
  ],
  [
    v2,
    spec({ minReplicas: 4, scaleTargetRef: { kind: "", name: "a/b", apiVersion: "a/b/c" } }),
    "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
    "spec.scaleTargetRef.kind: Required value",
    `spec.scaleTargetRef.name: Invalid value: "a/b": may not contain '/'`,
    'spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
  ],
  [
    v2,
    spec({ scaleTargetRef: { apiVersion: "/v1" } }),
    'spec.scaleTargetRef.apiVersion: Invalid value: "/v1": apiVersion must specify API group',
  ],
  fails(
    { type: "ContainerResource", containerResource: { ...cpu, name: "pods", container: "c" } },
    `${at}.containerResource.name: Invalid value: "pods": must be a standard resource for containers`,
  ),
  fails(
    {
      type: "Object",
      object: { describedObject: { kind: "S", name: "s", apiVersion: "a/b/c" }, metric: id, target: average },
    },
    `${at}.object.describedObject.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c`,
  ),
  [v2, spec({ scaleTargetRef: { apiVersion: "v1", kind: "ReplicationController" } })],
  [
    v2,
    spec({ scaleTargetRef: { apiVersion: "v1" } }),
    'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
  ],
  fails({ type: "Resource", resource: cpu }),
  fails({ type: "Pods", pods: { metric: id, target: average } }),
  fails({ type: "External", external: { metric: id, target: average } }),
  fails({
    type: "Object",
    object: { describedObject: { kind: "Service", name: "s" }, metric: id, target: average },
  }),
  fails({ type: "ContainerResource", containerResource: { ...cpu, container: "c" } }),
  fails(
    { type: "Mood" },
    `${at}.type: Unsupported value: "Mood": supported values: ${types}`,
    `${at}.type: Unsupported value: "Mood": supported values: ${types}`,
  ),
  fails(
    { type: "Pods", resource: cpu },
    `${at}.pods: Required value: must populate information for the given metric source`,
  ),
  fails(
    { type: "Resource", resource: cpu, pods: { metric: id, target: average } },
    `${at}.pods: Forbidden: must populate the given metric source only`,
  ),
  fails(
    { type: "Pods", pods: { metric: { name: "" }, target: { type: "Sum", value: "0" } } },
    `${at}.pods.metric.name: Required value: must specify a metric name`,
    `${at}.pods.target.type: Invalid value: "Sum": must be either Utilization, Value, or AverageValue`,
    `${at}.pods.target.value: Invalid value: "0": must be positive`,
    `${at}.pods.target.averageValue: Required value: must specify a positive target averageValue`,
  ),
  fails(
    { type: "External", external: { metric: id, target: { ...average, value: "2" } } },
    `${at}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target`,
  ),
  fails(
    {
      type: "Object",
      object: { describedObject: { kind: "", name: "s" }, metric: id, target: { type: "Value" } },
    },
    `${at}.object.describedObject.kind: Required value`,
    `${at}.object.target.averageValue: Required value: must set either a target value or averageValue`,
  ),
  fails(
    { type: "ContainerResource", containerResource: { ...cpu, container: "" } },
    `${at}.containerResource.container: Required value: must specify a container`,
  ),
  fails(
    { type: "Resource", resource: { name: "", target: { type: "Utilization", averageUtilization: 0 } } },
    `${at}.resource.name: Required value: must specify a resource name`,
    `${at}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`,
  ),
  fails(
    { type: "Resource", resource: { ...cpu, target: { ...cpu.target, ...average } } },
    `${at}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`,
  ),
  fails(
    { type: "Resource", resource: { name: "cpu", target: { type: "Value" } } },
    `${at}.resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
  ),
  fails(
    { type: "ContainerResource", containerResource: { ...cpu, name: "Vcpu", container: "-c" } },
    `${at}.containerResource.name: Invalid value: "Vcpu": must be a standard resource type or fully qualified`,
    `${at}.containerResource.name: Invalid value: "Vcpu": must be a standard resource for containers`,
    `${at}.containerResource.container: Invalid value: "-c": a lowercase RFC 1123 label must…`,
  ),
  fails(
    { type: "External", external: { metric: { name: "a/b" }, target: { type: "Value" } } },
    `${at}.external.metric.name: Invalid value: "a/b": may not contain '/'`,
    `${at}.external.target.averageValue: Required value: must set either a target value for metric or a per-pod target`,
  ),
  fails(
    {},
    `${at}.type: Required value: must specify a metric source type`,
    `${at}.type: Unsupported value: "": supported values: ${types}`,
    `${at}.type: Unsupported value: "": supported values: ${types}`,
  ),
  [
    v2,
    spec({ behavior: { scaleUp: { tolerance: "-1" } } }),
    'spec.behavior.scaleUp.tolerance: Invalid value: "-1": must be greater than or equal to 0',
  ],
]);

testUpdates(valid, [
  [v2, spec({ scaleTargetRef: { apiVersion: "v1" } }), spec({ maxReplicas: 4 })],
  [
    v2,
    {},
    spec({ scaleTargetRef: { apiVersion: "v1" } }),
    'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
  ],
  [
    v2,
    spec({ minReplicas: 0 }),
    spec({ maxReplicas: 4 }),
    "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
  ],
]);

const rules = (fields: object): object => ({
  policies: [{ type: "Pods", value: 1, periodSeconds: 1 }],
  ...fields,
});
const policy = (fields: object): object =>
  rules({ policies: [{ type: "Percent", value: 9, periodSeconds: 9, ...fields }] });

testCreates(
  valid,
  ["scaleUp", "scaleDown"].flatMap((way) => {
    const judged = (of: object, ...faults: readonly string[]): CreateCase => [
      v2,
      spec({ behavior: { [way]: of } }),
      ...faults.map((fault) => `spec.behavior.${way}.${fault}`),
    ];
    return [
      judged(rules({ stabilizationWindowSeconds: 3600, selectPolicy: "Disabled", tolerance: "0" })),
      judged(policy({ periodSeconds: 1800 })),
      judged({ policies: [] }, "policies: Required value: must specify at least one Policy"),
      judged(
        rules({ stabilizationWindowSeconds: -1, selectPolicy: "Most", tolerance: "-1m" }),
        "stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
        'selectPolicy: Unsupported value: "Most": supported values: "Disabled", "Max", "Min"',
        'tolerance: Invalid value: "-1m": must be greater than or equal to 0',
      ),
      judged(
        rules({ stabilizationWindowSeconds: 3601 }),
        "stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
      ),
      judged(
        policy({ type: "Nodes", value: 0, periodSeconds: 1801 }),
        'policies[0].type: Unsupported value: "Nodes": supported values: "Percent", "Pods"',
        "policies[0].value: Invalid value: 0: must be greater than zero",
        "policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
      ),
      judged(
        policy({ periodSeconds: -1 }),
        "policies[0].periodSeconds: Invalid value: -1: must be greater than zero",
      ),
    ];
  }),
);

test("the old version's own field is judged as the metric that it is", () => {
  const kind = "HorizontalPodAutoscaler";
  const newer = { group: "autoscaling", version: "v2", kind };
  const object = {
    metadata: { name: "x", namespace: "n" },
    spec: { maxReplicas: 3, scaleTargetRef, targetCPUUtilizationPercentage: 0 },
  };
  const validator = new Validator({ scheme: createScheme(parseRuntimeConfig([])), table: createTypeTable() });
  const faults = validator.create(newer, convert(object, { ...newer, version: "v1" }, newer));
  assert.deepEqual(faults.map(fieldErrorText), [
    `${at}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`,
  ]);
});

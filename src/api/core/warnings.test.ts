/**
 * What is said of nodes, quotas and templates. Cases re-expressed from pkg/registry/core/node/strategy_test.go
 * (TestWarningOnUpdateAndCreate) and resourcequota/strategy_test.go (Test_WarningsOnCreate).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { warningsOnCreate, warningsOnUpdate } from "../warnings.ts";

const core = (kind: string) => ({ group: "", version: "v1", kind });
const node = (spec: object): object => ({ spec });
const removed = "spec.configSource: the feature is removed";
const unused = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
const ambiguous = (at: number, range: string, ...better: readonly string[]): string =>
  `spec.podCIDRs[${at}]: CIDR value "${range}" is ambiguous in this context (should be "${better[0]}" or "${better[1]}"?)`;

const nodes: readonly (readonly [before: object, after: object, ...warnings: readonly string[]])[] = [
  [node({}), node({})],
  [node({}), node({ configSource: {} }), removed],
  [node({ configSource: {} }), node({ configSource: {} }), removed],
  [node({ configSource: {} }), node({})],
  [node({}), node({ externalID: "externalID" }), unused],
  [node({ externalID: "externalID" }), node({ externalID: "externalID" }), unused],
  [node({ externalID: "externalID" }), node({})],
  [node({}), node({ podCIDRs: ["10.0.0.0/24", "2000::/64"] })],
  [
    node({}),
    node({ externalID: "x", podCIDRs: ["10.0.0.1/24", "2001:0db8::/64"] }),
    unused,
    ambiguous(0, "10.0.0.1/24", "10.0.0.0/24", "10.0.0.1/32"),
    'spec.podCIDRs[1]: IPv6 CIDR value "2001:0db8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
  ],
];
for (const [before, after, ...want] of nodes) {
  test(`of a node that was ${JSON.stringify(before)} and becomes ${JSON.stringify(after)}`, () => {
    assert.deepEqual(warningsOnUpdate(core("Node"), after, before), want);
    assert.deepEqual(warningsOnCreate(core("Node"), after), want);
  });
}

const hard = (fields: object): object => ({ spec: { hard: fields } });
const four = (requests: readonly string[], limits: readonly string[]): object =>
  Object.fromEntries(
    ["cpu", "memory", "storage", "ephemeral-storage"].flatMap((name, at) => [
      [`requests.${name}`, requests[at]],
      [`limits.${name}`, limits[at]],
    ]),
  );
const limits = ["1", "2Gi", "2Gi", "2Gi"];
const quotas: readonly (readonly [name: string, quota: object, ...warnings: readonly string[]])[] = [
  ["nothing", {}],
  ["less", hard(four(["500m", "1Gi", "1Gi", "1Gi"], limits))],
  ["the same", hard(four(["1000m", "2048Mi", "2Gi", "2Gi"], limits))],
  [
    "more",
    hard(four(["2", "3Gi", "3Gi", "3Gi"], limits)),
    "ResourceQuota requests.cpu (2) should be less than limits.cpu (1)",
    "ResourceQuota requests.memory (3Gi) should be less than limits.memory (2Gi)",
    "ResourceQuota requests.storage (3Gi) should be less than limits.storage (2Gi)",
    "ResourceQuota requests.ephemeral-storage (3Gi) should be less than limits.ephemeral-storage (2Gi)",
  ],
  [
    "more, by short names",
    hard({ cpu: "2", "limits.cpu": "1", memory: "3Gi", "limits.memory": "2Gi" }),
    "ResourceQuota cpu (2) should be less than limits.cpu (1)",
    "ResourceQuota memory (3Gi) should be less than limits.memory (2Gi)",
  ],
  ["a short name beside the long one", hard({ cpu: "2", "requests.cpu": "1", "limits.cpu": "1" })],
  ["a name that isn't short for anything", hard({ storage: "3Gi", "limits.storage": "2Gi" })],
];
for (const [name, quota, ...want] of quotas) {
  test(`of a quota that allows requests of ${name}`, () => {
    assert.deepEqual(warningsOnCreate(core("ResourceQuota"), quota), want);
    assert.deepEqual(warningsOnUpdate(core("ResourceQuota"), quota, {}), []);
  });
}

test("of a pod's template only what is new is said, as of other templates", () => {
  const template = { spec: { nodeSelector: { "beta.kubernetes.io/arch": "arm" }, containers: [] } };
  const at = (generation: number): object => ({ metadata: { name: "x", generation }, template });
  const kind = core("PodTemplate");
  assert.deepEqual(warningsOnUpdate(kind, at(1), at(1)), []);
  const want = [
    'template.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
  ];
  assert.deepEqual(warningsOnUpdate(kind, at(2), at(1)), want);
  assert.deepEqual(warningsOnCreate(kind, at(1)), want);
});

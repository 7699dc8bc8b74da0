/** Strategic merge on the API's real types: what kubectl sends to them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import type { JsonMap } from "./json-value.ts";
import { applyStrategic } from "./strategic.ts";

const table = createTypeTable();
const container = {
  name: "c",
  image: "i:1",
  env: [{ name: "A", value: "1" }],
  ports: [{ containerPort: 80, protocol: "TCP" }],
};
const sidecar = { name: "s", image: "s:1" };
const deployment = (...containers: readonly object[]): JsonMap => ({
  spec: { template: { spec: { containers } } },
});

const cases: readonly (readonly [
  name: string,
  struct: string,
  original: JsonMap,
  patch: JsonMap,
  want: JsonMap,
])[] = [
  [
    "kubectl set image",
    "apps.v1.Deployment",
    deployment(container, sidecar),
    { spec: { template: { spec: { containers: [{ name: "s", image: "s:2" }] } } } },
    deployment(container, { name: "s", image: "s:2" }),
  ],
  [
    "kubectl set env, a variable taken away",
    "apps.v1.Deployment",
    deployment(container),
    {
      spec: {
        template: {
          spec: {
            "$setElementOrder/containers": [{ name: "c" }],
            containers: [
              {
                name: "c",
                "$setElementOrder/env": [{ name: "B" }],
                env: [
                  { name: "B", value: "2" },
                  { $patch: "delete", name: "A" },
                ],
              },
            ],
          },
        },
      },
    },
    deployment({ ...container, env: [{ name: "B", value: "2" }] }),
  ],
  [
    "ports merge by their number",
    "core.v1.Service",
    { spec: { ports: [{ port: 80, targetPort: 80 }, { port: 81 }] } },
    { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
    { spec: { ports: [{ port: 80, targetPort: 8080 }, { port: 81 }] } },
  ],
  [
    "tolerations are one value",
    "core.v1.Pod",
    { spec: { tolerations: [{ key: "a" }] } },
    { spec: { tolerations: [{ key: "b" }] } },
    { spec: { tolerations: [{ key: "b" }] } },
  ],
  [
    "a volume changes its kind",
    "core.v1.Pod",
    { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    { spec: { volumes: [{ $retainKeys: ["name", "hostPath"], name: "v", hostPath: { path: "/x" } }] } },
    { spec: { volumes: [{ name: "v", hostPath: { path: "/x" } }] } },
  ],
  [
    "a strategy is replaced",
    "apps.v1.Deployment",
    { spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } } } },
    { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
    { spec: { strategy: { type: "Recreate" } } },
  ],
  [
    "a condition among others",
    "core.v1.Node",
    {
      status: {
        conditions: [
          { type: "Ready", status: "True", reason: "r" },
          { type: "DiskPressure", status: "False" },
        ],
      },
    },
    {
      status: {
        "$setElementOrder/conditions": [{ type: "Ready" }, { type: "DiskPressure" }],
        conditions: [{ type: "Ready", status: "False" }],
      },
    },
    {
      status: {
        conditions: [
          { type: "Ready", status: "False", reason: "r" },
          { type: "DiskPressure", status: "False" },
        ],
      },
    },
  ],
  [
    "finalizers and owners",
    "core.v1.Pod",
    { metadata: { finalizers: ["a/b"], ownerReferences: [{ uid: "1", name: "x" }] } },
    {
      metadata: {
        "$deleteFromPrimitiveList/finalizers": ["a/b"],
        ownerReferences: [{ $patch: "delete", uid: "1" }],
      },
    },
    { metadata: { finalizers: [], ownerReferences: [] } },
  ],
  [
    "taints by key, cordon, uncordon",
    "core.v1.Node",
    { spec: { unschedulable: true, taints: [{ key: "a", effect: "NoSchedule" }] } },
    {
      spec: {
        unschedulable: null,
        taints: [
          { key: "a", effect: "NoExecute" },
          { key: "b", effect: "NoSchedule" },
        ],
      },
    },
    {
      spec: {
        taints: [
          { key: "a", effect: "NoExecute" },
          { key: "b", effect: "NoSchedule" },
        ],
      },
    },
  ],
  [
    "an ephemeral container is added",
    "core.v1.Pod",
    { spec: { containers: [container] } },
    {
      spec: {
        "$setElementOrder/ephemeralContainers": [{ name: "d" }],
        ephemeralContainers: [{ name: "d", image: "busybox" }],
      },
    },
    { spec: { containers: [container], ephemeralContainers: [{ name: "d", image: "busybox" }] } },
  ],
  [
    "data and labels are maps",
    "core.v1.ConfigMap",
    { data: { a: "1", b: "2" }, metadata: { labels: { x: "y" } } },
    { data: { a: null, c: "3" }, metadata: { labels: null } },
    { data: { b: "2", c: "3" }, metadata: {} },
  ],
];
for (const [name, struct, original, patch, want] of cases) {
  test(`strategic merge: ${name}`, () =>
    assert.deepEqual(applyStrategic(original, patch, `io.k8s.api.${struct}`, table), want));
}

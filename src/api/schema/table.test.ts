import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "./table.ts";
import type { FieldType } from "./type-table.ts";

const table = createTypeTable();
const core = "io.k8s.api.core.v1";

function fieldOf(struct: string, name: string): FieldType {
  const field = table.struct(struct)?.byName.get(name);
  assert.ok(field !== undefined, `${struct} has no ${name}`);
  return field;
}

const cases: readonly [struct: string, field: string, Partial<FieldType>][] = [
  [`${core}.Pod`, "apiVersion", { id: 0, scalar: "string", omitEmpty: true }],
  [`${core}.Pod`, "spec", { id: 2, struct: `${core}.PodSpec`, shape: "one", pointer: false, default: {} }],
  [`${core}.Service`, "metadata", { id: 1, struct: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" }],
  [`${core}.PodSpec`, "nodeSelector", { shape: "map", scalar: "string", mapType: "atomic" }],
  [
    `${core}.PodSpec`,
    "containers",
    { patchMergeKey: "name", patchStrategy: ["merge"], listType: "map", required: true },
  ],
  [`${core}.PodSpec`, "volumes", { patchStrategy: ["merge", "retainKeys"], patchMergeKey: "name" }],
  [`${core}.PodSpec`, "restartPolicy", { enum: ["Always", "OnFailure", "Never"] }],
  [
    `${core}.Container`,
    "ports",
    { listMapKeys: ["containerPort", "protocol"], patchMergeKey: "containerPort" },
  ],
  [`${core}.Container`, "command", { listType: "atomic", shape: "list" }],
  [`${core}.ContainerPort`, "protocol", { default: "TCP", enum: ["TCP", "UDP", "SCTP"], required: false }],
  [`${core}.ContainerPort`, "containerPort", { default: 0, required: true, scalar: "int32" }],
  [`${core}.ObjectReference`, "fieldPath", { id: 7 }],
  [`${core}.Pod`, "kind", { id: 0 }],
  [`${core}.EventSource`, "host", { id: 2 }],
  [`${core}.PersistentVolumeSpec`, "claimRef", { mapType: "granular", pointer: true }],
  [`${core}.EnvVarSource`, "configMapKeyRef", { mapType: "atomic" }],
  [`${core}.Secret`, "data", { shape: "map", scalar: "bytes" }],
  [`${core}.ResourceRequirements`, "limits", { shape: "map", scalar: "quantity" }],
  [
    "io.k8s.api.apps.v1.DeploymentSpec",
    "replicas",
    { id: 1, scalar: "int32", pointer: true, omitEmpty: true },
  ],
  ["io.k8s.api.authentication.v1.UserInfo", "extra", { shape: "map", scalar: "string", wrapped: true }],
  ["io.k8s.apimachinery.pkg.apis.meta.v1.APIResource", "verbs", { shape: "list", wrapped: true }],
  [
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec",
    "caBundle",
    { scalar: "bytes", id: 5 },
  ],
];

for (const [struct, name, expected] of cases) {
  test(`${struct.split(".").at(-1) ?? ""}.${name} is as upstream declares it`, () => {
    const field = fieldOf(struct, name);
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(field[key as keyof FieldType], value, key);
    }
  });
}

test("fields of inlined structs are found by name, not by number", () => {
  const volume = table.struct(`${core}.Volume`);
  assert.ok(volume !== undefined);
  assert.equal(volume.byName.get("emptyDir")?.struct, `${core}.EmptyDirVolumeSource`);
  assert.equal(volume.byName.has(""), false);
  assert.equal(volume.byId.get(2)?.inline, true);
});

test("every struct can be built, and every struct it names exists", () => {
  for (const name of table.names) {
    for (const field of table.struct(name)?.fields ?? []) {
      const missing = field.struct !== undefined && table.struct(field.struct) === undefined;
      assert.equal(missing, false, `${name}.${field.name}`);
    }
  }
});

test("no two fields of a struct share a number", () => {
  for (const name of table.names) {
    const ids = (table.struct(name)?.fields ?? []).map(({ id }) => id).filter((id) => id !== 0);
    assert.equal(new Set(ids).size, ids.length, name);
  }
});

test("an unknown struct is undefined", () => {
  assert.equal(table.struct("io.k8s.api.core.v1.Nothing"), undefined);
});

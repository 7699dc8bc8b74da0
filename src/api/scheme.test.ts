import assert from "node:assert/strict";
import { test } from "node:test";
import * as refs from "./resources.ts";
import { parseRuntimeConfig } from "./runtime-config.ts";
import { createTypeTable } from "./schema/table.ts";
import { createScheme } from "./scheme.ts";

const scheme = createScheme();
const table = createTypeTable();

test("every resource and subresource has a struct in the type table", () => {
  for (const definition of scheme.all()) {
    assert.ok(table.struct(definition.struct) !== undefined, definition.struct);
    for (const { struct } of definition.subresources) assert.ok(table.struct(struct) !== undefined, struct);
  }
});

test("every listable resource has a list struct", () => {
  for (const definition of scheme.all().filter(({ verbs }) => verbs.includes("list"))) {
    const struct = scheme.structOf({ ...definition, kind: definition.listKind });
    assert.ok(struct !== undefined && table.struct(struct) !== undefined, definition.listKind);
  }
});

test("resources.ts names exactly the resources of the scheme, and those that are off at first but have components here", () => {
  const all = Object.values(refs);
  const early = ["storagemigration.k8s.io/v1beta1=true", "certificates.k8s.io/v1beta1=true"];
  const served = createScheme(parseRuntimeConfig(early));
  assert.equal(all.length, served.all().length);
  for (const { group, version, resource, kind, namespaced } of all) {
    const definition = served.resource(group, version, resource);
    assert.deepEqual({ kind: definition?.kind, namespaced: definition?.namespaced }, { kind, namespaced });
  }
});

test("verbs, subresources and resources come sorted", () => {
  for (const { verbs, subresources, resource } of scheme.all()) {
    assert.deepEqual(verbs.toSorted(), [...verbs], resource);
    const names = subresources.map(({ name }) => name);
    assert.deepEqual(names.toSorted(), names, resource);
  }
  for (const members of Map.groupBy(scheme.all(), ({ group, version }) => `${group}/${version}`).values()) {
    const names = members.map(({ resource }) => resource);
    assert.deepEqual(names.toSorted(), names);
  }
});

test("resources are found by kind", () => {
  assert.equal(scheme.kind({ group: "apps", version: "v1", kind: "Deployment" })?.resource, "deployments");
  assert.equal(scheme.kind({ group: "", version: "v1", kind: "Deployment" }), undefined);
});

test("the preferred version comes first", () => {
  assert.deepEqual(scheme.versions("autoscaling"), ["v2", "v1"]);
  assert.deepEqual(scheme.versions("nothing"), []);
});

test("groups come in the order of discovery", () => {
  assert.deepEqual(scheme.groups().slice(0, 4), ["apiregistration.k8s.io", "", "apps", "events.k8s.io"]);
});

test("subresources of a foreign kind say where it comes from", () => {
  const pods = scheme.resource("", "v1", "pods");
  const eviction = pods?.subresources.find(({ name }) => name === "eviction");
  assert.deepEqual(eviction, {
    name: "eviction",
    kind: "Eviction",
    group: "policy",
    version: "v1",
    verbs: ["create"],
    struct: "io.k8s.api.policy.v1.Eviction",
  });
});

test("two versions of one storage are kept as one", () => {
  const stored = { group: "autoscaling", version: "v2" };
  assert.deepEqual(scheme.resource("autoscaling", "v1", "horizontalpodautoscalers")?.storageVersion, stored);
  assert.deepEqual(scheme.resource("autoscaling", "v2", "horizontalpodautoscalers")?.storageVersion, stored);
  assert.deepEqual(scheme.resource("events.k8s.io", "v1", "events")?.storageVersion, {
    group: "",
    version: "v1",
  });
});

const structs: readonly [group: string, version: string, kind: string, struct: string | undefined][] = [
  ["", "v1", "Status", "io.k8s.apimachinery.pkg.apis.meta.v1.Status"],
  ["apps", "v1", "DeleteOptions", "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"],
  ["autoscaling", "v1", "Scale", "io.k8s.api.autoscaling.v1.Scale"],
  ["", "v1", "PodList", "io.k8s.api.core.v1.PodList"],
  [
    "meta.k8s.io",
    "v1",
    "PartialObjectMetadata",
    "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata",
  ],
  ["example.com", "v1", "Thing", undefined],
];
for (const [group, version, kind, struct] of structs) {
  test(`structOf ${group}/${version} ${kind}`, () => {
    assert.equal(scheme.structOf({ group, version, kind }), struct);
  });
}

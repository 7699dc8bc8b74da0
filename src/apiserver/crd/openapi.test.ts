/** Documents of custom resources. Paths are as in apiextensions-apiserver/pkg/controller/openapi/builder/builder_test.go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { createScheme, type ResourceDefinition } from "#api/scheme.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { noDescriptions } from "#apiserver/openapi/descriptions.ts";
import type { Schema } from "#apiserver/openapi/schemas.ts";
import type { OpenApiDocument, OpenApiSource } from "#apiserver/openapi/v3.ts";
import { CustomSources } from "./openapi.ts";

const group = "foo-group.io";
const version = "v1";
const resource: ResourceDefinition = {
  group,
  version,
  resource: "foos",
  singular: "foo",
  kind: "Foo",
  listKind: "FooList",
  namespaced: true,
  verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
  shortNames: [],
  categories: [],
  struct: "io.foo-group.v1.Foo",
  storageVersion: { group, version },
  subresources: [
    {
      name: "scale",
      group: "autoscaling",
      version: "v1",
      kind: "Scale",
      struct: "io.k8s.api.autoscaling.v1.Scale",
      verbs: ["get", "patch", "update"],
    },
    {
      name: "status",
      group,
      version,
      kind: "Foo",
      struct: "io.foo-group.v1.Foo",
      verbs: ["get", "patch", "update"],
    },
  ],
};
const crd: CustomResourceDefinition = {
  metadata: { name: `foos.${group}` },
  spec: {
    group,
    scope: "Namespaced",
    names: { plural: "foos", kind: "Foo" },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object" } } } },
        selectableFields: [{ jsonPath: ".spec.color" }, { jsonPath: ".spec.size" }],
      },
    ],
  },
};

function sourceOf(definition: ResourceDefinition, definitions = [crd]): OpenApiSource {
  const [source] = new CustomSources({
    scheme: createScheme(),
    table: createTypeTable(),
    descriptions: noDescriptions,
    version: "1",
    resources: () => [definition],
    definitions: () => definitions,
  }).sources();
  assert.ok(source !== undefined);
  return source;
}

/** x-kubernetes-action by path and method. */
function actionsOf({ paths }: OpenApiDocument): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(paths as Record<string, Schema>).map(([path, item]) => [
      path,
      Object.values(item)
        .flatMap((operation) => (operation as Schema)["x-kubernetes-action"] ?? [])
        .map(String)
        .toSorted(),
    ]),
  );
}

test("every path with its actions, in a namespace and without", () => {
  const root = "/apis/foo-group.io/v1";
  const item = ["delete", "get", "patch", "put"];
  const sub = ["get", "patch", "put"];
  const one = `${root}/namespaces/{namespace}/foos`;
  assert.deepEqual(actionsOf(sourceOf(resource).build()), {
    [`${root}/`]: [],
    [`${root}/foos`]: ["list"],
    [one]: ["deletecollection", "list", "post"],
    [`${one}/{name}`]: item,
    [`${one}/{name}/scale`]: sub,
    [`${one}/{name}/status`]: sub,
  });
  assert.deepEqual(actionsOf(sourceOf({ ...resource, namespaced: false }).build()), {
    [`${root}/`]: [],
    [`${root}/foos`]: ["deletecollection", "list", "post"],
    [`${root}/foos/{name}`]: item,
    [`${root}/foos/{name}/scale`]: sub,
    [`${root}/foos/{name}/status`]: sub,
  });
});

test("a strategic merge patch is nothing for custom resources", () => {
  const { paths } = sourceOf(resource).build();
  const items = paths as Record<string, Record<string, Schema>>;
  const patch = items["/apis/foo-group.io/v1/namespaces/{namespace}/foos/{name}"]?.["patch"] ?? {};
  const { content } = patch["requestBody"] as { content: object };
  assert.deepEqual(Object.keys(content), [
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
  ]);
});

test("what a kind can be selected by is told, in both versions, and makes another document", () => {
  const source = sourceOf(resource);
  const fields = [{ fieldPath: "spec.color" }, { fieldPath: "spec.size" }];
  const schemas = source.build().components["schemas"] as Record<string, Schema>;
  assert.deepEqual(schemas[resource.struct]?.["x-kubernetes-selectable-fields"], fields);
  assert.deepEqual(
    source.swaggerDefinitions?.()[resource.struct]?.["x-kubernetes-selectable-fields"],
    fields,
  );
  assert.ok(!("x-kubernetes-selectable-fields" in (schemas[`${resource.struct}List`] ?? {})));
  const [first] = crd.spec.versions;
  const { selectableFields: _fields, ...without } = first ?? { name: version, served: true, storage: true };
  const other = sourceOf(resource, [{ ...crd, spec: { ...crd.spec, versions: [without] } }]);
  assert.notEqual(other.hash, source.hash);
});

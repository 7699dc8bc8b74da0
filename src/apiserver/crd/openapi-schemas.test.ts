/** Cases re-expressed from apiextensions-apiserver/pkg/controller/openapi/{v2/conversion,builder/builder}_test.go. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Structural } from "#api/schema/structural/structural.ts";
import type { Definitions } from "#apiserver/openapi/schemas.ts";
import { openApiSchema, swaggerSchema } from "./openapi-schemas.ts";

const keeps = { "x-kubernetes-preserve-unknown-fields": true };
const text: Structural = { type: "string" };

/** A field as it is said of a kind that has only this. */
const fieldIn = (document: (schema: Structural) => object, schema: Structural): unknown =>
  (document({ type: "object", properties: { a: schema } }) as { properties: Definitions }).properties["a"];

suite("version 2", () => {
  const cases: readonly (readonly [name: string, schema: Structural, said: object])[] = [
    [
      "an enum, a default, a pattern",
      { ...text, enum: ["x"], default: "x", pattern: "x" },
      { ...text, enum: ["x"], default: "x", pattern: "x" },
    ],
    ["choices", { ...text, allOf: [{}], anyOf: [{}], oneOf: [{}], not: {} }, text],
    [
      "what may be null",
      { type: "object", nullable: true, properties: { b: text }, title: "t" },
      { title: "t" },
    ],
    ["a list that may be null", { type: "array", nullable: true, items: text }, {}],
    [
      "an object that keeps what it doesn't know",
      { type: "object", properties: { b: text }, ...keeps },
      keeps,
    ],
    ["a list without a word about its items", { type: "array" }, {}],
    ["a list", { type: "array", items: { ...text, nullable: true } }, { type: "array", items: {} }],
    [
      "what is required, but for what may be null",
      { type: "object", required: ["b", "c"], properties: { b: text, c: { ...text, nullable: true } } },
      { type: "object", required: ["b"], properties: { b: text, c: {} } },
    ],
    [
      "a map of what may be null",
      { type: "object", required: ["b"], additionalProperties: { ...text, nullable: true } },
      { type: "object", additionalProperties: {} },
    ],
    [
      "an embedded resource that keeps what it doesn't know",
      { type: "object", "x-kubernetes-embedded-resource": true, ...keeps },
      { "x-kubernetes-embedded-resource": true, ...keeps },
    ],
  ];
  for (const [name, schema, said] of cases) {
    test(name, () => assert.deepEqual(fieldIn(swaggerSchema, schema), said));
  }

  test("a kind of which not every field is known has none", () => {
    assert.deepEqual(swaggerSchema({ type: "object", properties: { a: text }, ...keeps }), {
      type: "object",
    });
  });
});

for (const [version, document, reference] of [
  ["2", swaggerSchema, "#/definitions/"],
  ["3", openApiSchema, "#/components/schemas/"],
] as const) {
  test(`version ${version}: a kind, and a resource embedded in it, have what every resource has`, () => {
    const embedded: Structural = {
      type: "object",
      required: ["spec"],
      properties: { spec: text },
      "x-kubernetes-embedded-resource": true,
    };
    const { properties } = document({ type: "object", properties: { a: embedded } }) as {
      properties: Record<string, { required?: unknown; properties?: object }>;
    };
    assert.deepEqual(Object.keys(properties), ["a", "apiVersion", "kind", "metadata"]);
    const { a } = properties;
    assert.deepEqual(a?.required, ["spec", "kind", "apiVersion"]);
    assert.deepEqual(Object.keys(a.properties ?? {}), ["spec", "apiVersion", "kind", "metadata"]);
    const meta = JSON.stringify([properties["metadata"], a.properties]);
    assert.equal(meta.split(`"${reference}io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"`).length, 3);
  });
}

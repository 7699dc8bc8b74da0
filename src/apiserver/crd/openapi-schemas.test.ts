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

const intOrString = { "x-kubernetes-int-or-string": true };
const numberOrText: Structural[] = [{ type: "integer" }, { type: "string" }];

suite("version 3", () => {
  const minimum: Structural = { minimum: 42 };
  const cases: readonly (readonly [name: string, schema: Structural, said: Structural])[] = [
    ["a number or text", intOrString, { ...intOrString, anyOf: numberOrText }],
    [
      "which says so itself",
      { ...intOrString, anyOf: numberOrText, allOf: [{ anyOf: [minimum] }] },
      { ...intOrString, anyOf: numberOrText, allOf: [{ anyOf: [minimum] }] },
    ],
    [
      "which says so itself in another place",
      { ...intOrString, allOf: [{ anyOf: numberOrText }, { anyOf: [minimum] }] },
      { ...intOrString, allOf: [{ anyOf: numberOrText }, { anyOf: [minimum] }] },
    ],
    [
      "which has another choice",
      { ...intOrString, anyOf: [minimum] },
      { ...intOrString, allOf: [{ anyOf: numberOrText }], anyOf: [minimum] },
    ],
    [
      "which has another choice, and another rule",
      { ...intOrString, anyOf: [minimum], allOf: [minimum] },
      { ...intOrString, allOf: [{ anyOf: numberOrText }, minimum], anyOf: [minimum] },
    ],
    [
      "in a list",
      { type: "array", items: intOrString },
      { type: "array", items: { ...intOrString, anyOf: numberOrText } },
    ],
    ["an example, and documentation elsewhere", { ...text, example: "x", externalDocs: { url: "u" } }, text],
    [
      "an object that keeps what it doesn't know",
      { type: "object", properties: { b: text }, ...keeps },
      { type: "object", properties: { b: text }, ...keeps },
    ],
    [
      "what may be null, choices, a default",
      { ...text, nullable: true, oneOf: [{ pattern: "x" }], not: { pattern: "y" }, default: "x" },
      { ...text, nullable: true, oneOf: [{ pattern: "x" }], not: { pattern: "y" }, default: "x" },
    ],
  ];
  for (const [name, schema, said] of cases) {
    test(name, () => assert.deepEqual(fieldIn(openApiSchema, schema), said));
  }

  test("a kind of which not every field is known says so", () => {
    const said = openApiSchema({ type: "object", ...keeps });
    assert.deepEqual(Object.keys(said["properties"] as object), ["apiVersion", "kind", "metadata"]);
    assert.equal(said["x-kubernetes-preserve-unknown-fields"], true);
  });
});

suite("version 2", () => {
  const cases: readonly (readonly [name: string, schema: Structural, said: object])[] = [
    [
      "an enum, a default, a pattern",
      { ...text, enum: ["x"], default: "x", pattern: "x" },
      { ...text, enum: ["x"], default: "x", pattern: "x" },
    ],
    ["an example, and documentation elsewhere", { ...text, example: "x", externalDocs: { url: "u" } }, text],
    [
      "a title, and rules of numbers and lengths",
      { title: "t", maximum: 6.4, exclusiveMaximum: true, minLength: 64, maxProperties: 6, multipleOf: 0.1 },
      { title: "t", maximum: 6.4, exclusiveMaximum: true, minLength: 64, maxProperties: 6, multipleOf: 0.1 },
    ],
    [
      "whatever values",
      { type: "object", additionalProperties: true },
      { type: "object", additionalProperties: true },
    ],
    ["a list that keeps what it doesn't know", { type: "array", items: text, ...keeps }, keeps],
    [
      "a number or text",
      { ...intOrString, allOf: [{ anyOf: [{ minimum: 42 }] }], anyOf: numberOrText },
      intOrString,
    ],
    [
      "what may be null within what may be null",
      { type: "object", nullable: true, required: ["b"] },
      { required: ["b"] },
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

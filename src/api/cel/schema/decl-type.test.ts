/** How much there can be of what a schema describes. Cases of apiextensions-apiserver/pkg/apiserver/schema/cel/model/schemas_test.go: TestEstimateMaxLengthJSON. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";
import { declTypeOf } from "./decl-type.ts";

const text: JSONSchemaProps = { type: "string" };
const list = (items: JSONSchemaProps): JSONSchemaProps => ({ type: "array", items });
const map: JSONSchemaProps = { type: "object", additionalProperties: text };

for (const [most, schema] of [
  [629_145, list({ type: "boolean" })],
  [786_431, list({ ...text, format: "duration" })],
  [142_987, list({ ...text, format: "date-time" })],
  [241_978, list({ ...text, format: "date" })],
  [1_572_863, list({ type: "integer" })],
  [1_048_575, list(text)],
  [393_215, map],
  [185_042, list({ type: "object", required: ["required"], properties: { required: text, optional: text } })],
  [10, { ...list({ type: "integer" }), maxItems: 10 }],
  [80, { ...text, maxLength: 20 }],
  [15, { ...map, maxProperties: 15 }],
  [32, { ...text, format: "duration" }],
  [12, { ...text, format: "date" }],
  [32, { ...text, format: "date-time" }],
  [3_145_726, { "x-kubernetes-int-or-string": true }],
  [
    1_048_575,
    list({ type: "object", required: ["field"], properties: { field: { ...text, default: "default" } } }),
  ],
  [3_145_726, { ...text, format: "byte" }],
  [20, { ...text, format: "byte", maxLength: 20 }],
] as const satisfies readonly (readonly [number, JSONSchemaProps])[]) {
  test(`at most ${most} of ${JSON.stringify(schema)}`, () => {
    assert.equal(declTypeOf(schema, { name: "self" })?.elementsMax, most);
  });
}

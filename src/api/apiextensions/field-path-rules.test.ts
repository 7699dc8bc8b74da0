/** Cases of apiextensions-apiserver/pkg/apiserver/schema/cel/validation_test.go (TestValidateFieldPath). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import { findField } from "./field-path-rules.ts";

const number: JSONSchemaProps = { type: "number" };
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: "object",
  properties,
});

const schema = object({
  a: object({
    b: object({ c: number, "34": number }),
    "b.c": number,
    "b[c": number,
    "it's": number,
    "bell\u0007": number,
  }),
  m: { type: "object", additionalProperties: object({ x: number }) },
  l: { type: "array", items: object({ a: number }) },
  "white space": number,
  "'quoted'": number,
});

const none = "does not refer to a valid field";
const cutShort = "unexpected end of JSON path";

for (const [path, found] of [
  [".a", [["a"], "a"]],
  [".white space", [["white space"], "white space"]],
  ["['white space']", [["white space"], "white space"]],
  [".a.b.34", [["a", "b", "34"], "a.b.34"]],
  [".a['b.c']", [["a", "b.c"], "a.b.c"]],
  [".a['b[c']", [["a", "b[c"], "a.b[c"]],
  [".a.it's", [["a", "it's"], "a.it's"]],
  [String.raw`.a['it\'s']`, [["a", "it's"], "a.it's"]],
  [String.raw`['\'quoted\'']`, [["'quoted'"], "'quoted'"]],
  [String.raw`.a['bell\a']`, [["a", "bell\u0007"], "a.bell\u0007"]],
  [".m.any.x", [["m", "any", "x"], "m[any].x"]],
  [".m['any']", [["m", "any"], "m[any]"]],
  [".l", [["l"], "l"]],
  [".l.a", none],
  [".l['a']", none],
  [".l[0]", "expected single quoted string but got 0"],
  [".a.b[0]", "expected single quoted string but got 0"],
  [".a.none[", none],
  [". a", none],
  [".a..b", none],
  [String.raw`.\'quoted\'`, none],
  [String.raw`.a['\q']`, String.raw`invalid string literal: invalid escape char \q`],
  [".a['b.c'", cutShort],
  [".a['b.c'.", "expected ] but got ."],
  [".", cutShort],
  ["", cutShort],
  ["a", "expected [ or . but got: a"],
] as const) {
  test(`${JSON.stringify(path)} is ${typeof found === "string" ? "none" : found[1]}`, () => {
    const field = findField(path, schema, true);
    assert.deepEqual(typeof field === "string" ? field : [field.names, field.path], found);
  });
}

test("keys in brackets may be banned", () => {
  assert.equal(findField(".a['b']", schema, false), "array notation is not allowed");
});

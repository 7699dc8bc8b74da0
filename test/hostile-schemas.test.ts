/**
 * Schemas of definitions that make careless code go over all of them for each of their rules: where that takes time that
 * grows with the square or the cube of the schema, one definition holds the server for minutes. None of them ends then.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkListSchema } from "#api/apiextensions/list-schema-validation.ts";
import { CelRuleChecker } from "#api/apiextensions/rule-check.ts";
import { compileObjectRules } from "#api/apiextensions/rule-evaluation.ts";
import { schemaFaults } from "#api/apiextensions/schema-validation.ts";
import { cel } from "#api/cel/testing/environment.ts";
import type { JSONSchemaProps } from "#api/generated/types/apiextensions-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";

const text: JSONSchemaProps = { type: "string", maxLength: 1 };
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `p${index}`);
const wide = (count: number): JSONSchemaProps => ({
  type: "object",
  properties: Object.fromEntries(names(count).map((name) => [name, text])),
  required: names(count),
});
const ruled = (schema: JSONSchemaProps, ...rules: readonly string[]): JSONSchemaProps => ({
  ...schema,
  "x-kubernetes-validations": rules.map((rule) => ({ rule })),
});
const nested = (
  depth: number,
  inner: JSONSchemaProps,
  around: (schema: JSONSchemaProps) => JSONSchemaProps,
): JSONSchemaProps => {
  let schema = inner;
  for (let level = 0; level < depth; level++) schema = around(schema);
  return schema;
};
const faultsOf = (schema: JSONSchemaProps): number =>
  schemaFaults(schema, "s", new CelRuleChecker(cel, false)).length;

test("rules of lists within lists", () => {
  const lists = nested(1500, text, (items) =>
    ruled({ type: "array", maxItems: 1, items }, "self.size() < 5", "self == []"),
  );
  assert.equal(faultsOf(lists), 0);
});

test("rules beside many properties", () => {
  const rules = Array.from({ length: 5000 }, (_, index) => `self.p${index} == 'a'`);
  const schema = ruled(wide(100_000), ...rules);
  assert.equal(faultsOf(schema), 0);
  const value = Object.fromEntries(names(100_000).map((name) => [name, "a"]));
  assert.deepEqual(compileObjectRules(cel, schema, true)?.faults(value, undefined), []);
});

test("rules above many properties", () => {
  const schema = nested(1000, wide(50_000), (a) =>
    ruled({ type: "object", properties: { a }, required: ["a"] }, "has(self.a)"),
  );
  assert.equal(faultsOf(schema), 0);
  assert.equal(compileObjectRules(cel, schema, false)?.faults({}, undefined).length, 1);
});

test("a rule of one of many values", () => {
  assert.equal(faultsOf(ruled({ type: "string", enum: names(300_000) }, "self.size() < 9")), 0);
});

test("keys of a list that is a map", () => {
  const faults = new FaultList();
  const keys = names(150_000);
  const schema: JSONSchemaProps = {
    type: "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": keys,
    items: { ...wide(keys.length), required: keys.toReversed() },
  };
  checkListSchema(schema, "s", faults);
  assert.equal(faults.count, 0);
});

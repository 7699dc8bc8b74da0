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
import type { FieldError } from "#api/meta/field-error.ts";
import { invalidError } from "#api/meta/status.ts";
import { compileSchema } from "#api/schema/structural/validate.ts";

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

const listOf = (items: JSONSchemaProps): JSONSchemaProps => ({ type: "array", maxItems: 1_000_000, items });
const check = (schema: JSONSchemaProps, value: unknown): readonly FieldError[] =>
  compileSchema(schema, () => () => true)(value, "", undefined).faults;
const assertTold = (faults: readonly FieldError[] = []): void => {
  const { message = "" } = invalidError({ group: "a", kind: "A", name: "a" }, faults).status;
  assert.ok(message.length > 2 ** 20 && message.length < 2 ** 26, `${message.length} characters`);
};

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

test("values that many items may have", () => {
  const schema = listOf({ type: "string", enum: names(20_000) });
  assert.deepEqual(check(schema, Array(300_000).fill("p19999")), []);
  assertTold(check(schema, Array(20_000).fill("x")));
});

test("a long rule that many items break", () => {
  const schema = listOf(ruled(text, `self != 'a' // ${"a".repeat(300_000)}`));
  assertTold(compileObjectRules(cel, schema, false)?.faults(Array(50_000).fill("a"), undefined));
});

test("alternatives of many items", () => {
  const schema = listOf({ type: "string", anyOf: names(20_000).map((name) => ({ enum: [name] })) });
  assert.throws(() => check(schema, Array(100_000).fill("p19999")), { code: 504 });
});

test("properties of many items", () => {
  const items = wide(50_000);
  const value = Array.from({ length: 200_000 }, () => ({ p1: "a" }));
  assert.deepEqual(check(listOf({ ...items, required: [] }), value), []);
  assert.throws(() => check(listOf(items), value), { code: 504 });
});

/** What may stay wrong, and is told of. Cases of apiextensions-apiserver/pkg/apiserver/schema/cel/validation_test.go (TestRatcheting). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cel } from "../cel/testing/environment.ts";
import type { JSONSchemaProps } from "../generated/types/apiextensions-v1.ts";
import { fieldErrorText } from "../meta/field-error.ts";
import { compileObjectRules } from "./rule-evaluation.ts";

const text: JSONSchemaProps = { type: "string" };
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: "object",
  properties,
});
const ruled = (schema: JSONSchemaProps, rule: string, fieldPath = ""): JSONSchemaProps => ({
  ...schema,
  "x-kubernetes-validations": [{ rule, message: "no", ...(fieldPath === "" ? {} : { fieldPath }) }],
});
const isX = ruled(text, "self == 'x'");
const list = (items: JSONSchemaProps, type: string): JSONSchemaProps => ({
  type: "array",
  items,
  "x-kubernetes-list-type": type,
  ...(type === "map" ? { "x-kubernetes-list-map-keys": ["k"] } : {}),
});
const atomic = list(object({ v: isX }), "atomic");
const byKey = list(object({ k: text, v: isX }), "map");
const typed = { apiVersion: ruled(text, "self == 'v1'"), kind: ruled(text, "self == 'X'") };

const cases: readonly (readonly [
  name: string,
  schema: JSONSchemaProps,
  old: unknown,
  value: unknown,
  faults: readonly string[],
  warnings: readonly string[],
])[] = [
  ["an unchanged field", object({ a: isX }), { a: "y" }, { a: "y" }, [], ['r.a: Invalid value: "y": no']],
  ["a changed one", object({ a: isX }), { a: "z" }, { a: "y" }, ['r.a: Invalid value: "y": no'], []],
  ["a new one", object({ a: isX }), {}, { a: "y" }, ['r.a: Invalid value: "y": no'], []],
  [
    "within an atomic list that is as it was, whatever is beside it",
    object({ a: text, l: atomic }),
    { a: "1", l: [{ v: "y" }] },
    { a: "2", l: [{ v: "y" }] },
    [],
    ['r.l[0].v: Invalid value: "y": no'],
  ],
  [
    "within one that isn't",
    atomic,
    [{ v: "y" }],
    [{ v: "y" }, { v: "x" }],
    ['r[0].v: Invalid value: "y": no'],
    [],
  ],
  [
    "within a set that is as it was",
    list(ruled({ type: "number" }, "self == 1.0"), "set"),
    [1, 2],
    [1, 2],
    [],
    ["r[1]: Invalid value: 2: no"],
  ],
  [
    "items of a map list, wherever they stand now",
    byKey,
    [
      { k: "a", v: "y" },
      { k: "b", v: "y" },
    ],
    [
      { k: "b", v: "y" },
      { k: "a", v: "z" },
    ],
    ['r[1].v: Invalid value: "z": no'],
    ['r[0].v: Invalid value: "y": no'],
  ],
  [
    "a map list in another order",
    ruled(byKey, "self.size() == 1"),
    [
      { k: "a", v: "x" },
      { k: "b", v: "x" },
    ],
    [
      { k: "b", v: "x" },
      { k: "a", v: "x" },
    ],
    [],
    ["r: Invalid value: no"],
  ],
  [
    "a rule of a changed object that names an unchanged field",
    ruled(object({ a: text, b: text }), "self.a == 'x'", ".a"),
    { a: "y" },
    { a: "y", b: "1" },
    ["r.a: Invalid value: no"],
    [],
  ],
  [
    "a transition is never left alone",
    object({ a: ruled(text, "oldSelf != 'y'") }),
    { a: "y" },
    { a: "y" },
    ['r.a: Invalid value: "y": no'],
    [],
  ],
  [
    "nor is a rule that doesn't compile, or goes wrong",
    object({ a: ruled(text, "nothing"), b: ruled(text, "1 / 0 == 1") }),
    { a: "y", b: "y" },
    { a: "y", b: "y" },
    [
      "r.a: Invalid value: \"string\": rule compile error: compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing' (in container '')\n | nothing\n | ^",
      'r.b: Invalid value: "string": division by zero evaluating rule: no',
    ],
    [],
  ],
  [
    "nor what type the whole object is, as that was converted",
    object({ ...typed, a: object(typed) }),
    { apiVersion: "v2", kind: "Y", a: { apiVersion: "v2", kind: "Y" } },
    { apiVersion: "v2", kind: "Y", a: { apiVersion: "v2", kind: "Y" } },
    ['r.apiVersion: Invalid value: "v2": no', 'r.kind: Invalid value: "Y": no'],
    ['r.a.apiVersion: Invalid value: "v2": no', 'r.a.kind: Invalid value: "Y": no'],
  ],
  [
    "what no schema describes can't be compared",
    ruled({ type: "object", "x-kubernetes-preserve-unknown-fields": true, properties: { a: text } }, "false"),
    { a: "1", other: 1 },
    { a: "1", other: 1 },
    ["r: Invalid value: no"],
    [],
  ],
];

for (const [name, schema, old, value, faults, warnings] of cases) {
  test(name, () => {
    const told: string[] = [];
    const found = compileObjectRules(cel, schema, false, "r")?.faults(value, old, (warning) => {
      told.push(warning);
    });
    assert.deepEqual([found?.map(fieldErrorText), told], [faults, warnings]);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldType, StructType, TypeTable } from "../schema/type-table.ts";
import type { JsonMap } from "./json-value.ts";
import { applyStrategic } from "./strategic.ts";

function field(name: string, parts: Partial<FieldType>): FieldType {
  return {
    name,
    id: 1,
    scalar: parts.struct === undefined ? "string" : undefined,
    struct: undefined,
    shape: "one",
    pointer: false,
    omitEmpty: true,
    inline: false,
    required: false,
    patchMergeKey: undefined,
    patchStrategy: [],
    listType: undefined,
    listMapKeys: [],
    mapType: undefined,
    enum: undefined,
    wrapped: false,
    default: undefined,
    ...parts,
  };
}

function struct(name: string, ...fields: readonly FieldType[]): StructType {
  return {
    name,
    fields,
    mapType: undefined,
    byName: new Map(fields.map((one) => [one.name, one])),
    byId: new Map(fields.map((one) => [one.id, one])),
  };
}

const merge = (key: string, ...more: readonly string[]): Partial<FieldType> => ({
  shape: "list",
  patchMergeKey: key,
  patchStrategy: ["merge", ...more],
});
const structs = [
  struct(
    "Root",
    field("labels", { shape: "map" }),
    field("finalizers", { shape: "list", patchStrategy: ["merge"] }),
    field("args", { shape: "list" }),
    field("items", { ...merge("name"), struct: "Item" }),
    field("plain", { shape: "list", struct: "Item" }),
    field("one", { struct: "Item" }),
    field("strategy", { struct: "Item", patchStrategy: ["retainKeys"] }),
    field("whole", { struct: "Item", patchStrategy: ["replace"] }),
    field("byName", { shape: "map", struct: "Item" }),
  ),
  struct(
    "Item",
    field("name", {}),
    field("value", {}),
    field("other", {}),
    field("ports", { ...merge("port"), struct: "Port" }),
  ),
  struct("Port", field("port", { scalar: "int32" }), field("name", {})),
];
const table: TypeTable = {
  struct: (name) => structs.find((one) => one.name === name),
  names: structs.map(({ name }) => name),
};

const a = { name: "a", value: "1" };
const b = { name: "b", value: "2" };
const c = { name: "c", value: "3" };
const cases: readonly (readonly [string, JsonMap, JsonMap, JsonMap])[] = [
  ["scalars replace", { x: 1, y: 2 }, { x: 3 }, { x: 3, y: 2 }],
  ["null deletes", { x: 1, y: 2 }, { x: null }, { y: 2 }],
  [
    "null without a target does nothing",
    {},
    { x: null, one: { value: null, name: "a" } },
    { one: { name: "a" } },
  ],
  [
    "maps merge",
    { labels: { a: "1", b: "2" } },
    { labels: { b: null, c: "3" } },
    { labels: { a: "1", c: "3" } },
  ],
  [
    "__proto__ is a key like others",
    { labels: {} },
    JSON.parse('{"labels":{"__proto__":"x"}}'),
    JSON.parse('{"labels":{"__proto__":"x"}}'),
  ],
  ["lists without strategy replace", { args: ["a"] }, { args: ["b"] }, { args: ["b"] }],
  [
    "lists of structs without strategy replace",
    { plain: [a] },
    { plain: [{ name: "b" }] },
    { plain: [{ name: "b" }] },
  ],
  [
    "an item merges by its key",
    { items: [a, b] },
    { items: [{ name: "b", value: "9" }] },
    { items: [a, { name: "b", value: "9" }] },
  ],
  ["a new item comes first", { items: [a] }, { items: [c] }, { items: [c, a] }],
  ["a list that wasn't there", {}, { items: [a, { $patch: "delete", name: "b" }] }, { items: [a] }],
  [
    "$patch: delete takes an item away",
    { items: [a, b] },
    { items: [{ $patch: "delete", name: "a" }] },
    { items: [b] },
  ],
  [
    "$patch: replace takes the whole list",
    { items: [a, b] },
    { items: [c, { $patch: "replace" }] },
    { items: [c] },
  ],
  [
    "$patch: replace alone empties the list",
    { items: [a, b] },
    { items: [{ $patch: "replace" }] },
    { items: [] },
  ],
  [
    "$patch: replace in a map",
    { one: { name: "a", value: "1" } },
    { one: { $patch: "replace", other: "x" } },
    { one: { other: "x" } },
  ],
  [
    "$patch: replace in a map that wasn't there",
    {},
    { one: { $patch: "replace", other: "x" } },
    { one: { other: "x" } },
  ],
  ["$patch: delete in a map leaves it empty", { one: a }, { one: { $patch: "delete" } }, { one: {} }],
  ["the replace strategy replaces maps", { whole: a }, { whole: { other: "x" } }, { whole: { other: "x" } }],
  [
    "keys of map values are known",
    { byName: { k: { ports: [{ port: 1 }] } } },
    { byName: { k: { ports: [{ port: 2 }] } } },
    { byName: { k: { ports: [{ port: 2 }, { port: 1 }] } } },
  ],
  [
    "nested lists merge by their own key",
    { items: [{ name: "a", ports: [{ port: 1 }] }] },
    { items: [{ name: "a", ports: [{ port: 1, name: "x" }] }] },
    { items: [{ name: "a", ports: [{ port: 1, name: "x" }] }] },
  ],
  [
    "primitive lists merge as sets",
    { finalizers: ["a", "b"] },
    { finalizers: ["c", "a"] },
    { finalizers: ["c", "a", "b"] },
  ],
  [
    "$deleteFromPrimitiveList",
    { finalizers: ["a", "b"] },
    { "$deleteFromPrimitiveList/finalizers": ["a"] },
    { finalizers: ["b"] },
  ],
  [
    "$deleteFromPrimitiveList with additions and order",
    { finalizers: ["a", "b"] },
    {
      "$deleteFromPrimitiveList/finalizers": ["a"],
      "$setElementOrder/finalizers": ["c", "b"],
      finalizers: ["c"],
    },
    { finalizers: ["c", "b"] },
  ],
  [
    "$retainKeys drops the others",
    { strategy: { name: "a", value: "1" } },
    { strategy: { $retainKeys: ["other"], other: "x" } },
    { strategy: { other: "x" } },
  ],
  [
    "$setElementOrder alone reorders",
    { items: [a, b, c] },
    { "$setElementOrder/items": [{ name: "c" }, { name: "a" }] },
    { items: [b, c, a] },
  ],
  [
    "$setElementOrder with changes",
    { items: [a, b] },
    { "$setElementOrder/items": [{ name: "c" }, { name: "b" }, { name: "a" }], items: [c] },
    { items: [c, b, a] },
  ],
  [
    "$setElementOrder keeps others before what follows them",
    { items: [a, b, c] },
    { "$setElementOrder/items": [{ name: "a" }, { name: "c" }], items: [{ name: "c", value: "9" }] },
    { items: [a, b, { name: "c", value: "9" }] },
  ],
  [
    "$setElementOrder with a deletion",
    { items: [a, b, c] },
    { "$setElementOrder/items": [{ name: "a" }, { name: "c" }], items: [{ $patch: "delete", name: "b" }] },
    { items: [a, c] },
  ],
  ["$setElementOrder for a list that isn't there", {}, { "$setElementOrder/items": [{ name: "a" }] }, {}],
  [
    "$setElementOrder for a new list",
    {},
    { "$setElementOrder/items": [{ name: "b" }, { name: "a" }], items: [b, a] },
    { items: [b, a] },
  ],
  ["$setElementOrder and a null", { items: [a] }, { "$setElementOrder/items": [], items: null }, {}],
  ["a value of another type replaces", { one: a }, { one: "x" }, { one: "x" }],
  [
    "unknown fields merge as maps",
    { what: { a: 1, l: [1] } },
    { what: { b: 2, l: [2] } },
    { what: { a: 1, b: 2, l: [2] } },
  ],
];
for (const [name, original, patch, want] of cases) {
  test(`strategic merge: ${name}`, () => {
    const before = structuredClone({ original, patch });
    assert.deepEqual(applyStrategic(original, patch, "Root", table), want);
    assert.deepEqual({ original, patch }, before);
  });
}

const faults: readonly (readonly [string, JsonMap, JsonMap, number, RegExp])[] = [
  [
    "an item without its key",
    { items: [a] },
    { items: [{ value: "x" }] },
    500,
    /^map: map\[value:x\] does not contain declared merge key: name$/,
  ],
  [
    "a deletion without its key",
    { items: [a] },
    { items: [{ $patch: "delete" }] },
    500,
    /does not contain declared merge key: name$/,
  ],
  [
    "an unknown directive",
    { one: a },
    { one: { $patch: "swap" } },
    500,
    /^unknown patch type: swap in map: map\[\$patch:swap\]$/,
  ],
  [
    "an unknown directive in a list",
    { items: [a] },
    { items: [{ $patch: "swap" }] },
    500,
    /^unknown patch type: swap/,
  ],
  [
    "merge as a list directive",
    { items: [a] },
    { items: [{ $patch: "merge" }] },
    500,
    /cannot yet be specified/,
  ],
  [
    "$retainKeys without the patched key",
    { strategy: a },
    { strategy: { $retainKeys: ["name"], other: "x" } },
    400,
    /invalid patch format of retainKeys/,
  ],
  [
    "$retainKeys that is no list",
    { strategy: a },
    { strategy: { $retainKeys: "name" } },
    400,
    /invalid patch format of retainKeys/,
  ],
  [
    "$deleteFromPrimitiveList that is no list",
    { finalizers: ["a"] },
    { "$deleteFromPrimitiveList/finalizers": "a" },
    400,
    /invalid patch format of primitive list/,
  ],
  [
    "an order that misses items",
    { items: [a] },
    { "$setElementOrder/items": [{ name: "a" }], items: [b] },
    500,
    /doesn't match \$setElementOrder list/,
  ],
  [
    "an order that is no list",
    { items: [a] },
    { "$setElementOrder/items": "a" },
    400,
    /invalid patch format of setElementOrder list/,
  ],
  ["lists of lists", { finalizers: ["a"] }, { finalizers: [["b"]] }, 422, /rejected our request/],
];
for (const [name, original, patch, code, message] of faults) {
  test(`strategic merge refuses ${name}`, () =>
    assert.throws(() => applyStrategic(original, patch, "Root", table), { code, message }));
}

test("a strategic merge takes orders by the ten thousand without copying the patch for each", () => {
  const orders = Array.from(
    { length: 20_000 },
    (_, index) => [`$setElementOrder/list-${index}`, ["a"]] as const,
  );
  const patch = { ...Object.fromEntries(orders), "list-7": ["a"], text: "x" };
  assert.deepEqual(applyStrategic({}, patch, "Root", table), { "list-7": ["a"], text: "x" });
});

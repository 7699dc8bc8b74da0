import assert from "node:assert/strict";
import { test } from "node:test";
import { ArrayList, EntryMap, mapKey, Uint, type Value } from "../values.ts";
import { appliedObject, patchOperations } from "./patch-types.ts";

const object = (typeName: string, fields: Readonly<Record<string, Value>>): EntryMap =>
  new EntryMap(
    new Map(Object.entries(fields).map(([name, value]) => [mapKey(name) ?? "", [name, value] as const])),
    typeName,
  );

const large = 9007199254740993n;

test("what is applied has its integers as they are", () => {
  const numbers = new ArrayList([1n, large, -large, new Uint(2n), 1.5]);
  assert.deepEqual(appliedObject(object("Object", { a: large, b: numbers })), {
    a: large,
    b: [1, large, -large, 2, 1.5],
  });
});

// Protobuf's JSON, by which upstream makes the value of an operation, has no larger ones.
test("in the operations of a patch those that not every reader could hold are texts", () => {
  const value = new ArrayList([2n ** 53n - 1n, large, new Uint(2n ** 64n - 1n), 1.5]);
  assert.deepEqual(patchOperations(new ArrayList([object("JSONPatch", { op: "add", path: "/a", value })])), [
    { op: "add", path: "/a", value: [9007199254740991, "9007199254740993", "18446744073709551615", 1.5] },
  ]);
});

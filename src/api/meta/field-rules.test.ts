import assert from "node:assert/strict";
import { test } from "node:test";
import { isSame, repeatedAt } from "./field-rules.ts";

const cases: readonly (readonly [name: string, value: unknown, old: unknown, isSame: boolean])[] = [
  ["nothing and nothing", undefined, null, true],
  ["nothing and an empty list", undefined, [], true],
  ["nothing and an empty struct", undefined, {}, false],
  ["nothing and a zero", undefined, 0, false],
  ["a text and another", "a", "b", false],
  ["a number and its text", 1, "1", false],
  ["a field that is undefined, and one that isn't there", { a: 1, b: undefined }, { a: 1 }, true],
  ["a field that isn't there, and one that is an empty list", { a: 1 }, { a: 1, b: [] }, true],
  ["a field that isn't there, and an empty struct", { a: 1 }, { a: 1, b: {} }, false],
  ["a field more before", { a: 1 }, { a: 1, b: 2 }, false],
  ["a field more now", { a: 1, b: 2 }, { a: 1 }, false],
  ["fields in another order", { a: 1, b: [{ c: 2 }] }, { b: [{ c: 2, d: null }], a: 1 }, true],
  ["a list and a longer one", [1], [1, 2], false],
  ["lists in another order", [1, 2], [2, 1], false],
  ["a list and a struct", [1], { 0: 1 }, false],
  ["deep inside", { a: [{ b: { c: [1] } }] }, { a: [{ b: { c: [2] } }] }, false],
  ["a name every object knows, and no such field", { constructor: 1 }, {}, false],
];

for (const [name, value, old, expected] of cases) {
  test(`${name} are ${expected ? "the same" : "not the same"}`, () => {
    assert.equal(isSame(value, old), expected);
    assert.equal(isSame(old, value), expected);
  });
}

test("what has come before is named by each of its later places", () => {
  assert.deepEqual([...repeatedAt(["a", "b", "a", "a", "c", "b"])], [2, 3, 5]);
  assert.deepEqual([...repeatedAt([])], []);
});

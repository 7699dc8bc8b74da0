import assert from "node:assert/strict";
import { test } from "node:test";
import { integerAt, setNumber } from "./simple-path.ts";

for (const [object, path, want] of [
  [{ spec: { a: 1 } }, ".spec.replicas", { spec: { a: 1, replicas: 3 } }],
  [{}, ".spec.a.b", { spec: { a: { b: 3 } } }],
  [{ spec: 1 }, ".spec.a", { spec: { a: 3 } }],
] as const) {
  test(`${path} of ${JSON.stringify(object)} is set`, () => {
    const copy = structuredClone(object) as Record<string, unknown>;
    setNumber(copy, path, 3);
    assert.deepEqual(copy, want);
  });
}

test("a path leads to the object's own fields, whatever they are called", () => {
  for (const path of [".spec.__proto__.three", ".spec.constructor.three", ".spec.__proto__"]) {
    const object = { spec: {} };
    setNumber(object, path, 3);
    assert.equal(integerAt(object, path), 3);
    assert.equal(Reflect.get({}, "three"), undefined);
    assert.equal(Reflect.get(Object, "three"), undefined);
  }
});

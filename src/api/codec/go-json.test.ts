import assert from "node:assert/strict";
import { test } from "node:test";
import { goJson } from "./go-json.ts";

// The expected texts are what encoding/json's Marshal gives for the same values.
for (const [value, text] of [
  ['<a href="x">&amp;</a>', String.raw`"\u003ca href=\"x\"\u003e\u0026amp;\u003c/a\u003e"`],
  ["a\u2028b\u2029c", String.raw`"a\u2028b\u2029c"`],
  ["é😀\u007f", '"é😀\u007f"'],
  ["\b\f\n\u0001\\", String.raw`"\b\f\n\u0001\\"`],
  [{ "a<b": [">"] }, String.raw`{"a\u003cb":["\u003e"]}`],
  [[1e21, 1e-7, 0.000001, 100], "[1e+21,1e-7,0.000001,100]"],
] as const) {
  test(`${JSON.stringify(value)} is written as Go writes it, and means the same`, () => {
    assert.equal(goJson(value), text);
    assert.deepEqual(JSON.parse(text), value);
  });
}

test("indented as Go's MarshalIndent", () => {
  assert.equal(goJson({ a: "<" }, 2), '{\n  "a": "\\u003c"\n}');
});

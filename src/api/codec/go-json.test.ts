import assert from "node:assert/strict";
import { test } from "node:test";
import { compareKeys, goJson, inKeyOrder } from "./go-json.ts";

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

test("maps with keys that are numbers are by key, and nothing else is moved", () => {
  const value = {
    z: { "10": 1, "9": [{ "2": {}, "-a": [], b: undefined }], "01": 0 },
    a: [undefined, '{"1":2}'],
  };
  assert.equal(
    goJson(value),
    String.raw`{"z":{"01":0,"10":1,"9":[{"-a":[],"2":{}}]},"a":[null,"{\"1\":2}"]}`,
  );
  const read = JSON.parse(goJson(value)) as unknown;
  assert.deepEqual(JSON.parse(goJson(value, 2)), read);
  assert.equal(
    goJson({ b: { "1": [{}, [], [1]] } }, 2),
    JSON.stringify({ b: { "1": [{}, [], [1]] } }, undefined, 2),
  );
});

test("keys are compared as UTF-8", () => {
  const keys = ["\u{1f600}", "\ue000", "é", "b", "", "a\uffff", "a\u{10000}", "a"];
  const byBytes = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(keys.toSorted(compareKeys), byBytes);
});

test("what has no type gets its keys in order at every level", () => {
  const value = JSON.parse('{"b":[{"z":1,"y":null}],"__proto__":{"d":1,"c":2},"a":"x"}') as unknown;
  assert.equal(goJson(inKeyOrder(value)), '{"__proto__":{"c":2,"d":1},"a":"x","b":[{"y":null,"z":1}]}');
});

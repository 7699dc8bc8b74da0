import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { StatusError } from "../meta/status.ts";
import { applyJsonPatch, jsonPatchFault } from "./json.ts";
import { copyJson, isMap, jsonEqual } from "./json-value.ts";
import { applyMerge } from "./merge.ts";

/** The table of RFC 7396, appendix A. */
const merges: readonly (readonly [unknown, unknown, unknown])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];
/** What upstream's library adds: nulls leave the objects in a list, but not in a list that takes an object's place. */
const nullsInLists: typeof merges = [
  [{}, { a: [null, { b: null, c: 1 }, [{ d: null }]] }, { a: [null, { c: 1 }, [{}]] }],
  [{ a: [{ b: 1 }] }, { a: [{ b: null, c: [{ d: null }] }] }, { a: [{ c: [{}] }] }],
  [{ a: null }, { a: [{ b: null }] }, { a: [{}] }],
  [{ a: { b: 1 } }, { a: [{ b: null }] }, { a: [{ b: null }] }],
];
for (const [original, patch, want] of [...merges, ...nullsInLists]) {
  test(`merge patch ${JSON.stringify(original)} + ${JSON.stringify(patch)}`, () =>
    assert.deepEqual(applyMerge(original, patch), want));
}

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>;

/** Without nulls in lists: where one takes an object's place they would stay the first time, and go the second. */
const withPlainLists = (patch: unknown): unknown =>
  isMap(patch)
    ? Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, withPlainLists(value)]))
    : applyMerge(undefined, patch);

test("a merge patch applied twice is applied once", () => {
  fc.assert(
    fc.property(json, json.map(withPlainLists), (original, patch) => {
      const once = applyMerge(original, patch);
      assert.ok(jsonEqual(applyMerge(once, patch), once));
    }),
  );
});

test("a merge patch changes neither side", () => {
  fc.assert(
    fc.property(json, json, (original, patch) => {
      const before = JSON.stringify([original, patch]);
      applyMerge(original, patch);
      assert.equal(JSON.stringify([original, patch]), before);
    }),
  );
});

test("a merge patch never reaches a prototype", () => {
  const merged = applyMerge({}, JSON.parse('{"__proto__":{"polluted":true}}'));
  assert.equal(JSON.stringify(merged), '{"__proto__":{"polluted":true}}');
  assert.equal(Object.getPrototypeOf(merged), Object.prototype);
});

const spec = { spec: { list: ["a", "b"], n: 1, "a/b": 1 } };
const patches: readonly (readonly [readonly unknown[], unknown])[] = [
  [[{ op: "add", path: "/spec/list/-", value: "c" }], { spec: { list: ["a", "b", "c"], n: 1, "a/b": 1 } }],
  [[{ op: "replace", path: "/spec/n", value: 2 }], { spec: { list: ["a", "b"], n: 2, "a/b": 1 } }],
  [[{ op: "remove", path: "/spec/a~1b" }], { spec: { list: ["a", "b"], n: 1 } }],
  [
    [
      { op: "test", path: "/spec/n", value: 1 },
      { op: "move", from: "/spec/n", path: "/m" },
    ],
    { spec: { list: ["a", "b"], "a/b": 1 }, m: 1 },
  ],
  [[{ op: "copy", from: "/spec/list/0", path: "/x" }], { ...spec, x: "a" }],
  // As upstream's library has it, and the RFC has not.
  [[{ op: "replace", path: "/x", value: 1 }], { ...spec, x: 1 }],
  [[{ op: "test", path: "/x", value: null }], spec],
  [[{ op: "add", path: "/x" }], { ...spec, x: null }],
  [[{ op: "remove", path: "/spec/list/-1" }], { spec: { ...spec.spec, list: ["a"] } }],
  [[{ op: "replace", path: "", value: [1] }], [1]],
];
for (const [patch, want] of patches) {
  test(`JSON patch ${JSON.stringify(patch)}`, () => {
    const before = structuredClone(spec);
    assert.deepEqual(applyJsonPatch(spec, patch), want);
    assert.deepEqual(spec, before);
  });
}

const faults: readonly (readonly [string, unknown, number])[] = [
  ["what is no list", { op: "add" }, 400],
  ["what holds no operations", ["add"], 400],
  ["a failed test", [{ op: "test", path: "/spec/n", value: 2 }], 422],
  ["a missing target", [{ op: "remove", path: "/spec/none" }], 422],
  ["a replacement below nothing", [{ op: "replace", path: "/none/n", value: 1 }], 422],
  ["a replacement after the last item", [{ op: "replace", path: "/spec/list/-", value: 1 }], 422],
  ["a test of what isn't there", [{ op: "test", path: "/spec/none", value: 1 }], 422],
  ["an index past the end", [{ op: "add", path: "/spec/list/9", value: 1 }], 422],
  ["an unknown operation", [{ op: "merge", path: "/spec/n", value: 2 }], 422],
  ["the whole moved into itself", [{ op: "move", from: "", path: "/spec" }], 422],
  ["the prototype", [{ op: "add", path: "/__proto__/x", value: 2 }], 422],
  [
    "too many operations",
    Array.from({ length: 10_001 }, () => ({ op: "test", path: "/spec/n", value: 1 })),
    413,
  ],
];
for (const [name, patch, code] of faults) {
  test(`JSON patch refuses ${name}`, () => assert.throws(() => applyJsonPatch(spec, patch), { code }));
}

const words: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
  [{ op: "add", value: 1 }, "add operation failed to decode path: missing value"],
  [{ op: "add", path: "" }, 'add operation does not apply: doc is missing path: "": missing value'],
  [
    { op: "add", path: "/spec/n/x" },
    'add operation does not apply: doc is missing path: "/spec/n/x": missing value',
  ],
  [
    { op: "add", path: "/spec/list/9" },
    "error in add for path: '/spec/list/9': Unable to access invalid index: 9: invalid index referenced",
  ],
  [
    { op: "add", path: "/spec/list/x" },
    `error in add for path: '/spec/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing "x": invalid syntax`,
  ],
  [
    { op: "remove", path: "/spec/none" },
    "error in remove for path: '/spec/none': Unable to remove nonexistent key: none: missing value",
  ],
  [
    { op: "remove", path: "/none/x" },
    'remove operation does not apply: doc is missing path: "/none/x": missing value',
  ],
  [
    { op: "replace", path: "/none/x", value: 1 },
    "replace operation does not apply: doc is missing path: /none/x: missing value",
  ],
  [
    { op: "replace", path: "/spec/list/-", value: 1 },
    "replace operation does not apply: doc is missing key: /spec/list/-: missing value",
  ],
  [
    { op: "move", path: "/x" },
    "move operation failed to decode from: operation, missing from field: missing value",
  ],
  [
    { op: "move", from: "/spec/none", path: "/x" },
    "error in move for path: 'none': Unable to remove nonexistent key: none: missing value",
  ],
  [
    { op: "copy", from: "/none/x", path: "/x" },
    "copy operation does not apply: doc is missing from path: /none/x: missing value",
  ],
  [{ op: "test", path: "/spec/n", value: 2 }, "testing value /spec/n failed: test failed"],
  [
    { op: "test", path: 7 },
    "test operation failed to decode path: json: cannot unmarshal number into Go value of type string",
  ],
  [{ op: "merge", path: "/x" }, "Unexpected kind: merge"],
  [{ path: "/x" }, "Unexpected kind: unknown"],
];
for (const [operation, want] of words) {
  test(`JSON patch ${JSON.stringify(operation)} is refused in upstream's words`, () => {
    assert.throws(
      () => applyJsonPatch(spec, [operation]),
      (error: StatusError) => jsonPatchFault(error) === want || assert.equal(jsonPatchFault(error), want),
    );
  });
}

test("copies don't double a document for ever", () => {
  const patch = Array.from({ length: 40 }, (_, at) => ({
    op: "copy",
    from: "/spec",
    path: `/spec/copy-${at}`,
  }));
  assert.throws(
    () => applyJsonPatch({ spec: { text: "x".repeat(1000) } }, patch),
    (error: StatusError) => {
      assert.match(
        jsonPatchFault(error),
        /^Unable to complete the copy, the accumulated size increase of copy is \d+, exceeding the limit 3145728$/,
      );
      return true;
    },
  );
});

test("a copy says the same, and shares nothing", () => {
  const value = JSON.parse('{"a":[1,{"b":null},["c"]],"__proto__":{"d":true},"e":{}}') as Record<
    string,
    unknown
  >;
  const copy = copyJson(value);
  assert.deepEqual(copy, value);
  assert.equal(JSON.stringify(copy), JSON.stringify(value));
  assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  for (const key of Object.keys(value)) {
    assert.notEqual(
      Object.getOwnPropertyDescriptor(copy, key)?.value,
      Object.getOwnPropertyDescriptor(value, key)?.value,
    );
  }
  assert.deepEqual([copyJson(null), copyJson("x"), copyJson(3)], [null, "x", 3]);
});

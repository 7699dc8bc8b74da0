import assert from "node:assert/strict";
import { test } from "node:test";
import { changedFields, changeText } from "./changed-fields.ts";

const cases: readonly [what: string, before: unknown, after: unknown, texts: readonly string[]][] = [
  ["nothing", { a: 1, b: [1] }, { b: [1], a: 1 }, []],
  ["a number", { spec: { replicas: 1 } }, { spec: { replicas: 3 } }, [".spec.replicas: 1 → 3"]],
  ["a new field", {}, { data: { k: "v" } }, ['.data: + {"k":"v"}']],
  ["a field that went", { data: { k: "v" } }, { data: {} }, ['.data.k: - "v"']],
  [
    "a key that is no name",
    { metadata: { labels: { "a.b/c": "1" } } },
    { metadata: { labels: { "a.b/c": "2" } } },
    ['.metadata.labels["a.b/c"]: "1" → "2"'],
  ],
  [
    "items of a list by their name, in any order",
    { c: [{ name: "a", image: "1" }, { name: "b" }] },
    { c: [{ name: "b" }, { name: "a", image: "2" }] },
    ['.c[name=a].image: "1" → "2"'],
  ],
  [
    "an item more",
    { c: [{ name: "a" }] },
    { c: [{ name: "a" }, { name: "b" }] },
    ['.c[name=b]: + {"name":"b"}'],
  ],
  ["items without a name", { l: ["x", "y"] }, { l: ["x", "z"] }, ['.l[1]: "y" → "z"']],
  [
    "the same name twice",
    { l: [{ name: "a" }, { name: "a" }] },
    { l: [{ name: "a" }] },
    ['.l[1]: - {"name":"a"}'],
  ],
  [
    "who manages it",
    { metadata: { managedFields: [1], resourceVersion: "1" } },
    { metadata: { managedFields: [2], resourceVersion: "2" } },
    [],
  ],
  ["another type", { v: [1] }, { v: { a: 1 } }, ['.v: [1] → {"a":1}']],
  ["null isn't absence", { v: null }, {}, [".v: - null"]],
  ["long texts are cut", { v: "" }, { v: "x".repeat(100) }, [`.v: "" → "${"x".repeat(58)}…`]],
];

for (const [what, before, after, texts] of cases) {
  test(`changed fields: ${what}`, () => {
    assert.deepEqual(changedFields(before, after).map(changeText), texts);
  });
}

/** As client-go's jsonpath finds and prints it, once it was parsed. upstream: client-go/util/jsonpath/jsonpath.go */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJsonPath, printResult } from "./json-path.ts";

const object = {
  spec: {
    list: ["a", "b", "c"],
    hosts: [{ names: ["x", "y"] }, { names: [] }, {}],
    conditions: [
      { type: "Ready", status: "True", count: 2 },
      { type: "Other", status: "False", count: 3 },
    ],
    mixed: [{ type: 1 }, { type: "Ready", status: "True" }],
    map: { "a-b": 1, "x.y/z": 2 },
    smiles: [{ face: "\u{1f600}" }, { face: "a" }],
    none: null,
    text: "t",
  },
};

for (const [path, found] of [
  [".spec.list[0]", ["a"]],
  [".spec.list[-1]", ["c"]],
  [".spec.list[1:]", ["b", "c"]],
  [".spec.list[:-1]", ["a", "b"]],
  [".spec.list[::2]", ["a", "c"]],
  [".spec.list[0,2]", ["a", "c"]],
  [".spec.list[2:2]", []],
  [".spec.list[*]", ["a", "b", "c"]],
  [".spec.map['a-b']", [1]],
  [String.raw`.spec.map.x\.y/z`, [2]],
  ['.spec.conditions[?(@.type=="Ready")].status', ["True"]],
  [".spec.conditions[?(@.count>=3)].type", ["Other"]],
  [".spec.conditions[?(@.count!=3)].type", ["Ready"]],
  // By bytes, not by halves of characters.
  ['.spec.smiles[?(@.face>"\uff01")].face', ["\u{1f600}"]],
  ['.spec.smiles[?(@.face<"\uff01")].face', ["a"]],
  [".spec.conditions[?(@.nope)].type", []],
  [".spec.nope[0]", []],
  [".spec.none[0]", []],
  [".spec.none", [null]],
] as const) {
  test(`${path} finds ${JSON.stringify(found)}`, () => {
    assert.deepEqual(parseJsonPath(path).find(object), found);
  });
}

for (const [why, path] of [
  ["an index is beyond one of the lists", ".spec.hosts[*].names[0]"],
  ["a slice ends beyond the list", ".spec.list[0:5]"],
  ["what is indexed is no list", ".spec.text[0]"],
  ["what is filtered is no list", '.spec.map[?(@.type=="Ready")]'],
  ["what is compared is of different types", '.spec.mixed[?(@.type=="Ready")].status'],
  ["an integer is compared with a fraction", ".spec.conditions[?(@.count>2.5)].type"],
  ["truths have no order", ".spec.conditions[?(true>false)].type"],
  ["several are compared at once", '.spec.hosts[?(@.names[*]=="x")]'],
] as const) {
  test(`nothing is found where ${why}`, () => {
    assert.deepEqual(parseJsonPath(path).find(object), []);
  });
}

test("what finds more than can be told finds nothing, and at once", () => {
  let deep: unknown = "end";
  for (let depth = 0; depth < 500; depth++) deep = { a: [deep] };
  for (const path of [
    "..a..a..a..a",
    `.${"..".repeat(100_000)}`,
    "..a[?(@..a..a..a)]",
    "[*]".repeat(200_000),
  ]) {
    assert.deepEqual(parseJsonPath(path).find(deep), []);
  }
  const slices = Array.from({ length: 20_000 }, (_, index) => `0:${index + 1}`).join(",");
  assert.deepEqual(parseJsonPath(`[${slices}]`).find(Array(100_000).fill(1)), []);
  assert.equal(parseJsonPath("..a").find(deep).length, 500);
});

const nested = (depth: number): string => `${"[?(@".repeat(depth)}.a${")]".repeat(depth)}`;

test("filters may stand in others, but not without end", () => {
  const lists = (depth: number): unknown => (depth === 0 ? { a: 1 } : [lists(depth - 1)]);
  for (const depth of [1, 2, 100]) {
    assert.deepEqual(parseJsonPath(nested(depth)).find(lists(depth)), lists(depth));
  }
  const tooDeep = { name: "JsonPathError", message: "filters may stand in at most 100 others" };
  for (const depth of [101, 20_000]) assert.throws(() => parseJsonPath(nested(depth)), tooDeep);
});

for (const [value, text] of [
  ["a<b", "a<b"],
  [{ rule: "a<b && c" }, String.raw`{"rule":"a\u003cb \u0026\u0026 c"}`],
  [["<", 1, null], String.raw`["\u003c",1,null]`],
  [null, "<no value>"],
  [2.75, "2.75"],
  [1e21, "1e+21"],
  [true, "true"],
  [9007199254740993n, "9007199254740993"],
] as const) {
  test(`a result is printed as ${text}`, () => {
    assert.equal(printResult(value), text);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  difference,
  eachPath,
  filtered,
  intersection,
  readFields,
  recursiveDifference,
  union,
  type FieldPattern,
  type FieldTree,
} from "./field-tree.ts";
import { compareKeys, keyText } from "./path-element.ts";

const operations: readonly [
  name: string,
  operation: (a: FieldTree, b: FieldTree) => FieldTree,
  a: FieldTree,
  b: FieldTree,
  result: FieldTree,
][] = [
  ["union joins", union, { "f:a": {} }, { "f:b": {} }, { "f:a": {}, "f:b": {} }],
  ["union keeps order", union, { "f:b": {} }, { "f:a": {} }, { "f:a": {}, "f:b": {} }],
  [
    "a field and what is below it are two things",
    union,
    { "f:a": {} },
    { "f:a": { "f:b": {} } },
    { "f:a": { ".": {}, "f:b": {} } },
  ],
  ["intersection of leaves", intersection, { "f:a": {}, "f:b": {} }, { "f:b": {} }, { "f:b": {} }],
  [
    "a parent and its child have nothing in common",
    intersection,
    { "f:a": {} },
    { "f:a": { "f:b": {} } },
    {},
  ],
  ["difference of leaves", difference, { "f:a": {}, "f:b": {} }, { "f:b": {} }, { "f:a": {} }],
  ["parent without child is the parent", difference, { "f:a": {} }, { "f:a": { "f:b": {} } }, { "f:a": {} }],
  [
    "children without their parent stay",
    difference,
    { "f:a": { ".": {}, "f:b": {} } },
    { "f:a": {} },
    { "f:a": { "f:b": {} } },
  ],
  [
    "nothing is left of a branch without fields",
    difference,
    { "f:a": { "f:b": {} } },
    { "f:a": { "f:b": {} } },
    {},
  ],
  [
    "the recursive difference takes children along",
    recursiveDifference,
    { "f:a": { ".": {}, "f:b": {} }, "f:c": { "f:d": {} } },
    { "f:a": {} },
    { "f:c": { "f:d": {} } },
  ],
  [
    "the recursive difference leaves what is above",
    recursiveDifference,
    { "f:a": { ".": {}, "f:b": {} } },
    { "f:a": { "f:b": {} } },
    { "f:a": {} },
  ],
];
for (const [name, operation, a, b, result] of operations) {
  test(`fields: ${name}`, () => {
    assert.deepEqual(operation(a, b), result);
  });
}

test("a filter lets its ends pass, and the way to them", () => {
  const pattern: FieldPattern = { "f:spec": { "f:containers": { "*": { "f:resources": true } } } };
  const item = { ".": {}, "f:image": {}, "f:resources": { "f:limits": {} } };
  assert.deepEqual(
    filtered({ "f:metadata": {}, "f:spec": { "f:containers": { 'k:{"name":"a"}': item } } }, pattern),
    { "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:resources": { "f:limits": {} } } } } },
  );
});

test("steps are ordered by kind, then by what they hold: numbers by value", () => {
  const ordered = [
    ".",
    "f:a",
    "f:b",
    'k:{"name":"a"}',
    'k:{"name":"b"}',
    'k:{"port":80,"protocol":"TCP"}',
    'k:{"port":80,"protocol":"UDP"}',
    'k:{"port":443,"protocol":"TCP"}',
    "v:1",
    "v:10",
    'v:"a"',
    "v:true",
    "i:2",
    "i:10",
  ];
  assert.deepEqual(ordered.toReversed().toSorted(compareKeys), ordered);
});

const texts: readonly [key: string, text: string][] = [
  ["f:name", ".name"],
  ['k:{"containerPort":80,"protocol":"TCP"}', '[containerPort=80,protocol="TCP"]'],
  ['v:"a"', '[="a"]'],
  ["i:3", "[3]"],
];
for (const [key, text] of texts) {
  test(`messages name ${key} ${text}`, () => {
    assert.equal(keyText(key), text);
  });
}

test("what is read comes in our form: in order, each step once, unknown kinds left out", () => {
  assert.deepEqual(
    Object.entries(
      readFields({
        "f:b": { "f:c": {}, ".": {} },
        "x:new": { "f:q": {} },
        'k:{"b":1,"a":2}': {},
        "f:a": { "z:only": {} },
        'k:{"a":2, "b":1}': { "f:c": {} },
      }),
    ),
    [
      ["f:a", {}],
      ["f:b", { ".": {}, "f:c": {} }],
      ['k:{"a":2,"b":1}', { ".": {}, "f:c": {} }],
    ],
  );
});

for (const fields of [{ fa: {} }, { "k:[1]": {} }, { "v:": {} }, { "i:x": {} }, [], 5]) {
  test(`fields that nobody can read: ${JSON.stringify(fields)}`, () => {
    assert.throws(() => readFields(fields), SyntaxError);
  });
}

const key = fc.oneof(
  fc.string({ minLength: 1, maxLength: 4 }).map((name) => `f:${name}`),
  fc.string({ maxLength: 4 }).map((value) => `v:${JSON.stringify(value)}`),
  fc.record({ name: fc.string({ maxLength: 3 }) }).map((keys) => `k:${JSON.stringify(keys)}`),
  fc.nat(20).map((index) => `i:${index}`),
);
const { tree } = fc.letrec<{ tree: FieldTree; node: FieldTree }>((tie) => ({
  tree: fc.dictionary(key, tie("node"), { maxKeys: 4 }).map((fields) => readFields(fields)),
  node: fc.oneof({ depthSize: "small" }, fc.constant({}), tie("tree")),
}));

test("reading what was written gives the same set", () => {
  fc.assert(
    fc.property(tree, (set) => {
      const text = JSON.stringify(set);
      assert.equal(JSON.stringify(readFields(JSON.parse(text))), text);
    }),
  );
});

const pathsOf = (set: FieldTree): Set<string> => {
  const paths = new Set<string>();
  eachPath(set, (path) => paths.add(path.join(" ")));
  return paths;
};

test("operations on trees are those on sets of paths", () => {
  fc.assert(
    fc.property(tree, tree, (a, b) => {
      const [left, right] = [pathsOf(a), pathsOf(b)];
      assert.deepEqual(pathsOf(union(a, b)), left.union(right));
      assert.deepEqual(pathsOf(intersection(a, b)), left.intersection(right));
      assert.deepEqual(pathsOf(difference(a, b)), left.difference(right));
      for (const result of [union(a, b), intersection(a, b), difference(a, b)]) {
        assert.equal(JSON.stringify(readFields(result)), JSON.stringify(result));
      }
    }),
  );
});

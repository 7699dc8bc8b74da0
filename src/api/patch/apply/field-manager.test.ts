/** upstream: structured-merge-diff/v6/merge/*_test.go, apimachinery/pkg/util/managedfields/internal/*_test.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { FieldTree } from "./field-tree.ts";
import { deducedType, fieldOf, listOf, mapOf, scalarType, structOf, type ApplyType } from "./schema.ts";
import { ApplyWorld, kindOf, namedItems, textSet, type Content } from "./testing/apply-world.ts";

const text = scalarType("string");
const number = scalarType("numeric");
const leaves = kindOf({ string: text, number, bool: scalarType("boolean") });
const lists = kindOf({ list: namedItems, set: textSet, atomic: listOf(() => text, "atomic") });
const maps = kindOf({
  map: mapOf(() => text, "granular"),
  atomicMap: mapOf(() => text, "atomic"),
  deep: mapOf(() => mapOf(() => namedItems, "granular"), "granular"),
  struct: structOf([fieldOf("a", () => text), fieldOf("b", () => text)], "granular"),
});

type Step =
  | readonly [who: string, how: "applies" | "forces" | "updates", content: Content]
  | readonly [who: string, how: "is refused", content: Content, message: string];

interface Case {
  readonly name: string;
  readonly type: ApplyType;
  readonly steps: readonly Step[];
  readonly content: Content;
  readonly managers: Readonly<Record<string, FieldTree>>;
}

const fields = (...names: readonly string[]): FieldTree =>
  Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
const item = (...names: readonly string[]): FieldTree => ({ ".": {}, ...fields(...names) });
const key = (name: string): string => `k:{"name":"${name}"}`;
const conflict = (who: string, path: string): string =>
  `Apply failed with 1 conflict: conflict with ${who}: ${path}`;

const cases: readonly Case[] = [
  {
    name: "what nobody else has is simply applied",
    type: leaves,
    steps: [
      ["one", "applies", { number: 1, string: "a" }],
      ["one", "applies", { number: 1, string: "b", bool: false }],
    ],
    content: { number: 1, string: "b", bool: false },
    managers: { "one Apply": fields("bool", "number", "string") },
  },
  {
    name: "the same value is shared",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a" }],
      ["two", "applies", { string: "a", bool: true }],
    ],
    content: { string: "a", bool: true },
    managers: { "one Apply": fields("string"), "two Apply": fields("bool", "string") },
  },
  {
    name: "a shared value can't be changed by one alone",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a" }],
      ["two", "applies", { string: "a" }],
      ["two", "is refused", { string: "b" }, conflict('"one"', ".string")],
    ],
    content: { string: "a" },
    managers: { "one Apply": fields("string"), "two Apply": fields("string") },
  },
  {
    name: "force takes a value from all others",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a", number: 1 }],
      ["two", "applies", { string: "a" }],
      ["three", "forces", { string: "b" }],
    ],
    content: { string: "b", number: 1 },
    managers: { "one Apply": fields("number"), "three Apply": fields("string") },
  },
  {
    name: "an update takes what it changes without asking",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a", number: 1 }],
      ["two", "updates", { string: "b", number: 1 }],
      ["one", "is refused", { string: "a", number: 1 }, conflict('"two" using v1', ".string")],
      ["one", "applies", { string: "b", number: 1 }],
    ],
    content: { string: "b", number: 1 },
    managers: { "one Apply": fields("number", "string"), "two Update": fields("string") },
  },
  {
    name: "what an update removes, nobody has",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a", number: 1 }],
      ["two", "updates", { number: 1 }],
    ],
    content: { number: 1 },
    managers: { "one Apply": fields("number") },
  },
  {
    name: "a field that another one updated isn't removed by dropping it",
    type: leaves,
    steps: [
      ["one", "applies", { string: "a", number: 1 }],
      ["two", "updates", { string: "b", number: 1 }],
      ["one", "applies", { number: 1 }],
    ],
    content: { string: "b", number: 1 },
    managers: { "one Apply": fields("number"), "two Update": fields("string") },
  },
  {
    name: "null is a value of its own",
    type: leaves,
    steps: [["one", "applies", { string: null }]],
    content: { string: null },
    managers: { "one Apply": fields("string") },
  },
  {
    name: "a list that is null isn't an empty one: who makes the one the other has it",
    type: lists,
    steps: [
      ["one", "updates", { list: [] }],
      ["two", "forces", { list: null }],
    ],
    content: { list: null },
    managers: { "two Apply": fields("list") },
  },
  {
    name: "a slice that is null is an empty one",
    type: kindOf({ list: listOf(() => text, "set", true) }),
    steps: [
      ["one", "updates", { list: [] }],
      ["two", "applies", { list: null }],
    ],
    content: { list: null },
    managers: { "one Update": fields("list"), "two Apply": fields("list") },
  },
  {
    name: "items of a list belong to who applied them",
    type: lists,
    steps: [
      ["one", "applies", { list: [{ name: "a", value: 1 }, { name: "b" }] }],
      ["two", "applies", { list: [{ name: "c" }, { name: "a", note: "n" }] }],
      ["one", "applies", { list: [{ name: "b" }] }],
    ],
    content: { list: [{ name: "c" }, { name: "a", note: "n" }, { name: "b" }] },
    managers: {
      "one Apply": { "f:list": { [key("b")]: item("name") } },
      "two Apply": { "f:list": { [key("a")]: item("name", "note"), [key("c")]: item("name") } },
    },
  },
  {
    name: "an item goes with the last one who applied it, whatever updates added to it",
    type: lists,
    steps: [
      ["one", "applies", { list: [{ name: "a" }] }],
      ["two", "updates", { list: [{ name: "a", note: "n" }] }],
      ["one", "applies", {}],
    ],
    content: { list: null },
    managers: {},
  },
  {
    name: "a list takes the configuration's order and keeps the others where they were",
    type: lists,
    steps: [
      ["one", "updates", { list: [{ name: "a" }, { name: "x" }, { name: "b" }, { name: "y" }] }],
      ["two", "applies", { list: [{ name: "b" }, { name: "new" }, { name: "a" }] }],
    ],
    content: { list: [{ name: "x" }, { name: "b" }, { name: "y" }, { name: "new" }, { name: "a" }] },
    managers: {
      "two Apply": {
        "f:list": { [key("a")]: item("name"), [key("b")]: item("name"), [key("new")]: item("name") },
      },
      "one Update": {
        "f:list": {
          ".": {},
          [key("a")]: item("name"),
          [key("b")]: item("name"),
          [key("x")]: item("name"),
          [key("y")]: item("name"),
        },
      },
    },
  },
  {
    name: "values of a set are owned one by one",
    type: lists,
    steps: [
      ["one", "applies", { set: ["a", "b"] }],
      ["two", "applies", { set: ["b", "c"] }],
      ["one", "applies", { set: [] }],
    ],
    content: { set: ["b", "c"] },
    managers: { "two Apply": { "f:set": { 'v:"b"': {}, 'v:"c"': {} } } },
  },
  {
    name: "an atomic list changes hands as a whole",
    type: lists,
    steps: [
      ["one", "applies", { atomic: ["a"] }],
      ["two", "is refused", { atomic: ["a", "b"] }, conflict('"one"', ".atomic")],
      ["two", "forces", { atomic: ["b"] }],
    ],
    content: { atomic: ["b"] },
    managers: { "two Apply": fields("atomic") },
  },
  {
    name: "an atomic map too",
    type: maps,
    steps: [
      ["one", "applies", { atomicMap: { a: "1" } }],
      ["two", "is refused", { atomicMap: { b: "1" } }, conflict('"one"', ".atomicMap")],
    ],
    content: { atomicMap: { a: "1" } },
    managers: { "one Apply": fields("atomicMap") },
  },
  {
    name: "keys of maps are owned one by one, and an emptied map goes",
    type: maps,
    steps: [
      ["one", "applies", { map: { a: "1", b: "1" } }],
      ["two", "applies", { map: { b: "1" } }],
      ["one", "applies", { map: {} }],
    ],
    content: { map: { b: "1" } },
    managers: { "one Apply": fields("map"), "two Apply": { "f:map": fields("b") } },
  },
  {
    name: "a struct that isn't applied any longer goes with all that is in it",
    type: maps,
    steps: [
      ["one", "applies", { struct: { a: "1" }, map: { x: "1" } }],
      ["one", "applies", { map: { x: "1" } }],
    ],
    content: { map: { x: "1" } },
    managers: { "one Apply": { "f:map": fields("x") } },
  },
  {
    name: "ownership deep inside keeps the way there alive",
    type: maps,
    steps: [
      ["one", "applies", { deep: { a: { b: [{ name: "x", value: 1 }] } } }],
      ["two", "applies", { deep: { a: { b: [{ name: "x", note: "n" }] } } }],
      ["one", "applies", {}],
    ],
    content: { deep: { a: { b: [{ name: "x", note: "n" }] } } },
    managers: {
      "two Apply": {
        "f:deep": { "f:a": { ".": {}, "f:b": { ".": {}, [key("x")]: item("name", "note") } } },
      },
    },
  },
  {
    name: "a type that is deduced: maps are granular, lists atomic",
    type: deducedType,
    steps: [
      ["one", "applies", { spec: { a: [{ name: "x" }], b: { c: 1 } } }],
      ["two", "is refused", { spec: { a: [{ name: "y" }] } }, conflict('"one"', ".spec.a")],
      ["two", "applies", { spec: { b: { d: 1 } } }],
    ],
    content: { spec: { a: [{ name: "x" }], b: { c: 1, d: 1 } } },
    managers: {
      "one Apply": {
        "f:spec": { ".": {}, "f:a": {}, "f:b": { ".": {}, "f:c": {} } },
      },
      "two Apply": { "f:spec": { ".": {}, "f:b": { ".": {}, "f:d": {} } } },
    },
  },
  {
    name: "a deduced value that takes another form is changed as a whole",
    type: deducedType,
    steps: [
      ["one", "applies", { a: { b: 1 } }],
      ["two", "forces", { a: 1 }],
    ],
    content: { a: 1 },
    managers: { "two Apply": fields("a") },
  },
];

suite("field manager", () => {
  for (const { name, type, steps, content, managers } of cases) {
    test(name, () => {
      const world = new ApplyWorld({ type });
      for (const [who, how, own, message] of steps) {
        if (how === "is refused") assert.equal(world.refused(who, own), message);
        else if (how === "updates") world.update(who, own);
        else world.apply(who, own, how === "forces");
      }
      assert.deepEqual(world.content, content);
      assert.deepEqual(world.managers, managers);
    });
  }
});

suite("items that can't be told apart", () => {
  test("are refused in a configuration", () => {
    const world = new ApplyWorld({ type: lists });
    assert.equal(
      world.refused("one", { list: [{ name: "a" }, { name: "a" }], set: ["x", "x"] }),
      [
        "failed to create typed patch object (/t; /v1, Kind=Thing): errors:",
        '  .list: duplicate entries for key [name="a"]',
        '  .set: duplicate entries for key [="x"]',
      ].join("\n"),
    );
  });

  test("are owned together where an update made them", () => {
    const world = new ApplyWorld({ type: lists });
    world.update("one", { list: [{ name: "a", value: 1 }, { name: "a", value: 2 }, { name: "b" }] });
    assert.deepEqual(world.managers, {
      "one Update": { "f:list": { ".": {}, [key("a")]: {}, [key("b")]: item("name") } },
    });
    world.apply("two", { list: [{ name: "b", note: "n" }] });
    assert.deepEqual(world.content, {
      list: [
        { name: "a", value: 1 },
        { name: "a", value: 2 },
        { name: "b", note: "n" },
      ],
    });
    assert.equal(
      world.refused("two", { list: [{ name: "a", value: 3 }] }),
      conflict('"one" using v1', '.list[name="a"]'),
    );
  });
});

const refusals: readonly [name: string, content: Content, message: string][] = [
  [
    "an item without its key",
    { list: [{ value: 1 }] },
    '.list: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
  ],
  [
    "an item that is null",
    { list: [null] },
    ".list: element 0: associative list with keys may not have a null element",
  ],
  [
    "an item that is no struct",
    { list: ["a"] },
    ".list: element 0: associative list with keys may not have non-map elements",
  ],
  [
    "a struct in a set",
    { set: [{}] },
    ".set: element 0: associative list without keys has an element that's a map type",
  ],
  [
    "a null in a set",
    { set: [null] },
    ".set: element 0: associative list without keys has an element that's an explicit null",
  ],
  ["a map for a list", { list: { a: 1 } }, ".list: expected list, got &{map[a:1]}"],
  ["a text for a list", { list: "a" }, ".list: expected list, got &{a}"],
  [
    "a text for a number",
    { list: [{ name: "a", value: "1" }] },
    '.list[name="a"].value: expected numeric (int or float), got string',
  ],
  ["an unknown field", { lists: [] }, ".lists: field not declared in schema"],
  [
    "a list for a text",
    { list: [{ name: "a", note: ["x"] }] },
    '.list[name="a"].note: expected string, got &value.valueUnstructured{Value:[]interface {}{"x"}}',
  ],
];
for (const [name, content, message] of refusals) {
  test(`apply refuses ${name}`, () => {
    assert.equal(
      new ApplyWorld({ type: lists }).refused("one", content),
      `failed to create typed patch object (/t; /v1, Kind=Thing): ${message}`,
    );
  });
}

suite("versions", () => {
  /** v2 calls v1's string "text". */
  const renamed = kindOf({ text, number });
  const versions = {
    typeOf: (apiVersion: string) => ({ v1: leaves, v2: renamed })[apiVersion],
    convert: (object: Content, _from: string, to: string) => {
      const { string, text: value = string, ...rest } = object;
      const own = value === undefined ? {} : { [to === "v1" ? "string" : "text"]: value };
      return { ...rest, ...own, apiVersion: to };
    },
  };

  test("managers keep the version they wrote in; conflicts are found across", () => {
    const world = new ApplyWorld({ type: leaves, versions });
    world.apply("one@v1", { string: "a", number: 1 });
    world.apply("two@v2", { text: "a" });
    assert.deepEqual(world.managers, {
      "one Apply": fields("number", "string"),
      "two@v2 Apply": fields("text"),
    });
    assert.equal(world.refused("two@v2", { text: "b" }), conflict('"one"', ".string"));
    world.apply("one@v1", {});
    assert.deepEqual(world.content, { string: "a" });
  });

  test("an applier may change the version it applies in", () => {
    const world = new ApplyWorld({ type: leaves, versions });
    world.apply("one@v1", { string: "a", number: 1 });
    world.apply("one@v2", { text: "a" });
    assert.deepEqual(world.content, { text: "a" });
    assert.deepEqual(world.managers, { "one@v2 Apply": fields("text") });
  });

  test("a manager of a version that isn't served any longer is forgotten", () => {
    const world = new ApplyWorld({ type: leaves, versions });
    world.apply("one@v2", { text: "a" });
    const onlyFirst = { ...versions, typeOf: (version: string) => (version === "v1" ? leaves : undefined) };
    const later = new ApplyWorld({ type: leaves, versions: onlyFirst });
    later.live = versions.convert(world.live ?? {}, "v2", "v1");
    later.apply("two@v1", { string: "b" });
    assert.deepEqual(later.managers, { "two Apply": fields("string") });
  });
});

const withMap = (how: "atomic" | "granular"): ApplyType =>
  kindOf({ map: mapOf(() => mapOf(() => text, "granular"), how), list: namedItems });

suite("a type that changes", () => {
  test("what becomes atomic is owned as a whole", () => {
    const before = new ApplyWorld({ type: withMap("granular") });
    before.apply("one", { map: { a: { x: "1" } } });
    const after = new ApplyWorld({ type: withMap("atomic") });
    after.live = before.live;
    assert.equal(after.refused("two", { map: { a: { x: "2" } } }), conflict('"one"', ".map"));
    after.update("two", { map: { a: { x: "1" } }, list: [{ name: "a" }] });
    assert.deepEqual(after.managers["one Apply"], fields("map"));
  });

  test("what becomes granular is owned by itself, until it is applied again", () => {
    const before = new ApplyWorld({ type: withMap("atomic") });
    before.apply("one", { map: { a: { x: "1" } } });
    const after = new ApplyWorld({ type: withMap("granular") });
    after.live = before.live;
    after.apply("two", { map: { c: { y: "1" } } });
    assert.deepEqual(after.managers["one Apply"], fields("map"));
    after.apply("one", { map: { a: { x: "1" } } });
    assert.deepEqual(after.managers["one Apply"], { "f:map": { "f:a": item("x") } });
    assert.deepEqual(after.content, { map: { a: { x: "1" }, c: { y: "1" } } });
  });
});

test("what a request can't change, nobody comes to own by it", () => {
  const world = new ApplyWorld({ type: leaves, ignored: { reset: { "f:string": {} } } });
  world.update("one", { string: "a", number: 1 });
  world.apply("two", { string: "b", bool: true });
  assert.deepEqual(world.managers, { "two Apply": fields("bool"), "one Update": fields("number") });
});

test("more than ten updaters: the oldest are put together", () => {
  const world = new ApplyWorld({ type: maps });
  const map: Record<string, string> = {};
  for (let at = 10; at < 23; at++) {
    map[`k${at}`] = "1";
    world.update(`m${at}`, { map: { ...map } });
  }
  const { managers } = world;
  assert.deepEqual(Object.keys(managers).toSorted(), [
    "ancient-changes Update",
    ...Array.from({ length: 9 }, (_, at) => `m${at + 14} Update`),
  ]);
  assert.deepEqual(managers["ancient-changes Update"], {
    "f:map": { ".": {}, ...fields("k10", "k11", "k12", "k13") },
  });
});

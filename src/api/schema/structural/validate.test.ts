import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fieldErrorText } from "../../meta/field-error.ts";
import { CompiledSchema } from "./compiled-schema.ts";
import { goFloat } from "./go-number.ts";
import { listTypeFaults } from "./list-types.ts";
import { compilePattern } from "./pattern.ts";
import type { Structural } from "./structural.ts";
import { compileSchema } from "./validate.ts";
import { read, text, object, list, keepUnknown } from "./testing/schemas.ts";

const at = (schema: Structural): Structural => object({ a: schema });

suite("values", () => {
  const cases: readonly [schema: Structural, value: unknown, faults: string[]][] = [
    [at(text), { a: "x" }, []],
    [at(text), { a: 1 }, ['a: Invalid value: "integer": a in body must be of type string: "integer"']],
    [at(text), { a: null }, ['a: Invalid value: "null": a in body must be of type string: "null"']],
    [at({ type: "string", nullable: true }), { a: null }, []],
    [
      at({ type: "integer" }),
      { a: 1.5 },
      ['a: Invalid value: "number": a in body must be of type integer: "number"'],
    ],
    [at({ type: "number" }), { a: 1 }, []],
    [at({ "x-kubernetes-int-or-string": true }), { a: 1 }, []],
    [at({ "x-kubernetes-int-or-string": true }), { a: "1" }, []],
    [at({ "x-kubernetes-int-or-string": true, nullable: true }), { a: null }, []],
    [
      at({ "x-kubernetes-int-or-string": true }),
      { a: [] },
      ['a: Invalid value: "array": a in body must be of type integer,string: "array"'],
    ],
    [object({ a: text }, { required: ["a"] }), {}, ["a: Required value"]],
    [object({ a: object({}, { required: ["b"] }) }), { a: {} }, ["a.b: Required value"]],
    [
      at({ type: "integer", maximum: 10 }),
      { a: 15 },
      ["a: Invalid value: 15: a in body should be less than or equal to 10"],
    ],
    [
      at({ type: "integer", minimum: 1, exclusiveMinimum: true }),
      { a: 1 },
      ["a: Invalid value: 1: a in body should be greater than 1"],
    ],
    [
      at({ type: "integer", multipleOf: 3 }),
      { a: 4 },
      ["a: Invalid value: 4: a in body should be a multiple of 3"],
    ],
    [
      at({ type: "integer", maximum: 2 ** 53 }),
      { a: 9007199254740993n },
      ["a: Invalid value: 9007199254740993: a in body should be less than or equal to 9007199254740992"],
    ],
    [
      at({ type: "integer", minimum: -(2 ** 53), exclusiveMinimum: true }),
      { a: -9007199254740992n },
      ["a: Invalid value: -9007199254740992: a in body should be greater than -9007199254740992"],
    ],
    [at({ type: "integer", multipleOf: 3 }), { a: 9007199254740993n }, []],
    [
      at({ type: "integer", multipleOf: 2 }),
      { a: 9007199254740993n },
      ["a: Invalid value: 9007199254740993: a in body should be a multiple of 2"],
    ],
    // An integer is compared with what is whole of a bound.
    [at({ type: "number", minimum: 1.5 }), { a: 1 }, []],
    [
      at({ type: "number", maximum: 1e9 }),
      { a: 1.5e9 + 0.5 },
      ["a: Invalid value: 1500000000.5: a in body should be less than or equal to 1e+09"],
    ],
    [at({ type: "number", maximum: 1e19 }), { a: 2 ** 63 }, []],
    [at({ type: "integer", format: "int32" }), { a: 9007199254740993n }, []],
    [
      at({ type: "integer" }),
      { a: 2 ** 63 },
      ['a: Invalid value: "number": a in body must be of type integer: "number"'],
    ],
    [
      at({ type: "integer", format: "int32" }),
      { a: 1.5 },
      ['a: Invalid value: "float64": a in body must be of type int32: "float64"'],
    ],
    [
      at({ type: "integer", format: "int64" }),
      { a: true },
      ['a: Invalid value: "": a in body must be of type int64: ""'],
    ],
    [
      at({ type: "integer", format: "int64" }),
      { a: "1" },
      ['a: Invalid value: "string": a in body must be of type integer: "string"'],
    ],
    [
      at({ type: "string" }),
      { a: 9007199254740993n },
      ['a: Invalid value: "integer": a in body must be of type string: "integer"'],
    ],
    [
      at({ type: "integer", enum: [9007199254740993n] }),
      { a: 9007199254740995n },
      ['a: Unsupported value: 9007199254740995: supported values: "9007199254740993"'],
    ],
    [at({ "x-kubernetes-int-or-string": true }), { a: 9007199254740993n }, []],
    [at({ type: "string", maxLength: 2 }), { a: "äöü" }, ["a: Too long: may not be more than 2 bytes"]],
    [
      at({ type: "string", minLength: 2 }),
      { a: "x" },
      ['a: Invalid value: "x": a in body should be at least 2 chars long'],
    ],
    [
      at({ type: "string", pattern: "^b+$" }),
      { a: "x" },
      ["a: Invalid value: \"x\": a in body should match '^b+$'"],
    ],
    [
      at({ type: "string", enum: ["x", "y"] }),
      { a: "z" },
      ['a: Unsupported value: "z": supported values: "x", "y"'],
    ],
    [
      at(list(text, { minItems: 1 })),
      { a: [] },
      ["a: Invalid value: 0: a in body should have at least 1 items"],
    ],
    [at(list(text, { maxItems: 1 })), { a: ["x", "y"] }, ["a: Too many: 2: must have at most 1 items"]],
    [
      at(list(text)),
      { a: ["x", 1] },
      ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"'],
    ],
    [
      at({ type: "object", maxProperties: 1 }),
      { a: { x: 1, y: 2 } },
      ["a: Too many: 2: must have at most 1 items"],
    ],
    [
      at({ type: "object", additionalProperties: text }),
      { a: { x: 1 } },
      ['a.x: Invalid value: "integer": a.x in body must be of type string: "integer"'],
    ],
    [
      at({ type: "string", format: "ipv4" }),
      { a: "x" },
      ['a: Invalid value: "x": a in body must be of type ipv4: "x"'],
    ],
    [at({ type: "string", format: "nobody knows" }), { a: "x" }, []],
    [
      at({ oneOf: [{ required: ["x"] }, { required: ["y"] }], ...keepUnknown }),
      { a: { x: 1, y: 1 } },
      [
        '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    ],
    [
      at({ anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true }),
      { a: true },
      [
        'a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"',
        '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
        'a: Invalid value: "boolean": a in body must be of type integer: "boolean"',
      ],
    ],
    [
      at({ type: "string", not: { enum: ["x"] } }),
      { a: "x" },
      ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
    ],
    [
      at({ type: "string", allOf: [{ minLength: 2 }] }),
      { a: "x" },
      [
        'a: Invalid value: "x": a in body should be at least 2 chars long',
        '<nil>: Invalid value: "": "a" must validate all the schemas (allOf). None validated',
      ],
    ],
  ];
  for (const [schema, value, faults] of cases) {
    test(`${JSON.stringify(value)} against ${JSON.stringify(schema)}`, () => {
      assert.deepEqual(
        compileSchema(schema, compilePattern)(value, "", undefined).faults.map(fieldErrorText),
        faults,
      );
    });
  }

  const short: Structural = { type: "string", maxLength: 1 };
  const updates: readonly [
    name: string,
    schema: Structural,
    old: unknown,
    value: unknown,
    isFine: boolean,
  ][] = [
    [
      "an unchanged field may stay wrong",
      object({ a: short, b: text }),
      { a: "xx" },
      { a: "xx", b: "1" },
      true,
    ],
    ["a changed one may not", object({ a: short }), { a: "xx" }, { a: "xxx" }, false],
    ["an item at the same place", object({ l: list(short) }), { l: ["xx"] }, { l: ["xx", "y"] }, true],
    [
      "not an item of an atomic list that changed",
      object({ l: list(short, { "x-kubernetes-list-type": "atomic" }) }),
      { l: ["xx"] },
      { l: ["xx", "y"] },
      false,
    ],
    [
      "an item of the same key",
      object({
        l: list(object({ k: text, v: short }), {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
        }),
      }),
      { l: [{ k: "1", v: "xx" }] },
      { l: [{ k: "0" }, { k: "1", v: "xx" }] },
      true,
    ],
    [
      "what is required now",
      object({ a: object({}, { required: ["b"] }), c: text }),
      { a: {} },
      { a: {}, c: "x" },
      true,
    ],
  ];
  for (const [name, schema, old, value, isFine] of updates) {
    test(`ratcheting: ${name}`, () => {
      const outcome = compileSchema(schema, compilePattern)(value, "", { value: old });
      assert.equal(outcome.isValid, isFine, outcome.faults.map(fieldErrorText).join("\n"));
    });
  }

  test("floats as Go prints them", () => {
    assert.deepEqual([0, 0.5, 1e5, 1e6, 123_456_789, 1e-5].map(goFloat), [
      "0",
      "0.5",
      "100000",
      "1e+06",
      "1.23456789e+08",
      "1e-05",
    ]);
  });
});

const map = (...keys: string[]): Structural =>
  list(object({}), { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });

suite("lists that are sets or maps", () => {
  const set = list({}, { "x-kubernetes-list-type": "set" });
  const cases: readonly [schema: Structural, value: unknown, faults: string[]][] = [
    [set, ["a", "b"], []],
    [set, ["a", "b", "a", "a"], ['l[2]: Duplicate value: "a"']],
    [set, [1, "1"], []],
    [
      set,
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      ['l[1]: Duplicate value: {"b":2,"a":1}'],
    ],
    [map("a"), [{ a: 1 }, { a: 2 }], []],
    [
      map("a"),
      [
        { a: 1, x: 1 },
        { a: 1, x: 2 },
      ],
      ['l[1]: Duplicate value: {"a":1}'],
    ],
    [map("a", "b"), [{ a: 1 }, { b: 1 }, { a: 1 }], ['l[2]: Duplicate value: {"a":1}']],
    [map("a"), ["x"], ['l[0]: Invalid value: "x": must be an object for an array of list-type map']],
  ];
  for (const [schema, value, faults] of cases) {
    test(JSON.stringify(value), () => {
      assert.deepEqual(listTypeFaults({ l: value }, object({ l: schema })).map(fieldErrorText), faults);
    });
  }
});

test("rules aren't run over what is wrong anyhow", () => {
  let runs = 0;
  const compiled = new CompiledSchema(object({}), {
    read,
    compilePattern,
    compileRules: () => ({
      faults: () => {
        runs += 1;
        return [];
      },
    }),
  });
  const known = [{ type: "FieldValueRequired", field: "a", message: "" }] as const;
  const [fault] = compiled.ruleFaults({}, undefined, { known });
  assert.match(fault?.message ?? "", /^Invalid value: null: some validation rules were not checked/);
  compiled.ruleFaults({}, undefined, { known: [] });
  assert.equal(runs, 1);
});

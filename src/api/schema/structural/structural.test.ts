import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { JsonDecoder } from "../../codec/json.ts";
import { fieldErrorText } from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object.ts";
import { createTypeTable } from "../table.ts";
import { CompiledSchema } from "./compiled-schema.ts";
import { defaultFaults } from "./default-faults.ts";
import { dropNulls, fillDefaults } from "./default.ts";
import { formatCheck } from "./formats.ts";
import { goFloat } from "./go-number.ts";
import { listTypeFaults } from "./list-types.ts";
import { coerceMeta, metaFaults, type MetaReader } from "./object-meta.ts";
import { prune } from "./prune.ts";
import { compilePattern, patternFault } from "./pattern.ts";
import { structuralFaults } from "./structurality.ts";
import type { Structural } from "./structural.ts";
import { compileSchema } from "./validate.ts";

const json = new JsonDecoder(createTypeTable());
const read: MetaReader = (metadata) => {
  const { object, strictFaults } = json.fromValue(
    metadata,
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
  );
  return {
    metadata: object as ObjectMeta,
    unknownFields: strictFaults.map((fault) => JSON.parse(fault.slice("unknown field ".length)) as string),
  };
};

const text: Structural = { type: "string" };
const object = (properties: Record<string, Structural>, more: Structural = {}): Structural => ({
  type: "object",
  properties,
  ...more,
});
const list = (items: Structural, more: Structural = {}): Structural => ({ type: "array", items, ...more });
const keepUnknown = { "x-kubernetes-preserve-unknown-fields": true };

suite("pruning", () => {
  const cases: readonly [
    name: string,
    schema: Structural,
    before: object,
    after: object,
    dropped: string[],
  ][] = [
    ["unknown fields", object({ a: text }), { a: "x", b: 1, c: {} }, { a: "x" }, ["b", "c"]],
    [
      "the resource's own fields stay",
      object({}),
      { kind: "K", apiVersion: "v", metadata: { any: 1 }, x: 1 },
      { kind: "K", apiVersion: "v", metadata: { any: 1 } },
      ["x"],
    ],
    [
      "in lists, with indices",
      object({ l: list(object({ a: text })) }),
      { l: [{ a: "1", b: 1 }, { c: 2 }] },
      { l: [{ a: "1" }, {}] },
      ["l[0].b", "l[1].c"],
    ],
    [
      "values of maps",
      object({ m: { type: "object", additionalProperties: object({ a: text }) } }),
      { m: { x: { a: "1", b: 2 } } },
      { m: { x: { a: "1" } } },
      ["m.x.b"],
    ],
    [
      "not where unknown fields are kept, but what is specified below",
      object({ s: object({ a: object({ b: text }) }, keepUnknown) }),
      { s: { x: { y: 1 }, a: { b: "1", c: 1 } } },
      { s: { x: { y: 1 }, a: { b: "1" } } },
      ["s.a.c"],
    ],
    [
      "kind and metadata of an embedded resource stay",
      object({ e: object({ spec: object({}) }, { "x-kubernetes-embedded-resource": true }) }),
      { e: { kind: "K", apiVersion: "v1", metadata: { name: "n" }, spec: { a: 1 }, x: 1 } },
      { e: { kind: "K", apiVersion: "v1", metadata: { name: "n" }, spec: {} } },
      ["e.spec.a", "e.x"],
    ],
    [
      "a key that is a name of Object's",
      object({}),
      JSON.parse('{"__proto__":1}') as object,
      {},
      ["__proto__"],
    ],
  ];
  for (const [name, schema, before, after, dropped] of cases) {
    test(name, () => {
      const value = structuredClone(before);
      assert.deepEqual(prune(value, schema, true), dropped);
      assert.deepEqual(value, after);
    });
  }
});

const withDefault = (value: unknown, more: Structural = {}): Structural => ({ ...more, default: value });

suite("defaults", () => {
  const cases: readonly [name: string, schema: Structural, before: unknown, after: unknown][] = [
    ["an absent field", object({ a: withDefault("x", text) }), {}, { a: "x" }],
    ["a given field stays", object({ a: withDefault("x", text) }), { a: "" }, { a: "" }],
    [
      "defaults within defaults",
      object({ a: withDefault({}, object({ b: withDefault(1, { type: "integer" }) })) }),
      {},
      { a: { b: 1 } },
    ],
    ["no parent, no default", object({ a: object({ b: withDefault(1) }) }), {}, {}],
    ["in items", object({ l: list(object({ a: withDefault("x") })) }), { l: [{}] }, { l: [{ a: "x" }] }],
    [
      "in values of maps",
      { type: "object", additionalProperties: object({ a: withDefault(1) }) },
      { k: {} },
      { k: { a: 1 } },
    ],
    ["a null that may not be", object({ a: withDefault("x", text) }), { a: null }, { a: "x" }],
    ["a null that may be", object({ a: withDefault("x", { nullable: true }) }), { a: null }, { a: null }],
  ];
  for (const [name, schema, before, after] of cases) {
    test(name, () => {
      const value = structuredClone(before);
      fillDefaults(value, schema);
      assert.deepEqual(value, after);
    });
  }

  test("nulls without a default are dropped, those that may be and those with one aren't", () => {
    const schema = object({ a: text, b: { nullable: true }, c: withDefault("x"), d: object({ e: text }) });
    const value = { a: null, b: null, c: null, d: { e: null }, unknown: null };
    dropNulls(value, schema);
    assert.deepEqual(value, { b: null, c: null, d: {}, unknown: null });
  });

  const faultCases: readonly [name: string, schema: Structural, faults: string[]][] = [
    ["a fitting default", object({ a: withDefault("x", text) }), []],
    [
      "of another type",
      object({ a: withDefault(1, text) }),
      ['spec.properties[a].default: Invalid value: "integer":  in body must be of type string: "integer"'],
    ],
    [
      "with unknown fields",
      object({ a: withDefault({ b: 1 }, object({})) }),
      ['spec.properties[a].default: Invalid value: {"b":1}: must not have unknown fields'],
    ],
    [
      "within metadata of an embedded resource",
      object({
        e: object(
          { metadata: object({ name: withDefault("Not Fine/", text) }) },
          { "x-kubernetes-embedded-resource": true },
        ),
      }),
      [
        'spec.properties[e].properties[metadata].properties[name].default: Invalid value: "Not Fine/": must result in valid metadata: metadata.name: Invalid value: "Not Fine/": may not contain \'/\'',
      ],
    ],
  ];
  for (const [name, schema, faults] of faultCases) {
    test(`${name} is ${faults.length === 0 ? "taken" : "refused"}`, () => {
      assert.deepEqual(
        defaultFaults(schema, "spec", { read, rules: () => [], compilePattern }).map(fieldErrorText),
        faults,
      );
    });
  }
});

suite("values", () => {
  const at = (schema: Structural): Structural => object({ a: schema });
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

  const formats: readonly [format: string, good: string, bad: string][] = [
    ["date-time", "2026-01-02T03:04:05Z", "2026-13-02T03:04:05Z"],
    ["date", "2024-02-29", "2023-02-29"],
    ["uuid", "0123abcd-0123-0123-0123-0123456789ab", "0123"],
    ["cidr", "10.0.0.0/8", "10.0.0.0/33"],
    ["mac", "01:02:03:04:05:06", "01:02:03"],
    ["byte", "YWJj", "YWJ"],
    ["duration", "1h30m", "soon"],
    ["email", "a@example.com", "a"],
    ["hostname", "example.com", "-"],
    ["uri", "https://example.com/x", "not a uri"],
    ["isbn", "978-3-16-148410-0", "978-3-16-148410-1"],
    ["creditcard", "4111111111111111", "4111111111111112"],
  ];
  for (const [format, good, bad] of formats) {
    test(`format ${format}`, () => {
      assert.deepEqual([formatCheck(format)?.(good), formatCheck(format)?.(bad)], [true, false]);
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

suite("lists that are sets or maps", () => {
  const set = list({}, { "x-kubernetes-list-type": "set" });
  const map = (...keys: string[]): Structural =>
    list(object({}), { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
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

suite("embedded resources", () => {
  const schema = object({
    e: { type: "object", "x-kubernetes-embedded-resource": true, ...keepUnknown },
  });

  test("metadata is read as such, and what it doesn't know is told", () => {
    const value = { e: { apiVersion: "v1", kind: "Pod", metadata: { name: "n", foo: 1 } } };
    const { fault, unknownFields } = coerceMeta(value, schema, {
      read,
      dropsMisfits: false,
      isResource: false,
    });
    assert.deepEqual(
      [fault, unknownFields, value.e.metadata],
      [undefined, ["e.metadata.foo"], { name: "n" }],
    );
  });

  test("what doesn't fit is refused in what is sent, and dropped from what is stored", () => {
    const value = { e: { apiVersion: "v1", kind: 1, metadata: { name: "n", labels: 1 } } };
    const { fault } = coerceMeta(structuredClone(value), schema, {
      read,
      dropsMisfits: false,
      isResource: false,
    });
    assert.equal(fault?.field, "e.kind");
    coerceMeta(value, schema, { read, dropsMisfits: true, isResource: false });
    assert.deepEqual(value, { e: { apiVersion: "v1", metadata: { name: "n" } } });
  });

  const cases: readonly [value: object, faults: string[]][] = [
    [{ apiVersion: "v1", kind: "Pod" }, []],
    [{}, ["e.apiVersion: Required value", "e.kind: Required value"]],
    [
      { apiVersion: "a/b/c", kind: "Pod" },
      ['e.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
    ],
    [
      { apiVersion: "v1", kind: "Pod", metadata: { name: "a/b" } },
      ["e.metadata.name: Invalid value: \"a/b\": may not contain '/'"],
    ],
  ];
  for (const [value, faults] of cases) {
    test(`rules: ${JSON.stringify(value)}`, () => {
      assert.deepEqual(metaFaults({ e: value }, schema).map(fieldErrorText), faults);
    });
  }
});

suite("structural or not", () => {
  const cases: readonly [name: string, schema: Structural, faults: string[]][] = [
    ["a plain one", object({ a: text }), []],
    ["no type at the root", {}, ["s.type: Required value: must not be empty at the root"]],
    [
      "another type at the root",
      { type: "string" },
      ['s.type: Invalid value: "string": must be object at the root'],
    ],
    [
      "no type of a field",
      object({ a: {} }),
      ["s.properties[a].type: Required value: must not be empty for specified object fields"],
    ],
    [
      "no items",
      object({ a: { type: "array" } }),
      ["s.properties[a].items: Required value: must be specified"],
    ],
    ["int-or-string needs no type", object({ a: { "x-kubernetes-int-or-string": true } }), []],
    [
      "its anyOf is allowed",
      object({ a: { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }] } }),
      [],
    ],
    [
      "types in allOf",
      object({ a: { type: "string", allOf: [{ type: "string", description: "x" }] } }),
      [
        "s.properties[a].allOf[0].description: Forbidden: must be empty to be structural",
        "s.properties[a].allOf[0].type: Forbidden: must be empty to be structural",
      ],
    ],
    [
      "a field that is specified in anyOf alone",
      object({ a: text }, { anyOf: [{ properties: { b: {} } }] }),
      ["s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]"],
    ],
    [
      "metadata beyond names",
      object({ metadata: object({ labels: text }) }),
      [
        "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified",
      ],
    ],
    ["names of metadata", object({ metadata: object({ name: { type: "string", pattern: "^x" } }) }), []],
    [
      "a pattern that is none",
      object({ a: { type: "string", pattern: "(" } }),
      [
        's.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
      ],
    ],
    [
      "an embedded resource without fields",
      object({ a: { type: "object", "x-kubernetes-embedded-resource": true } }),
      [
        "s.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      ],
    ],
  ];
  for (const [name, schema, faults] of cases) {
    test(name, () => {
      assert.deepEqual(structuralFaults(schema, "s", patternFault).map(fieldErrorText), faults);
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
  const [fault] = compiled.ruleFaults({}, undefined, [
    { type: "FieldValueRequired", field: "a", message: "" },
  ]);
  assert.match(fault?.message ?? "", /^Invalid value: null: some validation rules were not checked/);
  compiled.ruleFaults({}, undefined, []);
  assert.equal(runs, 1);
});

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fieldErrorText, invalid } from "../../meta/field-error.ts";
import { defaultFaults } from "./default-faults.ts";
import { DefaultFiller, dropNulls } from "./default.ts";
import { compilePattern } from "./pattern.ts";
import type { Structural } from "./structural.ts";
import { read, text, object, list } from "./testing/schemas.ts";

const withDefault = (value: unknown, more: Structural = {}): Structural => ({ ...more, default: value });

const itemsWith = (value: unknown): Structural => list(object({ a: withDefault(value) }));
const emptyItems = (): object[] => Array.from({ length: 50_000 }, () => ({}));

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
      new DefaultFiller(schema).fill(value);
      assert.deepEqual(value, after);
    });
  }

  test("defaults that make an object too large are refused", () => {
    const large = { code: 500, message: "etcdserver: request is too large" };
    assert.throws(() => {
      new DefaultFiller(itemsWith("x".repeat(500_000))).fill(emptyItems());
    }, large);
    assert.throws(() => {
      new DefaultFiller(list(itemsWith("x"))).fill(Array.from({ length: 25 }, emptyItems));
    }, large);
    const value = emptyItems();
    new DefaultFiller(itemsWith("x")).fill(value);
    assert.deepEqual(value.at(-1), { a: "x" });
  });

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
      "with unknown fields and known ones of another type",
      object({ a: withDefault({ b: 1, c: 2 }, object({ c: text })) }),
      [
        'spec.properties[a].default: Invalid value: {"b":1,"c":2}: must not have unknown fields',
        'spec.properties[a].default.c: Invalid value: "integer": c in body must be of type string: "integer"',
      ],
    ],
    [
      "of a set with an item twice, which only resources are refused for,",
      object({ a: withDefault(["b", "b"], { type: "array", items: text, "x-kubernetes-list-type": "set" }) }),
      [],
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
  test("once rules cost too much no other default is looked at", () => {
    const schema = object({ a: withDefault("x", text), b: withDefault(1, text) });
    const found = defaultFaults(schema, "spec", {
      read,
      rules: (_, { path, value }, budget) => {
        budget.left = -1;
        return [invalid(path, value, "too dear")];
      },
      compilePattern,
    });
    assert.deepEqual(found.map(fieldErrorText), ['spec.properties[a].default: Invalid value: "x": too dear']);
  });

  for (const [name, schema, faults] of faultCases) {
    test(`${name} is ${faults.length === 0 ? "taken" : "refused"}`, () => {
      assert.deepEqual(
        defaultFaults(schema, "spec", { read, rules: () => [], compilePattern }).map(fieldErrorText),
        faults,
      );
    });
  }
});

/** What is written straight from an object is what the comparison of nothing with it finds. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { JsonDecoder } from "../../codec/json.ts";
import { Arbitraries } from "../../codec/testing/arbitrary.ts";
import { applyDefaults } from "../../defaults.ts";
import { ignoredFieldsOf } from "../../facts/reset-fields.ts";
import { qualifiedResource, type AnyObject } from "../../meta/object.ts";
import { createTypeTable } from "../../schema/table.ts";
import { createScheme } from "../../scheme.ts";
import { union } from "./field-tree.ts";
import { ObjectComparer, type IgnoredFields } from "./object-state.ts";
import { deducedType, fieldOf, listOf, mapOf, scalarType, structOf, type ApplyType } from "./schema.ts";
import { TableSchema } from "./table-schema.ts";
import { kindOf, namedItems, textSet } from "./testing/apply-world.ts";

const table = createTypeTable();
const schema = new TableSchema(table);
const decoder = new JsonDecoder(table);
const arbitraries = new Arbitraries(table);

/** As text: so the order of the steps counts, too. */
function compared(object: AnyObject, type: ApplyType, ignored: IgnoredFields): string {
  const { apiVersion, kind } = object;
  const { added, modified } = new ObjectComparer(ignored).compare(
    { apiVersion, kind, metadata: {} },
    object,
    type,
  );
  return JSON.stringify(union(modified, added));
}

suite("new objects of every kind", () => {
  for (const { group, version, kind, struct, resource, subresources } of createScheme().all()) {
    const gvk = { group, version, kind };
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const hasStatus = subresources.some(({ name }) => name === "status");
    const ignored = ignoredFieldsOf(qualifiedResource(group, resource), "", hasStatus);
    const type = schema.struct(struct);
    const comparer = new ObjectComparer(ignored);
    const objects = arbitraries.of(struct, 7);

    test(`${apiVersion} ${kind}`, () => {
      fc.assert(
        fc.property(objects, fc.boolean(), (value, isDefaulted) => {
          const { object } = decoder.fromValue({ ...value, apiVersion, kind }, struct);
          if (isDefaulted) applyDefaults(gvk, object);
          assert.equal(comparer.created(object, type), compared(object, type, ignored));
        }),
        { numRuns: 15, seed: 11 },
      );
    });
  }
});

const text = scalarType("string");
const keys = fc.constantFrom("a", "b.c/d", "Z", "é", '"q"', "<&>", "__proto__", "constructor", "\u2028");
const leafValue = fc.oneof(keys, fc.integer(), fc.boolean(), fc.constant(null));
const anyValue = fc.oneof(
  leafValue,
  fc.dictionary(keys, fc.oneof(leafValue, fc.dictionary(keys, leafValue, { maxKeys: 2 })), { maxKeys: 3 }),
  fc.array(leafValue, { maxLength: 3 }),
);
/** Some without the key, some with the same, some that are no maps at all. */
const item = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record(
      { name: fc.oneof(keys, leafValue), value: leafValue, note: anyValue },
      { requiredKeys: [] },
    ),
  },
  { weight: 1, arbitrary: leafValue },
);
const mixed = structOf(
  [
    fieldOf("a", () => text),
    fieldOf("filled", () => structOf([fieldOf("x", () => text, { fill: "" })], "granular"), { fill: {} }),
  ],
  "granular",
  () => deducedType,
);
const twoKeys = listOf(
  () =>
    structOf(
      [fieldOf("name", () => text), fieldOf("value", () => scalarType("numeric"), { default: 7 })],
      "granular",
    ),
  ["name", "value"],
);

const shapes: Readonly<Record<string, readonly [ApplyType, fc.Arbitrary<unknown>]>> = {
  "an associative list": [namedItems, fc.array(item, { maxLength: 6 })],
  "a list with two keys": [twoKeys, fc.array(item, { maxLength: 6 })],
  "a set": [textSet, fc.array(leafValue, { maxLength: 6 })],
  "a map of lists": [
    mapOf(() => namedItems, "granular"),
    fc.dictionary(keys, fc.array(item, { maxLength: 3 })),
  ],
  "a struct with other keys": [
    mixed,
    fc.dictionary(fc.oneof(keys, fc.constant("filled")), anyValue, { maxKeys: 5 }),
  ],
  "anything at all": [deducedType, anyValue],
  "what doesn't fit": [namedItems, anyValue],
};

suite("new objects of custom kinds", () => {
  for (const [name, [type, values]] of Object.entries(shapes)) {
    for (const [how, fill] of [
      ["", undefined],
      [", instead of null", null],
      [", instead of {}", {}],
    ] as const) {
      // Only structs are there in Go without anything in them.
      if (how.endsWith("{}") && (type.map?.fields ?? []).length === 0) continue;
      test(`${name}${how}`, () => {
        const kind = kindOf({});
        const root = structOf(
          [...(kind.map?.fields ?? []), fieldOf("field", () => type, { fill })],
          "granular",
        );
        const comparer = new ObjectComparer({ reset: {} });
        fc.assert(
          fc.property(values, (field) => {
            const object = { kind: "Thing", apiVersion: "v1", metadata: { name: "t" }, field };
            assert.equal(comparer.created(object, root), compared(object, root, { reset: {} }));
          }),
          { numRuns: 300, seed: 5 },
        );
      });
    }
  }

  test("the items of a long list, in any order", () => {
    const root = kindOf({ field: namedItems });
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 60 });
    const comparer = new ObjectComparer({ reset: {} });
    fc.assert(
      fc.property(names, (given) => {
        const object = {
          kind: "Thing",
          apiVersion: "v1",
          metadata: {},
          field: given.map((name) => ({ name })),
        };
        assert.equal(comparer.created(object, root), compared(object, root, { reset: {} }));
      }),
      { numRuns: 100, seed: 9 },
    );
  });

  test("an object without a known type", () => {
    const comparer = new ObjectComparer({ reset: {} });
    const object = {
      kind: "Thing",
      apiVersion: "v1",
      metadata: { name: "t", labels: { z: "1", a: "2" } },
      z: [1],
      b: { d: 1, c: {} },
    };
    const expected =
      '{"f:b":{".":{},"f:c":{},"f:d":{}},"f:metadata":{"f:labels":{".":{},"f:a":{},"f:z":{}}},"f:z":{}}';
    assert.equal(comparer.created(object, deducedType), expected);
    assert.equal(compared(object, deducedType, { reset: {} }), expected);
  });

  test("where a part of what is below is ignored, only a comparison can tell", () => {
    const comparer = new ObjectComparer({ reset: { "f:spec": { "f:part": {} } } });
    assert.equal(comparer.created({ kind: "Thing", apiVersion: "v1" }, deducedType), undefined);
  });
});

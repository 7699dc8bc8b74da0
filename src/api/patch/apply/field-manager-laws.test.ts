/** What holds of any apply. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { listOf, scalarType } from "./schema.ts";
import { ApplyWorld, kindOf, namedItems, textSet } from "./testing/apply-world.ts";

const text = scalarType("string");
const lists = kindOf({ list: namedItems, set: textSet, atomic: listOf(() => text, "atomic") });
const plain = { noNullPrototype: true };
const name = fc.constantFrom("a", "b", "c");
const config = fc.record(
  {
    list: fc.uniqueArray(fc.record({ name, note: fc.constantFrom("x", "y") }, plain), {
      selector: (each) => each.name,
    }),
    set: fc.uniqueArray(name),
    atomic: fc.array(name, { maxLength: 2 }),
  },
  { requiredKeys: [], ...plain },
);

test("applying twice is applying once", () => {
  fc.assert(
    fc.property(config, config, config, (first, second, own) => {
      const world = new ApplyWorld({ type: lists });
      world.update("base", first);
      world.apply("other", second, true);
      world.apply("me", own, true);
      const before = structuredClone(world.live);
      world.apply("me", own, false);
      assert.deepEqual(world.live, before);
    }),
  );
});

test("what all appliers drop is gone, and what one of them has stays", () => {
  const nothing = { list: [], set: [], atomic: [] };
  fc.assert(
    fc.property(config, config, (first, second) => {
      const world = new ApplyWorld({ type: lists });
      world.apply("one", first);
      world.apply("two", second, true);
      world.apply("one", {});
      for (const [field, value] of Object.entries(second)) {
        const left = world.content[field] ?? nothing[field as keyof typeof nothing];
        assert.deepEqual(new Set(left as readonly unknown[]), new Set<unknown>(value));
      }
      world.apply("two", {});
      assert.deepEqual(
        Object.values(world.content).filter((value) => value !== null && (value as unknown[]).length > 0),
        [],
      );
      assert.deepEqual(
        Object.keys(world.managers).filter((each) => each.endsWith("Apply")),
        [],
      );
    }),
  );
});

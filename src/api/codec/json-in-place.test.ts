/** Text is read in place where it can be; the result is that of reading a value that isn't ours, which is left as it is. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { parseExact } from "#base/exact-json.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { DecodeError } from "./decode-error.ts";
import { JsonDecoder, type Decoded } from "./json.ts";
import { Arbitraries } from "./testing/arbitrary.ts";

const table = createTypeTable();
const arbitraries = new Arbitraries(table);

/** What clients do besides: fields in another order, nulls, fields nobody knows, values of another kind. */
const changes = ["none", "turned", "null", "unknown", "other kind"] as const;
type Change = (typeof changes)[number];

function changed(value: unknown, next: () => Change): unknown {
  if (Array.isArray(value)) return value.map((item) => changed(item, next));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, changed(inner, next)] as const);
  switch (next()) {
    case "none":
      return Object.fromEntries(entries);
    case "turned":
      return Object.fromEntries(entries.toReversed());
    case "null":
      return Object.fromEntries(entries.map(([key, inner], at) => [key, at === 0 ? null : inner]));
    case "unknown":
      return Object.fromEntries([["nobodyKnows", { a: [1] }], ...entries]);
    case "other kind":
      return Object.fromEntries(entries.map(([key, inner], at) => [key, at === 0 ? [inner] : inner]));
  }
}

/** The text of the result: the order of fields counts, too, but faults are told in that of the text by one of both, the first of them too. */
function outcome(run: () => Decoded): string {
  try {
    const { object, strictFaults } = run();
    return JSON.stringify([object, strictFaults.toSorted()]);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return "refused";
  }
}

suite("JSON of every kind, read in place", () => {
  const decoder = new JsonDecoder(table);
  for (const { group, version, kind, struct } of createScheme().all()) {
    test(`${group}/${version} ${kind}`, () => {
      const plan = fc.infiniteStream(
        fc.oneof({ weight: 9, arbitrary: fc.constant("none") }, fc.constantFrom(...changes)),
      );
      fc.assert(
        fc.property(arbitraries.of(struct, 4), plan, (value, stream) => {
          const text = JSON.stringify(changed(value, () => stream.next().value as Change));
          const given: unknown = parseExact(text);
          const before = structuredClone(given);
          const expected = outcome(() => decoder.fromValue(given, struct));
          assert.equal(
            outcome(() => decoder.decode(text, struct)),
            expected,
          );
          assert.deepEqual(given, before);
          // The second time all orders of fields are known.
          assert.equal(
            outcome(() => decoder.decode(text, struct)),
            expected,
          );
        }),
        { numRuns: 6, seed: 3 },
      );
    });
  }
});

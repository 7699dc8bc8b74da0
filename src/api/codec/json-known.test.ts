/** What a patch left as it was is copied, not read again; the result is that of reading all of it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { applyMerge } from "../patch/merge.ts";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { DecodeError } from "./decode-error.ts";
import { JsonDecoder, type Decoded } from "./json.ts";
import { Arbitraries } from "./testing/arbitrary.ts";

const table = createTypeTable();
const arbitraries = new Arbitraries(table);
const decoder = new JsonDecoder(table);

/** The text of the result: the order of fields counts, too. */
function outcome(run: () => Decoded): string {
  try {
    return JSON.stringify(run());
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.message;
  }
}

suite("patched objects of every kind", () => {
  for (const { group, version, kind, struct } of createScheme().all()) {
    test(`${group}/${version} ${kind}`, () => {
      const patches = fc.array(arbitraries.of(struct, 3), { minLength: 1, maxLength: 3 });
      fc.assert(
        fc.property(arbitraries.of(struct, 4), patches, (value, changes) => {
          const { object: old } = decoder.fromValue(value, struct);
          const text = JSON.stringify(old);
          const unknown = { metadata: { labels: { a: "b" }, nobodyKnows: 1 }, spec: null };
          for (const patch of [...changes, unknown, { metadata: { labels: { a: 1 } } }]) {
            const patched = applyMerge(old, patch);
            const read = outcome(() => decoder.fromValue(patched, struct, old));
            assert.deepEqual(
              read,
              outcome(() => decoder.fromValue(patched, struct)),
            );
          }
          assert.equal(JSON.stringify(old), text);
        }),
        { numRuns: 6, seed: 5 },
      );
    });
  }
});

/** Managed fields nobody changes, and so they may be shared. */
function objectsIn(value: unknown): Set<unknown> {
  const found = new Set<unknown>();
  const look = (each: unknown): void => {
    if (typeof each !== "object" || each === null) return;
    found.add(each);
    for (const [key, inner] of Object.entries(each)) if (key !== "managedFields") look(inner);
  };
  look(value);
  return found;
}

test("what comes of a patch is its owner's to change", () => {
  const struct = "io.k8s.api.core.v1.Pod";
  const text = JSON.stringify({
    metadata: {
      name: "a",
      labels: { a: "b" },
      ownerReferences: [{ uid: "1" }],
      managedFields: [{ manager: "m" }],
    },
    spec: { containers: [{ name: "c", env: [{ name: "e", value: "1" }] }], nodeSelector: { a: "b" } },
    status: { conditions: [{ type: "Ready" }] },
  });
  const { object: old } = decoder.decode(text, struct);
  const before = JSON.stringify(old);
  for (const patch of [{ metadata: { labels: { c: "d" } } }, { spec: { nodeName: "n" } }]) {
    const { object } = decoder.fromValue(applyMerge(old, patch), struct, old);
    assert.deepEqual([...objectsIn(old).intersection(objectsIn(object))], []);
    assert.equal(object.metadata?.managedFields, old.metadata?.managedFields);
  }
  assert.equal(JSON.stringify(old), before);
});

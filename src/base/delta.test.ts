import assert from "node:assert/strict";
import { test } from "node:test";
import {
  array,
  assert as check,
  constantFrom,
  nat,
  oneof,
  property,
  record,
  string,
  tuple,
  uint8Array,
} from "fast-check";
import { applyDelta, deltaOf } from "./delta.ts";

const lead = 3;

/** What comes of it, in the midst of something else. */
function applied(model: Buffer, delta: string, length: number): Buffer {
  const target = Buffer.alloc(length + 2 * lead, "-");
  assert.equal(applyDelta(model, delta, target, lead), lead + length);
  assert.equal(target.toString("latin1", 0, lead) + target.toString("latin1", lead + length), "------");
  return target.subarray(lead, lead + length);
}

function assertRoundTrip(model: Buffer, value: Buffer): void {
  const delta = deltaOf(model, value, Number.POSITIVE_INFINITY);
  assert.ok(delta !== undefined);
  assert.deepEqual(applied(model, delta, value.length), value);
}

test("a delta makes what it was made of, whatever was changed", () => {
  const piece = oneof(
    constantFrom('"', '","', '{"name":"', "aaaaaaaa", '"}],"f:metadata":{"f:labels":{"f:app":{}}},"'),
    string({ maxLength: 40 }),
  );
  const change = record({ at: nat(), removed: nat(200), added: array(piece, { maxLength: 5 }) });
  check(
    property(array(piece, { maxLength: 80 }), array(change, { maxLength: 6 }), (pieces, changes) => {
      const model = pieces.join("");
      let value = model;
      for (const { at, removed, added } of changes) {
        const start = at % (value.length + 1);
        value = value.slice(0, start) + added.join("") + value.slice(start + removed);
      }
      assertRoundTrip(Buffer.from(model), Buffer.from(value));
      assertRoundTrip(Buffer.from(value), Buffer.from(model));
    }),
    { numRuns: 500 },
  );
});

test("a delta makes any bytes of any others", () => {
  const bytes = uint8Array({ maxLength: 1000 });
  check(
    property(tuple(bytes, bytes), ([model, value]) => {
      assertRoundTrip(Buffer.from(model), Buffer.from(value));
    }),
  );
});

const text = (name: string, more = ""): Buffer =>
  Buffer.from(
    JSON.stringify({
      metadata: { name, uid: `uid-of-${name}`, note: "n".repeat(600) },
      fields: Array.from({ length: 40 }, (_, at) => ({ [`f:${at}`]: {} })),
      more,
      mounts: [{ name: `token-${name}` }, { name: `token-${name}` }],
    }),
  );

const small: readonly (readonly [string, Buffer, Buffer])[] = [
  ["texts as long", text("pod-1"), text("pod-2")],
  ["texts that are longer", text("pod-1"), text("pod-12345")],
  ["texts that are shorter", text("pod-12345"), text("p")],
  ["something more", text("pod-1"), text("pod-1", "and what only this one says")],
  ["something less", text("pod-1", "and what only that one says, and much of it"), text("pod-1")],
  ["nothing", text("pod-1"), text("pod-1")],
];

for (const [name, model, value] of small) {
  test(`a delta is small when what differs is ${name}`, () => {
    const delta = deltaOf(model, value, 100);
    assert.ok(delta !== undefined, `${value.length} bytes`);
    assert.deepEqual(applied(model, delta, value.length), value);
  });
}

test("a delta that would be larger than asked for is none", () => {
  const value = text("pod-1", "x".repeat(300));
  assert.equal(deltaOf(text("pod-2"), value, 200), undefined);
  const length = deltaOf(text("pod-2"), value, 1000)?.length ?? 0;
  assert.ok(length > 300 && length < 400, `${length}`);
});

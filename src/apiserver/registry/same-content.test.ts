/** What a write changes is told from what it only puts in another order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isSameContent } from "./same-content.ts";

const bytesOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const said = "x".repeat(500);
const cases: readonly [name: string, value: object, before: object, isSame: boolean][] = [
  ["the same", { a: said }, { a: said }, true],
  ["another order", { a: "1", b: said, c: "2" }, { c: "2", b: said, a: "1" }, true],
  ["one digit", { a: said, turn: "12", b: said }, { a: said, turn: "13", b: said }, false],
  ["digits that changed places", { a: said, turn: "12", b: said }, { a: said, turn: "21", b: said }, false],
  ["the first bytes", { a: "1", b: said }, { c: "1", b: said }, false],
  ["the last bytes", { b: said, a: 1 }, { b: said, a: 2 }, false],
  ["values that changed places", { a: "1", b: "2" }, { a: "2", b: "1" }, false],
];

for (const [name, value, before, isSame] of cases) {
  test(`${name}: ${isSame ? "nothing changes" : "a change"}`, () => {
    const [one, other] = [bytesOf(value), bytesOf(before)];
    assert.equal(isSameContent(one, other), isSame);
    assert.equal(isSameContent(other, one), isSame);
  });
}

test("any texts of one length are the same only if they are", () => {
  const lists = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(lists, lists, fc.nat(40), (one, other, kept) => {
      const mixed = [...one.slice(0, kept), ...other.slice(kept)];
      const isSame = one.every((each, at) => each === mixed[at]);
      assert.equal(isSameContent(bytesOf(mixed), bytesOf(one)), isSame);
    }),
    { seed: 7 },
  );
});

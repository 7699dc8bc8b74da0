import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAccept } from "./media-type.ts";

const types = (accept: string): string[] => parseAccept(accept).map(({ type }) => type);

for (const [name, accept, want] of [
  ["by quality", "a/b;q=0.1,c/d;q=0.9,e/f", ["e/f", "c/d", "a/b"]],
  ["as written where all are alike", "c/d,a/b", ["c/d", "a/b"]],
  ["what is said exactly first", "*/*,a/*,a/b", ["a/b", "a/*", "*/*"]],
  ["none that isn't one", "a,a/b/c,,a/b", ["a/b"]],
] as const) {
  test(`media types that a client takes: ${name}`, () => {
    assert.deepEqual(types(accept), want);
  });
}

test("as many media types as a header holds, the least wanted first, are put in order", () => {
  const count = 80_000;
  const clauses = Array.from({ length: count }, (_, at) => `a/${at};q=0.${String(at).padStart(5, "0")}`);
  const order = types(clauses.join(","));
  assert.deepEqual([order.length, order[0], order.at(-1)], [count, `a/${count - 1}`, "a/0"]);
});

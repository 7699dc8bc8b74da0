import assert from "node:assert/strict";
import { test } from "node:test";
import { percentOf, scaledValue } from "./int-or-string.ts";

for (const [value, total, round, want] of [
  [3, 10, "up", 3],
  ["25%", 10, "up", 3],
  ["25%", 10, "down", 2],
  ["0%", 10, "up", 0],
  ["100%", 7, "down", 7],
  ["150%", 10, "up", 15],
] as const) {
  test(`${value} of ${total} rounded ${round} is ${want}`, () =>
    assert.equal(scaledValue(value, total, round), want));
}

test("text that is no percentage is refused", () => {
  assert.throws(() => scaledValue("5", 10, "up"), { message: /invalid type: string is not a percentage/ });
  assert.throws(() => scaledValue("x%", 10, "up"), { message: /invalid value "x"/ });
  assert.equal(percentOf("5"), undefined);
  assert.equal(percentOf(5), undefined);
});

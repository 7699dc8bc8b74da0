import assert from "node:assert/strict";
import { test } from "node:test";
import { integer, parseListVersion } from "./query.ts";

const limitOf = (text: string): number | bigint | undefined =>
  integer(new URLSearchParams([["limit", text]]), "limit");
const ofRange = (parser: string, text: string): string =>
  `strconv.${parser}: parsing "${text}": value out of range`;

for (const [text, value] of [
  ["7", 7],
  ["+7", 7],
  ["-007", -7],
  ["-9223372036854775808", -9223372036854775808n],
  [`${"0".repeat(30)}9223372036854775807`, 9223372036854775807n],
  ["0".repeat(30), 0],
] as const) {
  test(`the whole number ${text}`, () => {
    assert.equal(limitOf(text), value);
  });
}

for (const text of ["9223372036854775808", "-9223372036854775809", "99999999999999999999"]) {
  test(`no number of 64 bits: ${text}`, () => {
    assert.throws(() => limitOf(text), { message: ofRange("ParseInt", text) });
  });
}

test("a resource version may have zeros before it", () => {
  assert.equal(parseListVersion("000000000000000000000018446744073709551615"), 2n ** 64n - 1n);
});

test("of digits without end nobody finds out the value", (t) => {
  const text = "9".repeat(10_000);
  const made = t.mock.method(globalThis, "BigInt").mock;
  assert.throws(() => limitOf(text), { message: ofRange("ParseInt", text) });
  assert.throws(
    () => parseListVersion(text),
    ({ message }: Error) => message.endsWith(ofRange("ParseUint", text)),
  );
  assert.equal(made.callCount(), 0);
});

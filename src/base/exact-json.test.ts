import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { int64Of, isWrittenBigint, parseExact, plainInt64 } from "./exact-json.ts";

const cases: readonly (readonly [text: string, value: unknown, written?: string])[] = [
  ["9007199254740991", 9007199254740991],
  ["9007199254740992", 9007199254740992n],
  ["9007199254740993", 9007199254740993n],
  ["-9007199254740993", -9007199254740993n],
  ["9223372036854775807", 9223372036854775807n],
  ["-9223372036854775808", -9223372036854775808n],
  // Beyond an int64 Go has a float64.
  ["9223372036854775808", 2 ** 63, "9223372036854776000"],
  ["18446744073709551615", 2 ** 64, "18446744073709552000"],
  ["1000000000000000000000", 1e21, "1e+21"],
  // So it has where a point or an exponent is.
  ["9007199254740993.0", 9007199254740992, "9007199254740992"],
  ["1e17", 1e17, "100000000000000000"],
  ["12345678901234567890e-3", 12345678901234568, "12345678901234568"],
  ["1.0", 1, "1"],
  ["1e3", 1000, "1000"],
  ["-0", -0, "0"],
  ["0.0000001", 1e-7, "1e-7"],
  ["0.000001", 0.000001],
  ["0.12345678901234567890", 0.12345678901234568, "0.12345678901234568"],
];

for (const [text, value, written = text] of cases) {
  test(`${text} is read, and written as ${written}`, () => {
    assert.deepEqual(parseExact(text), value);
    assert.equal(JSON.stringify(parseExact(text)), written);
    assert.deepEqual(parseExact(`{"a":[ ${text}\n]}`), { a: [value] });
  });
}

test("digits in texts and keys stay texts and keys", () => {
  const text = '{"1234567890123456789":"9007199254740993, 9007199254740993","__proto__":9007199254740993}';
  assert.equal(JSON.stringify(parseExact(text)), text);
});

test("of a key given twice the last counts", () => {
  assert.deepEqual(parseExact('{"a":9007199254740993,"a":9007199254740995}'), { a: 9007199254740995n });
});

test("a large integer is found wherever it stands", () => {
  for (let before = 0; before < 40; before++) {
    const text = `["${"x".repeat(before)}",9007199254740993,"${"1".repeat(before)}"]`;
    assert.equal(JSON.stringify(parseExact(text)), text);
  }
});

test("a replacer can tell what a bigint became", () => {
  const seen: unknown[] = [];
  const text = JSON.stringify({ a: 1n, b: {} }, (key, value: unknown) => {
    if (key !== "" && isWrittenBigint(value)) seen.push(key);
    return value;
  });
  assert.deepEqual([text, seen], ['{"a":1,"b":{}}', ["a"]]);
});

test("any int64 is read as it was written", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.string(), (value, text) => {
      const written = JSON.stringify({ [text]: [value, text], value });
      const read = parseExact(written) as { readonly value: unknown };
      assert.equal(read.value, plainInt64(value));
      assert.equal(
        JSON.stringify(read),
        JSON.stringify(
          JSON.parse(JSON.stringify({ [text]: [0, text], value: 0 }), (_, each: unknown) =>
            each === 0 ? value : each,
          ),
        ),
      );
    }),
  );
});

test("int64Of takes nothing else", () => {
  assert.deepEqual(
    ["1", "-0", "9223372036854775808", "-9223372036854775809", "1.0", "1e3", "", "x", " 1"].map(int64Of),
    [1n, 0n, ...Array.from({ length: 7 }, () => undefined)],
  );
});

test("of digits without end nobody finds out the value", (t) => {
  const made = t.mock.method(globalThis, "BigInt").mock;
  assert.equal(parseExact("9".repeat(10_000)), Infinity);
  assert.equal(int64Of(`-${"9".repeat(10_000)}`), undefined);
  assert.equal(made.callCount(), 0);
});

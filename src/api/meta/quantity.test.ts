import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilli,
  quantityOfUnits,
  quantityUnits,
  subtractQuantities,
} from "./quantity.ts";

const canonical: readonly (readonly [string, string])[] = [
  ["0", "0"],
  ["0.5", "500m"],
  ["0.500", "500m"],
  ["1.500", "1.500"],
  ["1.5", "1500m"],
  ["1000m", "1"],
  ["1001m", "1001m"],
  ["100", "100"],
  ["1000", "1k"],
  ["1024", "1024"],
  ["1024Ki", "1Mi"],
  ["1000Ki", "1000Ki"],
  ["2048Mi", "2Gi"],
  ["0.5Gi", "512Mi"],
  ["1.1Ki", "1126400m"],
  ["1Ki", "1Ki"],
  ["8Ki", "8Ki"],
  ["0Ki", "0"],
  ["1e3", "1e3"],
  ["1e4", "10e3"],
  ["1E2", "100"],
  ["1E", "1E"],
  ["10E", "10E"],
  ["+5", "+5"],
  ["-5", "-5"],
  ["-1000", "-1k"],
  ["0.1n", "1n"],
  ["1.0000000001", "1000000001n"],
  ["-0.1n", "-1n"],
  [".5", "500m"],
  ["5.", "5."],
  ["10Ei", "9223372036854775807"],
  ["0.0000005Ki", "512u"],
  ["12e6", "12e6"],
  ["1e-3", "1e-3"],
];
for (const [text, want] of canonical) {
  test(`quantity ${text} is stored as ${want}`, () => assert.equal(canonicalQuantity(text), want));
}

const faults: readonly (readonly [string, RegExp])[] = [
  ["", /regular expression/],
  ["abc", /regular expression/],
  ["1.2.3", /regular expression/],
  ["1 Gi", /regular expression/],
  ["1K", /suffix/],
  ["1ki", /suffix/],
  ["1e", /suffix/],
  ["1e999999999", /suffix/],
  [".", /numeric part/],
];
for (const [text, want] of faults) {
  test(`quantity ${JSON.stringify(text)} is refused`, () => assert.throws(() => parseQuantity(text), want));
}

test("quantities are rounded up when asked for coarser units", () => {
  assert.equal(quantityMilli(parseQuantity("1u")), 1n);
  assert.equal(quantityUnits(parseQuantity("1500m")), 2n);
  assert.equal(quantityUnits(parseQuantity("-1500m")), -2n);
  assert.equal(quantityUnits(parseQuantity("1Gi")), 1073741824n);
});

const anyQuantity = fc
  .tuple(
    fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }),
    fc.constantFrom("n", "u", "m", "", "k", "M", "Ki", "Mi", "e3", "e-2"),
  )
  .map(([number, suffix]) => parseQuantity(`${number}${suffix}`));

test("writing and reading a quantity keeps its value, and writing again its text", () => {
  fc.assert(
    fc.property(anyQuantity, (quantity) => {
      const text = formatQuantity({ nano: quantity.nano, format: quantity.format });
      const again = parseQuantity(text);
      assert.equal(again.nano, quantity.nano);
      assert.equal(canonicalQuantity(formatQuantity(again)), formatQuantity(again));
    }),
  );
});

test("sums and differences are exact and ordered", () => {
  fc.assert(
    fc.property(anyQuantity, anyQuantity, (a, b) => {
      assert.equal(compareQuantities(subtractQuantities(addQuantities(a, b), b), a), 0);
      assert.equal(compareQuantities(a, b), -compareQuantities(b, a) + 0);
    }),
  );
});

test("the sum of zero and another has the other's format", () => {
  const sum = addQuantities(parseQuantity("0"), quantityOfUnits(2048n, "BinarySI"));
  assert.equal(formatQuantity(sum), "2Ki");
});

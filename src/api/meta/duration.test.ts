import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { ageSince, formatGoDuration, goDurationMs, humanDuration, parseGoDuration } from "./duration.ts";

const second = 1;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;
for (const [seconds, want] of [
  [-2, "<invalid>"],
  [-1, "0s"],
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [9 * minute + 59, "9m59s"],
  [10 * minute + 1, "10m"],
  [3 * hour - 1, "179m"],
  [3 * hour, "3h"],
  [7 * hour + 30 * minute, "7h30m"],
  [8 * hour + 30 * minute, "8h"],
  [2 * day - 1, "47h"],
  [2 * day, "2d"],
  [7 * day + 23 * hour, "7d23h"],
  [8 * day + hour, "8d"],
  [2 * year - 1, "729d"],
  [2 * year, "2y"],
  [2 * year + day, "2y1d"],
  [8 * year + 5 * day, "8y"],
] as const) {
  test(`${seconds} s are shown as ${want}`, () => assert.equal(humanDuration(seconds * 1000), want));
}

test("an age is counted from now", () => {
  assert.equal(ageSince("1970-01-01T00:00:10Z", 70_000), "60s");
  assert.equal(ageSince(undefined, 0), "<unknown>");
  assert.equal(ageSince("1970-01-01T00:00:01Z", 500), "0s");
});

for (const [text, nanos, written] of [
  ["0", 0n, "0s"],
  ["1s", 1_000_000_000n, "1s"],
  ["1h", 3_600_000_000_000n, "1h0m0s"],
  ["1h30m", 5_400_000_000_000n, "1h30m0s"],
  ["1.5s", 1_500_000_000n, "1.5s"],
  ["-90s", -90_000_000_000n, "-1m30s"],
  ["1.5ms", 1_500_000n, "1.5ms"],
  ["10us", 10_000n, "10µs"],
  ["7ns", 7n, "7ns"],
  [".5s", 500_000_000n, "500ms"],
] as const) {
  test(`duration ${text}`, () => {
    assert.equal(parseGoDuration(text), nanos);
    assert.equal(formatGoDuration(nanos), written);
  });
}

for (const [text, message] of [
  ["", 'time: invalid duration ""'],
  ["5", 'time: missing unit in duration "5"'],
  ["5y", 'time: unknown unit "y" in duration "5y"'],
  ["s", 'time: invalid duration "s"'],
] as const) {
  test(`duration ${JSON.stringify(text)} is refused`, () =>
    assert.throws(() => parseGoDuration(text), { message }));
}

test("every duration reads back", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }), (nanos) =>
      assert.equal(parseGoDuration(formatGoDuration(nanos)), nanos),
    ),
  );
  assert.equal(goDurationMs("1m"), 60_000);
});

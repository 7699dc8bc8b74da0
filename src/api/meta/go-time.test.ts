/** What Go's time.Parse makes of texts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatGoMicroTime,
  formatGoTime,
  fullDate,
  localTime,
  secondsOf,
  parseGoTime,
  rfc3339,
  rfc3339Micro,
  type TimeLayout,
} from "./go-time.ts";

const read: readonly (readonly [text: string, layout: TimeLayout, iso: string, nanos: number])[] = [
  ["2025-01-30T05:00:00Z", rfc3339, "2025-01-30T05:00:00.000Z", 0],
  ["2025-01-30T5:00:00.25Z", rfc3339, "2025-01-30T05:00:00.000Z", 250_000_000],
  ["2024-02-29T00:00:00,1234567891+07:30", rfc3339, "2024-02-28T16:30:00.000Z", 123_456_789],
  ["0001-01-01T00:00:00-24:60", rfc3339, "0001-01-02T01:00:00.000Z", 0],
  ["2025-01-30T05:00:00.123456Z", rfc3339Micro, "2025-01-30T05:00:00.000Z", 123_456_000],
  ["2025-01-30T05:00:00.5", localTime, "2025-01-30T05:00:00.000Z", 500_000_000],
  ["2025-01-30", fullDate, "2025-01-30T00:00:00.000Z", 0],
];
for (const [text, layout, iso, nanos] of read) {
  test(`${text} as ${layout}`, () => {
    const time = parseGoTime(text, layout);
    assert.deepEqual([new Date(time.seconds * 1000).toISOString(), time.nanos], [iso, nanos]);
  });
}

for (const [seconds, nanos, text] of [
  [0, 0, "1970-01-01T00:00:00.000000Z"],
  [1, 2_000_001_999, "1970-01-01T00:00:03.000001Z"],
  [1, -5, "1970-01-01T00:00:00.999999Z"],
  [253_402_304_399, 0, "10000-01-01T00:59:59.000000Z"],
  [8_640_000_000_000, 0, "275760-09-13T00:00:00.000000Z"],
  [-62_167_222_800, 0, "-0001-12-31T23:00:00.000000Z"],
  [-62_167_219_200, 0, "0000-01-01T00:00:00.000000Z"],
] as const) {
  test(`${seconds} seconds and ${nanos} nanoseconds are ${text}`, () => {
    assert.equal(formatGoMicroTime(seconds, nanos), text);
    assert.equal(secondsOf(text), seconds + Math.floor(nanos / 1e9));
  });
}

test("a time that no date has isn't written", () => {
  assert.throws(() => formatGoTime(8_640_000_000_001), { name: "TimeError" });
});

const refused: readonly (readonly [text: string, layout: TimeLayout, why: string])[] = [
  ["2025-02-30T00:00:00Z", rfc3339, ": day out of range"],
  ["2025-13-30T00:00:00Z", rfc3339, ": month out of range"],
  ["2025-01-30T24:00:00Z", rfc3339, ": hour out of range"],
  ["2025-01-30T00:00:00+25:00", rfc3339, ": time zone offset hour out of range"],
  ["2025-01-30t00:00:00Z", rfc3339, ` as "${rfc3339}": cannot parse "t00:00:00Z" as "T"`],
  ["2025-1-30T00:00:00Z", rfc3339, ` as "${rfc3339}": cannot parse "1-30T00:00:00Z" as "01"`],
  ["2025-01-30T00:00:00", rfc3339, ` as "${rfc3339}": cannot parse "" as "Z07:00"`],
  ["2025-01-30T00:00:00Z.", rfc3339, ': extra text: "."'],
  ["2025-01-30T00:00:00Z", rfc3339Micro, ` as "${rfc3339Micro}": cannot parse "Z" as ".000000"`],
  ["2025-01-30T00:00:00.1234567Z", rfc3339Micro, ` as "${rfc3339Micro}": cannot parse "7Z" as "Z07:00"`],
  ["2025-01-30T00:00:00Z", localTime, ': extra text: "Z"'],
];
for (const [text, layout, why] of refused) {
  test(`${text} isn't ${layout}`, () => {
    const message = `parsing time ${JSON.stringify(text)}${why}`;
    assert.throws(() => parseGoTime(text, layout), { name: "TimeError", message });
  });
}

test("what isn't ASCII is quoted by its bytes", () => {
  const message = String.raw`parsing time "\"\\\xc3\xa9" as "2006-01-02": cannot parse "\"\\\xc3\xa9" as "2006"`;
  assert.throws(() => parseGoTime('"\\é', fullDate), { message });
});

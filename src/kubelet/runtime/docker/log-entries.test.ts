import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTime } from "#base/clock.ts";
import { lastPosition, LogEntries, sinceOf } from "./log-entries.ts";

const frame = (type: number, text: string): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};
const t1 = "2026-01-01T00:00:00.000000001Z";
const t2 = "2026-01-01T00:00:00.000000002Z";

test("frames become lines of their stream, a piece of a line is marked P", () => {
  const entries = new LogEntries(false, undefined);
  const bytes = Buffer.concat([frame(1, `${t1} a\n`), frame(2, `${t1} b\n`), frame(1, `${t2} part`)]);
  const lines = [...bytes].map((byte) => entries.push(Buffer.from([byte])));
  assert.equal(Buffer.concat(lines).toString(), `${t1} stdout F a\n${t1} stderr F b\n${t2} stdout P part\n`);
});

test("what the file has is left out, what has the same time and is new is not", () => {
  const entries = new LogEntries(false, { time: t1, count: 2 });
  const bytes = Buffer.concat(["a", "b", "c"].map((text) => frame(1, `${t1} ${text}\n`)));
  assert.equal(entries.push(bytes).toString(), `${t1} stdout F c\n`);
  assert.equal(entries.push(frame(1, `${t1} d\n`)).toString(), `${t1} stdout F d\n`);
  assert.equal(entries.push(frame(1, `${t2} e\n`)).toString(), `${t2} stdout F e\n`);
});

test("a terminal's stream is cut at its lines", () => {
  const entries = new LogEntries(true, undefined);
  assert.equal(entries.push(Buffer.from(`${t1} a\r\n${t2} b`)).toString(), `${t1} stdout F a\r\n`);
  assert.equal(entries.end().toString(), `${t2} stdout F b\n`);
});

const positions: readonly [string, string, unknown][] = [
  ["nothing", "", undefined],
  ["no whole line", `${t1} stdout F a`, undefined],
  ["one line", `${t1} stdout F a\n`, { time: t1, count: 1 }],
  ["several of one moment", `${t1} stdout F a\n${t2} stdout P b\n${t2} stderr F c\n`, { time: t2, count: 2 }],
  ["a line cut short at the end", `${t1} stdout F a\n${t2} stdo`, { time: t1, count: 1 }],
];
for (const [name, tail, expected] of positions) {
  test(`lastPosition: ${name}`, () => {
    assert.deepEqual(lastPosition(tail), expected);
  });
}

test("sinceOf keeps the nanoseconds", () => {
  assert.equal(sinceOf({ time: t1, count: 1 }, parseTime), "1767225600.000000001");
});

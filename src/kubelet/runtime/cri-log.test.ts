import assert from "node:assert/strict";
import { test } from "node:test";
import { LogLines, logPieceMaxBytes } from "./cri-log.ts";

const nanos = 1_767_225_600_000_000_001n;
const prefix = "2026-01-01T00:00:00.000000001Z stdout";

const text = (lines: readonly Buffer[]): string => Buffer.concat(lines).toString();

test("whole lines are marked F, in order", () => {
  assert.equal(
    text(new LogLines("stdout").push(Buffer.from("a\n\nb\n"), nanos)),
    `${prefix} F a\n${prefix} F \n${prefix} F b\n`,
  );
});

test("a line that comes in pieces is one line", () => {
  const lines = new LogLines("stdout");
  assert.equal(text(lines.push(Buffer.from("hel"), nanos)), "");
  assert.equal(text(lines.push(Buffer.from("lo\nx"), nanos)), `${prefix} F hello\n`);
  assert.equal(text(lines.end(nanos)), `${prefix} F x\n`);
  assert.equal(text(lines.end(nanos)), "");
});

test("a long line is cut and marked P until its end", () => {
  const lines = new LogLines("stdout");
  const long = "y".repeat(logPieceMaxBytes);
  assert.equal(text(lines.push(Buffer.from(`${long}z\n`), nanos)), `${prefix} P ${long}\n${prefix} F z\n`);
});

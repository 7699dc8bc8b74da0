import assert from "node:assert/strict";
import { test } from "node:test";
import { pemBlocks, toPem } from "./pem.ts";

const one = toPem("CERTIFICATE", Buffer.from("one"));
const two = toPem("CERTIFICATE", Buffer.from("two"));

const read = (pem: string): string[] =>
  pemBlocks(pem).map(({ label, hasHeaders, der }) => `${label}${hasHeaders ? "+" : ""}:${der.toString()}`);

test("blocks are read as Go reads them", () => {
  const cases: readonly [string, string, readonly string[]][] = [
    ["nothing", "", []],
    ["text around", `of one\n${one}of two\n${two}end`, ["CERTIFICATE:one", "CERTIFICATE:two"]],
    ["other line ends", one.replaceAll("\n", "\r\n"), ["CERTIFICATE:one"]],
    ["blanks at the ends of lines", one.replaceAll("\n", " \t\n"), ["CERTIFICATE:one"]],
    ["no line end after the end", one.trimEnd(), ["CERTIFICATE:one"]],
    ["headers", one.replace("\n", "\nProc-Type: 4\n\n"), ["CERTIFICATE+:one"]],
    ["a beginning in the middle of a line", `x${one}`, []],
    ["an end with something after it", one.replace(/-----\n$/, "-----x\n"), []],
    ["another kind's end", one.replace("END CERTIFICATE", "END KEY"), []],
    ["a beginning without an end before another", one.replace(/-----END.*\n/, "") + two, ["CERTIFICATE:two"]],
    ["no base64", one.replace("b25l", "b2*l") + two, ["CERTIFICATE:two"]],
    ["padding that isn't whole", one.replace("b25l", "b25") + two, ["CERTIFICATE:two"]],
    ["an empty block", "-----BEGIN A-----\n-----END A-----\n", ["A:"]],
  ];
  for (const [name, pem, expected] of cases) assert.deepEqual(read(pem), expected, name);
});

test("a megabyte of beginnings is read in one pass", () => {
  const beginnings = "-----BEGIN A-----\n".repeat(60_000);
  assert.deepEqual(read(beginnings + one), ["CERTIFICATE:one"]);
});

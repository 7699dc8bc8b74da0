import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGoFloat } from "./go-float.ts";

for (const [text, value] of [
  ["1.5", 1.5],
  ["1.", 1],
  [".5", 0.5],
  ["-1e3", -1000],
  ["1E-2", 0.01],
  ["1_000.5", 1000.5],
  ["00_1.5_0e1_0", 1.5e10],
  ["0x1p4", 16],
  ["0x_1p4", 16],
  ["0x1_0p4", 256],
  ["0x1.8p1", 3],
  ["-0X.8P0", -0.5],
  ["0x1.p+0_1", 2],
  ["0x0p9999999999", 0],
  ["-0x0p0", -0],
  ["0x1p-1074", 5e-324],
  ["0x1p-1080", 0],
  ["0x1.fffffffffffffp1023", Number.MAX_VALUE],
  ["0x1.00000000000008p0", 1],
  ["0x1.000000000000081p0", 1.0000000000000002],
  [`0x1${"0".repeat(2000)}p-8000`, 1],
  ["nan", NaN],
  ["+Inf", Infinity],
  ["-infinity", -Infinity],
  ["", undefined],
  [".", undefined],
  ["1_.5", undefined],
  ["1._5", undefined],
  ["1e_5", undefined],
  ["_1", undefined],
  ["1_", undefined],
  ["0x1", undefined],
  ["0x.p1", undefined],
  ["0x1p", undefined],
  ["0b1p1", undefined],
  ["-nan", undefined],
  ["1e999", undefined],
  ["0x1p1024", undefined],
  ["0x1.fffffffffffff8p1023", undefined],
  [" 1", undefined],
] as const) {
  test(`${text.slice(0, 30)} is ${String(value)}`, () => {
    assert.equal(parseGoFloat(text), value);
  });
}

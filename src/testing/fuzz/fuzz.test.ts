import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz, fuzzFamilies, growthOf, type FuzzWindow } from "./fuzz.ts";

test("damaged requests, frames and expressions: an answer to each, and no failure of ours", async (t) => {
  const seed = 35;
  t.diagnostic(`seed ${seed}`);
  const report = await fuzz({
    seed,
    families: fuzzFamilies,
    casesMax: 600,
    runMs: 60_000,
    windowCases: 300,
  });
  assert.deepEqual(report.findings, []);
  assert.equal(report.cases, 600);
  // It is of no use when the server refuses all of it at the door.
  for (const status of ["200", "201", "400", "404", "422"]) {
    assert.ok((report.statuses.get(status) ?? 0) > 0, `nothing was answered with ${status}`);
  }
});

const windows = (...mib: readonly number[]): FuzzWindow[] =>
  mib.map((each, at) => ({ cases: at, heapBytes: each << 20, residentBytes: each << 20, findings: 0 }));

test("memory that grows from window to window is a fault, memory that swings isn't", () => {
  assert.equal(growthOf(windows(50, 120, 100, 130, 110, 125, 105)), undefined);
  assert.match(growthOf(windows(50, 100, 150, 200, 250, 300, 350)) ?? "", /^heapBytes went from/);
});

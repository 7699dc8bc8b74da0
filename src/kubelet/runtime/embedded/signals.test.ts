import assert from "node:assert/strict";
import { test } from "node:test";
import { signalNumber } from "./signals.ts";

const cases: readonly [string, number][] = [
  ["TERM", 15],
  ["SIGQUIT", 3],
  ["sigusr1", 10],
  ["9", 9],
  ["SIGRTMIN", 34],
  ["RTMIN+3", 37],
  ["SIGRTMAX-1", 63],
];
for (const [name, number] of cases) {
  test(`signalNumber: ${name}`, () => {
    assert.equal(signalNumber(name), number);
  });
}

for (const name of ["", "SIGNOTHING", "0", "65", "RTMAX+1"]) {
  test(`signalNumber refuses ${JSON.stringify(name)}`, () => {
    assert.throws(() => signalNumber(name), { code: "invalid" });
  });
}

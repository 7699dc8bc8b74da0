import assert from "node:assert/strict";
import { test } from "node:test";
import { phaseOf } from "./phase.ts";
import { statuses, podOf } from "./testing/pod-of.ts";

const phases: readonly (readonly [
  policy: string,
  main: string,
  init: string,
  phase: string,
  isTerminating?: boolean,
])[] = [
  ["Always", "a:waiting", "", "Pending"],
  ["Always", "a:running b:waiting", "", "Pending"],
  ["Always", "a:running b:running", "", "Running"],
  ["Always", "a:running b:1", "", "Running"],
  ["Always", "a:0", "", "Running"],
  ["Always", "a:again1", "", "Running"],
  ["Never", "a:0 b:0", "", "Succeeded"],
  ["Never", "a:0 b:1", "", "Failed"],
  ["OnFailure", "a:0", "", "Succeeded"],
  ["OnFailure", "a:1", "", "Running"],
  ["Always", "a:waiting", "i:running", "Pending"],
  ["Always", "a:waiting", "i:1", "Pending"],
  ["Never", "a:waiting", "i:1", "Failed"],
  ["Always", "a:running", "i:0", "Running"],
  ["Always", "a:waiting", "side:starting", "Pending"],
  ["Always", "a:running", "side:running", "Running"],
  ["Never", "a:0", "side:running", "Running"],
  ["Never", "a:0", "side:137", "Succeeded"],
  ["Always", "a:0", "", "Succeeded", true],
  ["Always", "a:0 b:137", "", "Failed", true],
  ["Always", "a:running b:0", "", "Running", true],
];
const names = (text: string): string => text.replaceAll(/:\w+/g, "");
for (const [policy, main, init, phase, isTerminating = false] of phases) {
  test(`phase of ${policy} ${main} ${init} ${isTerminating ? "being stopped" : ""}: ${phase}`, () => {
    const input = {
      pod: podOf(policy, names(main), names(init)),
      statuses: statuses(main),
      initStatuses: statuses(init),
      isTerminating,
      hasInitialized: !main.includes("waiting"),
    };
    assert.equal(phaseOf(input), phase);
  });
}

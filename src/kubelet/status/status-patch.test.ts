import assert from "node:assert/strict";
import { test } from "node:test";
import type { PodStatus } from "#api/generated/types/core-v1.ts";
import { covers, statusPatch } from "./status-patch.ts";

const same: readonly (readonly [a: unknown, b: unknown, isSame: boolean])[] = [
  [undefined, {}, true],
  ["", undefined, true],
  [0, undefined, true],
  [{ a: 1, b: undefined }, { a: 1 }, true],
  [{ a: { b: [] } }, {}, false],
  [[1, 2], [1, 2], true],
  [[1], [1, 2], false],
  [{ a: 1 }, { a: 2 }, false],
  [[], {}, true],
];
for (const [a, b, isSame] of same) {
  test(`${JSON.stringify(a)} and ${JSON.stringify(b)} are ${isSame ? "" : "not "}the same to a server`, () => {
    assert.equal(covers(a, b), isSame);
  });
}

test("a patch holds what differs, takes out what is gone, and replaces addresses", () => {
  const api: PodStatus = {
    phase: "Pending",
    reason: "Old",
    podIPs: [{ ip: "1" }],
    hostIP: "h",
    conditions: [
      { type: "Ready", status: "False", reason: "R", message: "M", lastTransitionTime: "t" },
      { type: "theirs", status: "True" },
    ],
  };
  const wanted: PodStatus = {
    phase: "Running",
    podIPs: [{ ip: "2" }],
    hostIP: "h",
    conditions: [{ type: "Ready", status: "True", lastTransitionTime: "u" }],
  };
  assert.deepEqual(statusPatch(api, wanted), {
    phase: "Running",
    reason: null,
    podIPs: [{ $patch: "replace" }, { ip: "2" }],
    conditions: [
      {
        reason: null,
        message: null,
        type: "Ready",
        status: "True",
        lastTransitionTime: "u",
        lastProbeTime: null,
      },
    ],
    "$setElementOrder/conditions": [{ type: "Ready" }, { type: "theirs" }],
  });
  assert.equal(statusPatch(wanted, wanted), undefined);
});

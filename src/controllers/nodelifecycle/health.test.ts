import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Taint } from "#api/generated/types/core-v1.ts";
import { silentConditions, wantedTaints } from "./health.ts";
import { zoneState, Zones } from "./zones.ts";

const now = Date.UTC(2026, 0, 1);
const node = (conditions: Record<string, string>, spec: Node["spec"] = {}): Node => ({
  metadata: { name: "n", creationTimestamp: "2025-12-31T00:00:00Z" },
  spec,
  status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
});

test("silence turns what the kubelet said into Unknown, and what it never said too", () => {
  const conditions = silentConditions(node({ Ready: "True", NetworkUnavailable: "False" }), now) ?? [];
  assert.deepEqual(
    conditions.map(({ type, status, reason = "" }) => `${type} ${status} ${reason}`),
    [
      "Ready Unknown NodeStatusUnknown",
      "NetworkUnavailable False ",
      "MemoryPressure Unknown NodeStatusNeverUpdated",
      "DiskPressure Unknown NodeStatusNeverUpdated",
      "PIDPressure Unknown NodeStatusNeverUpdated",
    ],
  );
  assert.equal(silentConditions({ ...node({}), status: { conditions } }, now), undefined);
});

const foreign: Taint = { key: "example.com/mine", effect: "NoSchedule" };
const cases: readonly [string, Node, string | undefined, string[] | undefined][] = [
  ["a ready node has none", node({ Ready: "True" }), undefined, undefined],
  [
    "an unready one repels pods",
    node({ Ready: "False" }),
    undefined,
    ["node.kubernetes.io/not-ready:NoSchedule"],
  ],
  [
    "an unreachable one repels and evicts",
    node({ Ready: "Unknown" }, { taints: [foreign] }),
    "node.kubernetes.io/unreachable",
    [
      "example.com/mine:NoSchedule",
      "node.kubernetes.io/unreachable:NoSchedule",
      "node.kubernetes.io/unreachable:NoExecute",
    ],
  ],
  [
    "one that came back loses ours and keeps others'",
    node(
      { Ready: "True" },
      {
        taints: [
          foreign,
          { key: "node.kubernetes.io/unreachable", effect: "NoSchedule" },
          { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
        ],
      },
    ),
    undefined,
    ["example.com/mine:NoSchedule"],
  ],
  [
    "a cordoned one under pressure has both",
    node({ Ready: "True", MemoryPressure: "True" }, { unschedulable: true }),
    undefined,
    ["node.kubernetes.io/memory-pressure:NoSchedule", "node.kubernetes.io/unschedulable:NoSchedule"],
  ],
  [
    "one that hasn't spoken yet loses the taint of its registration, as upstream's does",
    node({}, { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }] }),
    undefined,
    [],
  ],
];
for (const [name, input, evictBy, wanted] of cases) {
  test(`wantedTaints: ${name}`, () => {
    const taints = wantedTaints(input, evictBy, now);
    assert.deepEqual(
      taints?.map(({ key, effect }) => `${key}:${effect}`),
      wanted,
    );
  });
}

test("a zone is disrupted by what share of it is lost", () => {
  assert.deepEqual(
    [zoneState(3, 0), zoneState(0, 1), zoneState(2, 2), zoneState(2, 3), zoneState(3, 3)],
    ["normal", "full", "normal", "partial", "normal"],
  );
});

test("nodes of a zone lose their pods one every ten seconds, and none when all are lost", () => {
  const zones = new Zones();
  zones.observe([node({ Ready: "True" }), node({ Ready: "Unknown" })]);
  assert.deepEqual([zones.turn(":", 0), zones.turn(":", 1000), zones.turn(":", 10_000)], [0, 9000, 0]);
  zones.observe([node({ Ready: "Unknown" })]);
  assert.ok(zones.isAllLost);
  assert.equal(zones.turn(":", 100_000), Number.POSITIVE_INFINITY);
});

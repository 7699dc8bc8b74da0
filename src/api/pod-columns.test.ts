import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf } from "./columns.ts";
import { now, hourAgo, metadata, kindOf, cells } from "./testing/cells.ts";

const running = { ready: true, restartCount: 0, state: { running: { startedAt: hourAgo } } };
const ended = (exitCode: number, reason?: string): object => ({ terminated: { exitCode, reason } });
const waiting = (reason: string): object => ({ waiting: { reason } });
const one = { containers: [{ name: "a" }] };
const two = { containers: [{ name: "a" }, { name: "b" }] };

const pods: readonly (readonly [string, object, object, readonly string[]])[] = [
  ["pending", one, { phase: "Pending" }, ["0/1", "Pending", "0"]],
  [
    "being created",
    one,
    { phase: "Pending", containerStatuses: [{ name: "a", state: waiting("ContainerCreating") }] },
    ["0/1", "ContainerCreating", "0"],
  ],
  ["running", one, { phase: "Running", containerStatuses: [running] }, ["1/1", "Running", "0"]],
  [
    "crashing",
    one,
    {
      phase: "Running",
      containerStatuses: [
        {
          restartCount: 3,
          state: waiting("CrashLoopBackOff"),
          lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } },
        },
      ],
    },
    ["0/1", "CrashLoopBackOff", "3 (5m ago)"],
  ],
  [
    "completed",
    one,
    { phase: "Succeeded", containerStatuses: [{ restartCount: 0, state: ended(0, "Completed") }] },
    ["0/1", "Completed", "0"],
  ],
  [
    "failed",
    one,
    { phase: "Failed", containerStatuses: [{ restartCount: 0, state: ended(1, "Error") }] },
    ["0/1", "Error", "0"],
  ],
  [
    "ended without a word",
    one,
    { phase: "Failed", containerStatuses: [{ state: ended(7) }] },
    ["0/1", "ExitCode:7", "0"],
  ],
  [
    "ended by a signal",
    one,
    { phase: "Failed", containerStatuses: [{ state: { terminated: { exitCode: 137, signal: 9 } } }] },
    ["0/1", "Signal:9", "0"],
  ],
  [
    "half completed, ready",
    two,
    {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [{ state: ended(0, "Completed") }, running],
    },
    ["1/2", "Running", "0"],
  ],
  [
    "half completed, not ready",
    two,
    { phase: "Running", containerStatuses: [{ state: ended(0, "Completed") }, running] },
    ["1/2", "NotReady", "0"],
  ],
  ["evicted", one, { phase: "Failed", reason: "Evicted" }, ["0/1", "Evicted", "0"]],
  [
    "gated",
    one,
    { phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] },
    ["0/1", "SchedulingGated", "0"],
  ],
  [
    "initializing",
    { ...one, initContainers: [{ name: "i" }, { name: "j" }] },
    {
      phase: "Pending",
      initContainerStatuses: [
        { name: "i", state: ended(0) },
        { name: "j", state: waiting("PodInitializing") },
      ],
      containerStatuses: [{ state: waiting("PodInitializing") }],
    },
    ["0/1", "Init:1/2", "0"],
  ],
  [
    "init crashing",
    { ...one, initContainers: [{ name: "i" }] },
    {
      phase: "Pending",
      initContainerStatuses: [{ name: "i", restartCount: 2, state: waiting("CrashLoopBackOff") }],
    },
    ["0/1", "Init:CrashLoopBackOff", "2"],
  ],
  [
    "init failed",
    { ...one, initContainers: [{ name: "i" }] },
    { phase: "Pending", initContainerStatuses: [{ name: "i", state: ended(1, "Error") }] },
    ["0/1", "Init:Error", "0"],
  ],
  [
    "init failed without a word",
    { ...one, initContainers: [{ name: "i" }] },
    { phase: "Pending", initContainerStatuses: [{ name: "i", state: ended(2) }] },
    ["0/1", "Init:ExitCode:2", "0"],
  ],
  [
    "with a sidecar",
    { ...one, initContainers: [{ name: "s", restartPolicy: "Always" }] },
    {
      phase: "Running",
      initContainerStatuses: [
        { name: "s", started: true, ready: true, restartCount: 1, state: running.state },
      ],
      containerStatuses: [running],
    },
    ["2/2", "Running", "1"],
  ],
];
for (const [name, spec, status, want] of pods) {
  test(`a pod ${name}`, () => assert.deepEqual(cells("v1", "Pod", { spec, status }).slice(1, 4), want));
}

function wordOfGone(status: object): unknown {
  const gone = { metadata: { ...metadata, deletionTimestamp: hourAgo }, status };
  return cellsOf(kindOf("v1", "Pod"), gone, now).cells[2];
}

test("a pod that is going away", () => {
  assert.equal(wordOfGone({ phase: "Running" }), "Terminating");
  assert.equal(wordOfGone({ phase: "Running", reason: "NodeLost" }), "Unknown");
  assert.equal(wordOfGone({ phase: "Succeeded" }), "Succeeded");
});

test("a pod's wide cells and its row's condition", () => {
  const object = {
    metadata,
    spec: { nodeName: "n1", readinessGates: [{ conditionType: "g" }, { conditionType: "h" }] },
    status: { phase: "Succeeded", podIPs: [{ ip: "10.0.0.1" }], conditions: [{ type: "g", status: "True" }] },
  };
  const row = cellsOf(kindOf("v1", "Pod"), object, now);
  assert.deepEqual(row.cells.slice(4), ["60m", "10.0.0.1", "n1", "<none>", "1/2"]);
  assert.deepEqual(row.conditions, [
    {
      type: "Completed",
      status: "True",
      reason: "Succeeded",
      message: "The pod has completed successfully.",
    },
  ]);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodStatus } from "#api/generated/types/core-v1.ts";
import { emptyPodRuntime, sortPodRuntime } from "../pleg/pod-runtime.ts";
import { containerAnnotations, containerNameLabel } from "../pods/labels.ts";
import type { ContainerStatus as RuntimeContainer, SandboxStatus } from "../runtime/runtime.ts";
import { finalPodStatus, podStatus, type PodStatusInput } from "./pod-status.ts";
import { running, statusOf, podOf } from "./testing/pod-of.ts";

const sandbox: SandboxStatus = {
  id: "s1",
  name: "web",
  uid: "u-1",
  namespace: "shop",
  attempt: 0,
  state: "ready",
  createdAt: 1n,
  ip: "10.42.0.5",
  labels: {},
  annotations: {},
};
const seconds = (count: number): bigint => BigInt(Date.UTC(2026, 0, 1, 0, 0, count)) * 1_000_000n;
const containerOf = (
  name: string,
  attempt: number,
  more: Partial<RuntimeContainer> = {},
): RuntimeContainer => ({
  id: `${name}-${attempt}`,
  sandboxId: "s1",
  name,
  attempt,
  image: "app:1",
  imageId: "sha256:x",
  state: "running",
  createdAt: seconds(attempt),
  startedAt: seconds(attempt),
  finishedAt: 0n,
  exitCode: 0,
  reason: "",
  message: "",
  labels: { [containerNameLabel]: name },
  annotations: containerAnnotations({
    hash: "h",
    image: "app:1",
    imageReference: "app@sha256:y",
    restartCount: attempt,
    messagePath: "",
    messageHostPath: "",
    messagePolicy: "File",
    podGraceSeconds: 30,
  }),
  logPath: "",
  pid: 1,
  ...more,
});
const dead = { state: "exited", finishedAt: seconds(9), exitCode: 2, reason: "Error" } as const;
const inputOf = (
  pod: Pod,
  containers: readonly RuntimeContainer[],
  more: Partial<PodStatusInput> = {},
): PodStatusInput => ({
  pod,
  runtime: sortPodRuntime([sandbox], containers),
  old: {},
  reasons: new Map(),
  messages: new Map(),
  runtimeName: "docker",
  hostIPs: ["192.168.1.10"],
  nowMs: Date.UTC(2026, 0, 1),
  isTerminating: false,
  failure: undefined,
  probes: { hasStarted: () => true, isReady: () => true },
  ...more,
});

test("statuses are sorted by name, carry ids with the runtime's name, and the run before as last state", () => {
  const pod = podOf("Always", "web api");
  const messages = new Map([["web-0", "it was me"]]);
  const {
    containerStatuses = [],
    podIP,
    hostIP,
    observedGeneration,
  } = podStatus(
    inputOf(pod, [containerOf("web", 1), containerOf("web", 0, dead), containerOf("api", 0)], { messages }),
  );
  assert.deepEqual(
    { podIP, hostIP, observedGeneration },
    { podIP: "10.42.0.5", hostIP: "192.168.1.10", observedGeneration: 3 },
  );
  assert.deepEqual(
    containerStatuses.map(({ name, containerID, restartCount }) => [name, containerID, restartCount]),
    [
      ["api", "docker://api-0", 0],
      ["web", "docker://web-1", 1],
    ],
  );
  assert.deepEqual(containerStatuses[1]?.lastState?.terminated, {
    exitCode: 2,
    reason: "Error",
    message: "it was me",
    startedAt: "2026-01-01T00:00:00Z",
    finishedAt: "2026-01-01T00:00:09Z",
    containerID: "docker://web-0",
  });
});

test("a container that waits to be started again shows why, and how it ended", () => {
  const reason = { reason: "CrashLoopBackOff", message: "back-off 10s", notBeforeMs: 0, image: "app:1" };
  const reasons = new Map([["a", reason]]);
  const { containerStatuses = [] } = podStatus(
    inputOf(podOf("Always", "a"), [containerOf("a", 0, dead)], { reasons }),
  );
  assert.deepEqual(containerStatuses[0]?.state, {
    waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" },
  });
  assert.equal(containerStatuses[0].lastState?.terminated?.exitCode, 2);
});

test("a running container that the runtime lost is said to have ended", () => {
  const old: PodStatus = { containerStatuses: [statusOf("a", running, { restartCount: 4 })] };
  const { containerStatuses = [] } = podStatus(
    inputOf(podOf("Always", "a"), [], { old, runtime: emptyPodRuntime }),
  );
  assert.equal(containerStatuses[0]?.state?.terminated?.reason, "ContainerStatusUnknown");
  assert.equal(containerStatuses[0].restartCount, 5);
});

test("the last word: containers that never ran have ended, the pod has failed", () => {
  const {
    phase,
    containerStatuses = [],
    conditions = [],
  } = finalPodStatus(inputOf(podOf("Always", "a"), []));
  assert.equal(phase, "Failed");
  assert.equal(containerStatuses[0]?.state?.terminated?.exitCode, 137);
  assert.equal(conditions.find(({ type }) => type === "Ready")?.reason, "PodFailed");
});

test("a phase that ended doesn't come back, and keeps its reason", () => {
  const old: PodStatus = { phase: "Failed", reason: "DeadlineExceeded", message: "late" };
  const status = podStatus(inputOf(podOf("Always", "a"), [containerOf("a", 0)], { old }));
  assert.deepEqual([status.phase, status.reason, status.message], ["Failed", "DeadlineExceeded", "late"]);
});

test("conditions keep their time while they hold", () => {
  const before = podStatus(inputOf(podOf("Always", "a"), [containerOf("a", 0)]));
  const after = podStatus(
    inputOf(podOf("Always", "a"), [containerOf("a", 0, dead)], { old: before, nowMs: Date.UTC(2026, 0, 2) }),
  );
  const times = Object.fromEntries(
    (after.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
  );
  assert.equal(times["PodScheduled"], "2026-01-01T00:00:00Z");
  assert.equal(times["Ready"], "2026-01-02T00:00:00Z");
  assert.equal(after.startTime, before.startTime);
});

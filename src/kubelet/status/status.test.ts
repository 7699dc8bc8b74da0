import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { ContainerState, ContainerStatus, Pod, PodStatus } from "#api/generated/types/core-v1.ts";
import { conflictError, serviceUnavailableError } from "#api/meta/status.ts";
import { pods } from "#api/resources.ts";
import { createFakeClient } from "#client/testing/fake-transport.ts";
import { emptyPodRuntime, sortPodRuntime } from "../pleg/pod-runtime.ts";
import { containerAnnotations, containerNameLabel } from "../pods/labels.ts";
import type { ContainerStatus as RuntimeContainer, SandboxStatus } from "../runtime/runtime.ts";
import { podConditions } from "./conditions.ts";
import { phaseOf } from "./phase.ts";
import { finalPodStatus, podStatus, type PodStatusInput } from "./pod-status.ts";
import { StatusManager } from "./status-manager.ts";
import { covers, statusPatch } from "./status-patch.ts";

const running: ContainerState = { running: {} };
const waiting: ContainerState = { waiting: { reason: "ContainerCreating" } };
const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });
const statusOf = (
  name: string,
  state: ContainerState,
  more: Partial<ContainerStatus> = {},
): ContainerStatus => ({
  name,
  state,
  lastState: {},
  ready: state.running !== undefined,
  started: state.running !== undefined,
  restartCount: 0,
  image: "",
  imageID: "",
  ...more,
});
/** "main:running init:0 sidecar:waiting": an exit code means that it ended. */
function statuses(text: string): ContainerStatus[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((part) => {
      const [name = "", what = ""] = part.split(":");
      if (what === "running") return statusOf(name, running);
      if (what === "starting") return statusOf(name, running, { started: false });
      if (what === "waiting") return statusOf(name, waiting);
      if (what.startsWith("again")) {
        return statusOf(name, waiting, { lastState: ended(Number(what.slice(5))) });
      }
      return statusOf(name, ended(Number(what)));
    });
}
const podOf = (restartPolicy: string, main: string, init = ""): Pod => ({
  metadata: { name: "web", namespace: "shop", uid: "u-1", generation: 3 },
  spec: {
    restartPolicy,
    containers: main.split(" ").map((name) => ({ name, image: "app:1" })),
    initContainers: init
      .split(" ")
      .filter(Boolean)
      .map((name) => ({
        name,
        image: "app:1",
        ...(name.startsWith("side") ? { restartPolicy: "Always" } : {}),
      })),
  },
});

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

const conditionCases: readonly (readonly [
  name: string,
  pod: Pod,
  main: string,
  init: string,
  phase: "Pending" | "Running" | "Succeeded" | "Failed",
  expected: string[],
])[] = [
  [
    "all is well",
    podOf("Always", "a"),
    "a:running",
    "",
    "Running",
    ["Initialized True", "Ready True", "ContainersReady True"],
  ],
  [
    "one isn't ready",
    podOf("Always", "a b"),
    "a:running b:waiting",
    "",
    "Pending",
    [
      "Initialized True",
      "Ready False ContainersNotReady containers with unready status: [b]",
      "ContainersReady False ContainersNotReady containers with unready status: [b]",
    ],
  ],
  [
    "nothing is known",
    podOf("Always", "a"),
    "",
    "",
    "Pending",
    [
      "Initialized True",
      "Ready False ContainersNotReady containers with unknown status: [a]",
      "ContainersReady False ContainersNotReady containers with unknown status: [a]",
    ],
  ],
  [
    "initialising",
    podOf("Always", "a", "i j"),
    "a:waiting",
    "i:running j:waiting",
    "Pending",
    [
      "Initialized False ContainersNotInitialized containers with incomplete status: [i j]",
      "Ready False ContainersNotReady containers with unready status: [a]",
      "ContainersReady False ContainersNotReady containers with unready status: [a]",
    ],
  ],
  [
    "succeeded",
    podOf("Never", "a"),
    "a:0",
    "",
    "Succeeded",
    ["Initialized True PodCompleted", "Ready False PodCompleted", "ContainersReady False PodCompleted"],
  ],
  [
    "failed",
    podOf("Never", "a"),
    "a:1",
    "",
    "Failed",
    ["Initialized True", "Ready False PodFailed", "ContainersReady False PodFailed"],
  ],
  [
    "a readiness gate",
    {
      ...podOf("Always", "a"),
      spec: {
        containers: [{ name: "a" }],
        readinessGates: [{ conditionType: "lb" }, { conditionType: "x" }],
      },
      status: { conditions: [{ type: "x", status: "False" }] },
    },
    "a:running",
    "",
    "Running",
    [
      "Initialized True",
      'Ready False ReadinessGatesNotReady corresponding condition of pod readiness gate "lb" does not exist., the status of pod readiness gate "x" is not "True", but False',
      "ContainersReady True",
    ],
  ],
];
for (const [name, pod, main, init, phase, expected] of conditionCases) {
  test(`conditions when ${name}`, () => {
    const initStatuses = statuses(init).map((one) => ({
      ...one,
      ready: one.state?.terminated?.exitCode === 0,
    }));
    const verdicts = podConditions({ pod, phase, initStatuses, statuses: statuses(main), hasSandbox: true });
    assert.deepEqual(
      verdicts
        .slice(1, 4)
        .map(({ type, status, reason, message }) =>
          [type, status, reason, message].filter(Boolean).join(" "),
        ),
      expected,
    );
  });
}

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

async function managed(
  run: (world: {
    manager: StatusManager;
    clock: ManualClock;
    pod: Pod;
    api: ReturnType<typeof createFakeClient>["api"];
    read: () => Promise<Pod>;
    patches: () => number;
  }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const { client, api } = createFakeClient({ clock });
  const pod = await client
    .resource(pods, "shop")
    .create({ ...podOf("Always", "a"), metadata: { name: "web", namespace: "shop" } });
  const manager = new StatusManager({ client, clock, random: new SeededRandom(1), log: silentLogger });
  const read = (): Promise<Pod> => client.resource(pods, "shop").get("web");
  const patches = (): number => api.requests.filter(({ method }) => method === "PATCH").length;
  await run({ manager, clock, pod, api, read, patches });
  manager.close();
}
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await settle();
};

test("statuses set in a row are sent as two: the first and the newest", async () => {
  await managed(async ({ manager, pod, read, patches }) => {
    for (const phase of ["Pending", "A", "B", "Running"]) manager.set(pod, { phase });
    await manager.synced(pod);
    assert.equal((await read()).status?.phase, "Running");
    assert.equal(patches(), 2);
    manager.set(pod, { phase: "Running" });
    await settled();
    assert.equal(patches(), 2, "nothing new, nothing sent");
  });
});

test("a failed write is tried again", async () => {
  await managed(async ({ manager, pod, api, clock, read }) => {
    const heal = api.intercept(({ method }) =>
      method === "PATCH" ? serviceUnavailableError("down") : undefined,
    );
    manager.set(pod, { phase: "Running" });
    await settled();
    heal();
    await clock.advance(1000);
    await settled();
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("a status that somebody overwrote is set right, an old event isn't taken for news", async () => {
  await managed(async ({ manager, pod, api, read, patches }) => {
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    manager.observe(pod);
    await settled();
    assert.equal(patches(), 1);
    const now = await read();
    api.store.put("/pods", "shop/web", { ...now, status: { phase: "Nonsense" } });
    manager.observe(await read());
    await manager.synced(pod);
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("a conflict that isn't about another pod is tried again", async () => {
  await managed(async ({ manager, pod, api, clock, read }) => {
    const conflict = conflictError({ group: "", resource: "pods", name: "web" }, "busy");
    const heal = api.intercept(({ method }) => (method === "PATCH" ? conflict : undefined));
    manager.set(pod, { phase: "Running" });
    await settled();
    heal();
    await clock.advance(1000);
    await settled();
    assert.equal((await read()).status?.phase, "Running");
  });
});

test("another pod of the same name is left alone", async () => {
  await managed(async ({ manager, pod, api, read, patches }) => {
    const now = await read();
    api.store.put("/pods", "shop/web", { ...now, metadata: { ...now.metadata, uid: "another" } });
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    manager.set(pod, { phase: "Failed" });
    await settled();
    assert.equal(patches(), 1);
    assert.equal((await read()).status, undefined);
  });
});

test("what nobody waits for is sent a little later, with what came meanwhile", async () => {
  await managed(async ({ manager, pod, clock, read, patches }) => {
    manager.set(pod, { phase: "Pending" }, "soon");
    await settled();
    assert.equal(patches(), 0);
    await clock.advance(150);
    await settled();
    assert.equal((await read()).status?.phase, "Pending");
    manager.set(pod, { phase: "Pending", message: "m" }, "soon");
    manager.set(pod, { phase: "Running" });
    await clock.advance(1000);
    await settled();
    assert.equal(patches(), 2);
  });
});

test("a pod that is gone ends the sending", async () => {
  await managed(async ({ manager, pod, api, patches }) => {
    api.store.remove("/pods", "shop/web");
    manager.set(pod, { phase: "Running" });
    await manager.synced(pod);
    assert.equal(patches(), 1);
  });
});

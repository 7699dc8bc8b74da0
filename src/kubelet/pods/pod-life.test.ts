/** Whole lives of pods, on the fake runtime. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, Pod } from "#api/generated/types/core-v1.ts";
import { nodes, pods } from "#api/resources.ts";
import type { FakeRuntimeOptions } from "../runtime/fake.ts";
import { Harness, testPod } from "../testing/harness.ts";

type Program = Exclude<ReturnType<Programs>, Error | undefined>;
type Programs = NonNullable<FakeRuntimeOptions["programs"]>;

const never = (): Promise<number> => new Promise<number>(() => undefined);
/** Doesn't care for signals. */
const stubborn: Program = async (process) => {
  for (;;) await process.nextSignal();
};
const exits =
  (code: number): (() => Promise<number>) =>
  () =>
    Promise.resolve(code);
/** Containers run until TERM unless their name says otherwise. */
const byName =
  (programs: Readonly<Record<string, ReturnType<Programs>>>): Programs =>
  ({ kind, container }) =>
    kind === "container" ? programs[container.name] : undefined;

function main(pod: Pod): ContainerStatus {
  const [status] = pod.status?.containerStatuses ?? [];
  assert.ok(status !== undefined);
  return status;
}

const messagesOf = (harness: Harness, reason: string): readonly string[] =>
  harness.events.filter((event) => event.reason === reason).map(({ message }) => message);

async function started(options: ConstructorParameters<typeof Harness>[0] = {}): Promise<Harness> {
  const harness = new Harness(options);
  await harness.start();
  return harness;
}

test("a container that keeps failing restarts at once, then after 10 s, 20 s and so on", async () => {
  await using harness = await started({ runtime: { programs: byName({ main: exits(3) }) } });
  const pod = await harness.create(testPod("crash"));
  const status = main(pod);
  assert.equal(pod.status?.phase, "Running");
  assert.equal(status.restartCount, 1);
  assert.match(
    JSON.stringify(status.state),
    /"reason":"CrashLoopBackOff","message":"back-off 10s restarting failed container=main pod=crash_default\(/,
  );
  assert.equal(status.lastState?.terminated?.exitCode, 3);
  assert.equal(status.lastState.terminated.reason, "Error");
  assert.match(
    messagesOf(harness, "BackOff")[0] ?? "",
    /^Back-off restarting failed container main in pod crash_default\(/,
  );
  const restarts: number[] = [];
  for (const seconds of [9, 1, 19, 1, 39, 1]) {
    await harness.advance(seconds * 1000);
    restarts.push(main(await harness.pod("crash")).restartCount);
  }
  assert.deepEqual(restarts, [1, 2, 2, 3, 3, 4]);
  assert.match(main(await harness.pod("crash")).state?.waiting?.message ?? "", /^back-off 1m20s /);
  assert.equal((await harness.runtime.listContainers()).length, 2, "only the newest two are kept");
});

test("back-off is forgotten after ten quiet minutes", async () => {
  await using harness = await started();
  const pod = await harness.create(testPod("web"));
  const crash = async (): Promise<void> => {
    const running = (await harness.runtime.listContainers()).find(({ state }) => state === "running");
    harness.runtime.crash(running?.id ?? "", 1);
    await harness.settle();
  };
  await crash();
  await crash();
  assert.equal(main(await harness.pod("web")).state?.waiting?.reason, "CrashLoopBackOff");
  await harness.advance(10_000);
  assert.notEqual(main(await harness.pod("web")).state?.running, undefined);
  await harness.advance(11 * 60_000);
  await crash();
  const after = main(await harness.pod("web"));
  assert.notEqual(after.state?.running, undefined, "restarted at once");
  assert.equal(after.restartCount, 3);
  assert.equal(pod.metadata?.name, "web");
});

const endings: readonly (readonly [policy: string, exitCode: number, phase: string, restarts: number])[] = [
  ["Never", 0, "Succeeded", 0],
  ["Never", 1, "Failed", 0],
  ["OnFailure", 0, "Succeeded", 0],
  ["OnFailure", 1, "Running", 1],
  ["Always", 0, "Running", 1],
];
for (const [restartPolicy, exitCode, phase, restarts] of endings) {
  test(`restartPolicy ${restartPolicy} and exit code ${exitCode}: ${phase}`, async () => {
    await using harness = await started({ runtime: { programs: byName({ main: exits(exitCode) }) } });
    const pod = await harness.create(testPod("job", { restartPolicy }));
    assert.equal(pod.status?.phase, phase);
    assert.equal(main(pod).restartCount, restarts);
    if (phase === "Running") return;
    const ready = pod.status.conditions?.find(({ type }) => type === "Ready");
    assert.deepEqual(
      { status: ready?.status, reason: ready?.reason },
      { status: "False", reason: phase === "Succeeded" ? "PodCompleted" : "PodFailed" },
    );
    assert.equal(main(pod).state?.terminated?.reason, exitCode === 0 ? "Completed" : "Error");
    assert.equal((await harness.runtime.listContainers()).length, 1, "its log stays readable");
    await harness.delete("job");
    assert.equal(harness.isGone("job"), true);
    assert.equal((await harness.runtime.listContainers()).length, 0);
  });
}

test("init containers run one after the other before the main ones", async () => {
  const order: string[] = [];
  const programs: Programs = ({ container }) => {
    order.push(container.name);
    return container.name.startsWith("init") ? exits(0) : never;
  };
  await using harness = await started({ runtime: { programs } });
  const initContainers = ["init-1", "init-2"].map((name) => ({ name, image: "app:1" }));
  const pod = await harness.create(testPod("web", { initContainers }));
  assert.deepEqual(order, ["init-1", "init-2", "main"]);
  assert.equal(pod.status?.phase, "Running");
  assert.deepEqual(
    pod.status.initContainerStatuses?.map(({ name, ready, state }) => [
      name,
      ready,
      state?.terminated?.reason,
    ]),
    [
      ["init-1", true, "Completed"],
      ["init-2", true, "Completed"],
    ],
  );
});

test("while an init container runs, the others wait and the pod is Pending", async () => {
  await using harness = await started({ runtime: { programs: byName({ init: never }) } });
  const pod = await harness.create(testPod("web", { initContainers: [{ name: "init", image: "app:1" }] }));
  assert.equal(pod.status?.phase, "Pending");
  assert.equal(main(pod).state?.waiting?.reason, "PodInitializing");
  const initialized = pod.status.conditions?.find(({ type }) => type === "Initialized");
  assert.equal(initialized?.message, "containers with incomplete status: [init]");
});

test("a failing init container fails a pod that doesn't restart", async () => {
  await using harness = await started({ runtime: { programs: byName({ init: exits(1) }) } });
  const pod = await harness.create(
    testPod("web", { restartPolicy: "Never", initContainers: [{ name: "init", image: "app:1" }] }),
  );
  assert.equal(pod.status?.phase, "Failed");
  assert.equal(pod.status.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 1);
});

test("a sidecar runs beside the main containers and doesn't keep a finished pod alive", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  await using harness = await started({ runtime: { programs: byName({ main: () => promise }) } });
  const sidecar = { name: "proxy", image: "app:1", restartPolicy: "Always" };
  const pod = await harness.create(testPod("job", { restartPolicy: "Never", initContainers: [sidecar] }));
  assert.equal(pod.status?.phase, "Running");
  assert.equal(pod.status.initContainerStatuses?.[0]?.started, true);
  resolve(0);
  await harness.settle();
  await harness.advance(0);
  const done = await harness.pod("job");
  assert.equal(done.status?.phase, "Succeeded");
  assert.notEqual(done.status.initContainerStatuses?.[0]?.state?.terminated, undefined);
});

test("an image that can't be pulled: ErrImagePull, then back-off, then another try", async () => {
  let isBroken = true;
  const pull = (): Promise<void> =>
    isBroken ? Promise.reject(new Error("manifest unknown")) : Promise.resolve();
  await using harness = await started({ runtime: { pull } });
  const pod = await harness.create(testPod("web", {}, { image: "nope" }));
  assert.deepEqual(main(pod).state?.waiting, { reason: "ErrImagePull", message: "manifest unknown" });
  assert.equal(pod.status?.phase, "Pending");
  assert.deepEqual(messagesOf(harness, "Failed"), [
    'Failed to pull image "nope": manifest unknown',
    "Error: ErrImagePull",
  ]);
  await harness.advance(1000);
  assert.deepEqual(main(await harness.pod("web")).state?.waiting, {
    reason: "ImagePullBackOff",
    message: 'Back-off pulling image "nope": ErrImagePull: manifest unknown',
  });
  assert.deepEqual(messagesOf(harness, "BackOff"), ['Back-off pulling image "nope"']);
  isBroken = false;
  await harness.advance(10_000);
  assert.equal((await harness.pod("web")).status?.phase, "Running");
});

const refusals: readonly (readonly [name: string, container: object, reason: string, message: RegExp])[] = [
  [
    "an invalid image name",
    { image: "UPPER/case:x y" },
    "InvalidImageName",
    /^Failed to apply default image tag "UPPER\/case:x y": couldn't parse image name/,
  ],
  [
    "an absent image that mustn't be pulled",
    { imagePullPolicy: "Never" },
    "ErrImageNeverPull",
    /^Container image "app:1" is not present with pull policy of Never$/,
  ],
  [
    "a missing config map",
    { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "cfg", key: "a" } } }] },
    "CreateContainerConfigError",
    /^configmap "cfg" not found$/,
  ],
  [
    "a missing secret",
    { envFrom: [{ secretRef: { name: "s" } }] },
    "CreateContainerConfigError",
    /^secret "s" not found$/,
  ],
];
for (const [name, container, reason, message] of refusals) {
  test(`${name}: ${reason}`, async () => {
    await using harness = await started();
    const pod = await harness.create(testPod("web", {}, container));
    const { waiting } = main(pod).state ?? {};
    assert.equal(waiting?.reason, reason);
    assert.match(waiting.message ?? "", message);
    await harness.delete("web");
    assert.equal(harness.isGone("web"), true);
  });
}

test("a command that isn't in the image: RunContainerError", async () => {
  await using harness = await started({
    runtime: { programs: byName({ main: new Error('exec: "nope": executable file not found in $PATH') }) },
  });
  const pod = await harness.create(testPod("web"));
  assert.match(JSON.stringify(main(pod)), /executable file not found/);
  assert.match(messagesOf(harness, "Failed")[0] ?? "", /^Error: .*executable file not found/);
});

test("deletion gives containers their grace period, reports them ended, and removes everything", async () => {
  await using harness = await started({ runtime: { programs: byName({ main: stubborn }) } });
  await harness.create(testPod("slow"));
  await harness.delete("slow", 30);
  await harness.advance(29_000);
  assert.equal(harness.isGone("slow"), false);
  assert.notEqual(main(await harness.pod("slow")).state?.running, undefined);
  await harness.advance(1000);
  assert.equal(harness.isGone("slow"), true);
  assert.deepEqual(messagesOf(harness, "Killing"), ["Stopping container main"]);
});

test("a second deletion with a shorter grace period hastens the end", async () => {
  await using harness = await started({ runtime: { programs: byName({ main: stubborn }) } });
  await harness.create(testPod("slow"));
  await harness.delete("slow", 300);
  await harness.advance(10_000);
  await harness.delete("slow", 5);
  await harness.advance(4000);
  assert.equal(harness.isGone("slow"), false);
  await harness.advance(3000);
  assert.equal(harness.isGone("slow"), true);
});

test("a pod that was deleted by force is stopped although the API forgot it", async () => {
  await using harness = await started({ runtime: { programs: byName({ main: stubborn }) } });
  await harness.create(testPod("web", { terminationGracePeriodSeconds: 5 }));
  await harness.forceDelete("web");
  await harness.advance(6000);
  assert.deepEqual(await harness.runtime.listSandboxes(), []);
});

test("a restarted kubelet keeps what runs and doesn't say anything new about it", async () => {
  await using harness = await started();
  const readinessProbe = { httpGet: { port: 80 }, periodSeconds: 10 };
  await harness.create(testPod("web", {}, { readinessProbe, startupProbe: readinessProbe }));
  await harness.advance(20_000);
  const before = await harness.pod("web");
  assert.equal(main(before).ready, true);
  const containers = await harness.runtime.listContainers();
  const eventsBefore = harness.events.length;
  await harness.restart();
  await harness.advance(30_000);
  const after = await harness.pod("web");
  assert.deepEqual(await harness.runtime.listContainers(), containers);
  assert.deepEqual(after.status, before.status);
  assert.deepEqual(
    harness.events.slice(eventsBefore).filter(({ reason }) => reason !== "Starting"),
    [],
  );
});

test("what happened while the kubelet was away is caught up with", async () => {
  await using harness = await started();
  await harness.create(testPod("gone"));
  await harness.create(testPod("crashed"));
  await harness.stop();
  const containers = await harness.runtime.listContainers();
  const crashed = (await harness.pod("crashed")).status?.containerStatuses?.[0]?.containerID ?? "";
  harness.runtime.crash(containers.find(({ id }) => crashed.endsWith(id))?.id ?? "", 7);
  await harness.forceDelete("gone");
  await harness.start();
  await harness.advance(31_000);
  const pod = await harness.pod("crashed");
  assert.equal(main(pod).restartCount, 1);
  assert.equal(main(pod).lastState?.terminated?.exitCode, 7);
  assert.equal((await harness.runtime.listSandboxes()).length, 1);
});

test("a dead sandbox is replaced, with its containers", async () => {
  await using harness = await started();
  const before = await harness.create(testPod("web"));
  await harness.runtime.stopSandbox((await harness.runtime.listSandboxes())[0]?.id ?? "");
  await harness.settle();
  await harness.advance(10_000);
  const after = await harness.pod("web");
  assert.equal(after.status?.phase, "Running");
  assert.notEqual(after.status.podIP, before.status?.podIP);
  assert.equal(main(after).restartCount, 1);
  assert.equal(after.status.podIPs?.at(-1)?.ip, after.status.podIP);
  assert.deepEqual(messagesOf(harness, "SandboxChanged"), [
    "Pod sandbox changed, it will be killed and re-created.",
  ]);
});

test("activeDeadlineSeconds ends a pod", async () => {
  await using harness = await started();
  await harness.create(testPod("job", { activeDeadlineSeconds: 60 }));
  await harness.advance(59_000);
  assert.equal((await harness.pod("job")).status?.phase, "Running");
  await harness.advance(1000);
  const pod = await harness.pod("job");
  assert.deepEqual(
    { phase: pod.status?.phase, reason: pod.status?.reason, message: pod.status?.message },
    {
      phase: "Failed",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    },
  );
});

test("a pod that doesn't fit is rejected and says why", async () => {
  await using harness = await started();
  const resources = { requests: { cpu: "20" } };
  await harness.create(testPod("first", {}, { resources }));
  const pod = await harness.create(testPod("second", {}, { resources }));
  assert.equal(pod.status?.phase, "Failed");
  assert.equal(pod.status.reason, "OutOfcpu");
  assert.equal(
    pod.status.message,
    "Pod was rejected: Node didn't have enough resource: cpu, requested: 20000, used: 20000, capacity: 32000",
  );
  assert.deepEqual(messagesOf(harness, "OutOfcpu"), [
    "Node didn't have enough resource: cpu, requested: 20000, used: 20000, capacity: 32000",
  ]);
  assert.equal((await harness.runtime.listSandboxes()).length, 1);
  await harness.restart();
  assert.deepEqual((await harness.pod("second")).status, pod.status, "a later kubelet has nothing to add");
  await harness.delete("first");
  const third = await harness.create(testPod("third", {}, { resources }));
  assert.equal(third.status?.phase, "Running", "what a gone pod took is free again");
});

test("hooks: preStop runs before the signal, a failing postStart kills the container", async () => {
  const ran: string[] = [];
  const programs: Programs = ({ kind, command, container }) => {
    if (kind === "container") {
      return async (process) => {
        ran.push(`start ${container.name}`);
        ran.push(`signal ${await process.nextSignal()}`);
        return 0;
      };
    }
    ran.push(`exec ${command.join(" ")}`);
    return exits(command[0] === "bad" ? 1 : 0);
  };
  await using harness = await started({ runtime: { programs } });
  const lifecycle = { preStop: { exec: { command: ["drain"] } } };
  await harness.create(testPod("web", {}, { lifecycle }));
  await harness.delete("web");
  assert.deepEqual(ran, ["start main", "exec drain", "signal TERM"]);
  await harness.create(
    testPod("bad", { restartPolicy: "Never" }, { lifecycle: { postStart: { exec: { command: ["bad"] } } } }),
  );
  assert.deepEqual(messagesOf(harness, "FailedPostStartHook"), ["PostStartHook failed"]);
  assert.equal((await harness.pod("bad")).status?.phase, "Succeeded");
});

test("a new image replaces the container", async () => {
  await using harness = await started();
  await harness.create(testPod("web"));
  const patch = { spec: { containers: [{ name: "main", image: "app:2" }] } };
  await harness.client.resource(pods, "default").patch("web", "strategic", patch);
  await harness.settle();
  const status = main(await harness.pod("web"));
  assert.deepEqual([status.image, status.restartCount, status.ready], ["app:2", 1, true]);
  assert.deepEqual(messagesOf(harness, "Killing"), ["Container main definition changed, will be restarted"]);
});

test("a killed process is reported and restarted; memory that ran out is said so", async () => {
  await using harness = await started();
  const pod = await harness.create(testPod("web"));
  const id = main(pod).containerID?.slice("fake://".length) ?? "";
  harness.runtime.crash(id, 137, "OOMKilled");
  await harness.settle();
  const { lastState, restartCount } = main(await harness.pod("web"));
  assert.deepEqual([lastState?.terminated?.reason, restartCount], ["OOMKilled", 1]);
});

test("a pull that takes long doesn't keep the pod's address from being known", async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  await using harness = await started({ runtime: { pull: () => promise } });
  await harness.create(testPod("web"));
  await harness.advance(150);
  const pulling = await harness.pod("web");
  assert.deepEqual(
    [
      pulling.status?.phase,
      pulling.status?.podIP?.startsWith("10.88."),
      main(pulling).state?.waiting?.reason,
    ],
    ["Pending", true, "ContainerCreating"],
  );
  await harness.delete("web");
  assert.equal(harness.isGone("web"), true, "a deletion doesn't wait for the pull");
  resolve(undefined);
});

test("two pods of different uid under one name don't meet", async () => {
  await using harness = await started();
  const first = await harness.create(testPod("web"));
  await harness.forceDelete("web");
  const second = await harness.create(testPod("web"));
  await harness.settle();
  assert.notEqual(first.metadata?.uid, second.metadata?.uid);
  assert.equal((await harness.pod("web")).status?.phase, "Running");
  const sandboxes = await harness.runtime.listSandboxes();
  assert.deepEqual(
    sandboxes.map(({ uid }) => uid),
    [second.metadata?.uid],
  );
});

test("the lease is renewed every ten seconds, the status is sent when it changes or after five minutes", async () => {
  await using harness = await started();
  const writes = (): { leases: number; statuses: number } => ({
    leases: harness.api.requests.filter(({ method, path }) => method === "PUT" && path.includes("/leases/"))
      .length,
    statuses: harness.api.requests.filter(
      ({ method, path }) => method === "PATCH" && path.includes("/nodes/"),
    ).length,
  });
  const before = writes();
  for (let i = 0; i < 29; i++) await harness.advance(10_000);
  const after = writes();
  assert.equal(after.leases - before.leases, 29);
  assert.equal(after.statuses - before.statuses, 0);
  await harness.advance(10_000);
  assert.equal(writes().statuses - before.statuses, 1);
  harness.runtime.setProblem("it burns");
  await harness.advance(10_000);
  const node = await harness.client.resource(nodes).get("node-a");
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  assert.deepEqual(
    { status: ready?.status, reason: ready?.reason, message: ready?.message },
    { status: "False", reason: "KubeletNotReady", message: "container runtime is down: it burns" },
  );
});

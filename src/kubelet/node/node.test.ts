import assert from "node:assert/strict";
import { test } from "node:test";
import { nodes } from "#api/resources.ts";
import { conflictError, serviceUnavailableError } from "#api/meta/status.ts";
import { Harness, testPod } from "../testing/harness.ts";
import { osName, parseMemInfo } from "./linux-machine.ts";
import type { MachineUse } from "./machine.ts";
import { nodeVerdicts, withHeartbeat } from "./node-conditions.ts";
import { nodeStatus } from "./node-object.ts";

const use: MachineUse = {
  memoryAvailableBytes: 1024n ** 3n,
  storageAvailableBytes: 50n,
  storageBytes: 100n,
  inodesFree: 50n,
  inodes: 100n,
  pidsUsed: 10,
  pidsMax: 1000,
};

const cases: readonly (readonly [name: string, more: Partial<MachineUse>, type: string, expected: string])[] =
  [
    [
      "enough memory",
      {},
      "MemoryPressure",
      "False KubeletHasSufficientMemory kubelet has sufficient memory available",
    ],
    [
      "little memory",
      { memoryAvailableBytes: 99n * 1024n ** 2n },
      "MemoryPressure",
      "True KubeletHasInsufficientMemory kubelet has insufficient memory available",
    ],
    ["enough disk", {}, "DiskPressure", "False KubeletHasNoDiskPressure kubelet has no disk pressure"],
    [
      "little disk",
      { storageAvailableBytes: 9n },
      "DiskPressure",
      "True KubeletHasDiskPressure kubelet has disk pressure",
    ],
    [
      "few inodes",
      { inodesFree: 4n },
      "DiskPressure",
      "True KubeletHasDiskPressure kubelet has disk pressure",
    ],
    [
      "a file system without inodes",
      { inodesFree: 0n, inodes: 0n },
      "DiskPressure",
      "False KubeletHasNoDiskPressure kubelet has no disk pressure",
    ],
    [
      "few pids",
      { pidsUsed: 960 },
      "PIDPressure",
      "True KubeletHasInsufficientPID kubelet has insufficient PID available",
    ],
  ];
for (const [name, more, type, expected] of cases) {
  test(`node with ${name}`, () => {
    const verdicts = nodeVerdicts({
      use: { ...use, ...more },
      runtimeProblem: undefined,
      networkProblem: undefined,
    });
    const found = verdicts.find((one) => one.type === type);
    assert.equal(`${found?.status} ${found?.reason} ${found?.message}`, expected);
  });
}

test("a node whose runtime and network are down says both", () => {
  const ready = nodeVerdicts({ use, runtimeProblem: "gone", networkProblem: "no range" }).at(-1);
  assert.equal(
    ready?.message,
    "[container runtime is down: gone, container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no range]",
  );
});

test("a condition keeps its transition while its status stays", () => {
  const old = [{ type: "Ready", status: "True", lastTransitionTime: "then" }];
  const [kept, changed] = [
    withHeartbeat([{ type: "Ready", status: "True" }], old, "now"),
    withHeartbeat([{ type: "Ready", status: "False" }], old, "now"),
  ].map(([condition]) => `${condition?.lastHeartbeatTime} ${condition?.lastTransitionTime}`);
  assert.deepEqual([kept, changed], ["now then", "now now"]);
});

test("a machine's memory and name", () => {
  const memory = parseMemInfo("MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n");
  assert.equal(memory("MemTotal"), 16_384_000_000n);
  assert.equal(memory("Nothing"), 0n);
  assert.equal(osName('NAME=x\nPRETTY_NAME="Debian GNU/Linux 12"\n'), "Debian GNU/Linux 12");
  assert.equal(osName("PRETTY_NAME=Plain\n"), "Plain");
  assert.equal(osName(""), "Linux");
});

test("capacity in the units users know; huge pages are taken from what pods may have", () => {
  const status = nodeStatus({
    identity: {
      name: "n",
      ips: ["10.0.0.1", "fd00::1"],
      labels: {},
      taints: [],
      kubeletPort: 10250,
      podsMax: 110,
    },
    facts: {
      architecture: "amd64",
      kernelVersion: "6",
      osImage: "os",
      machineId: "m",
      systemUuid: "s",
      bootId: "b",
      cpus: 4,
      memoryBytes: 8n * 1024n ** 3n,
      swapBytes: 0n,
      storageBytes: 100_000n,
      hugepages: { "2Mi": 1024n ** 3n },
      oomScoreMin: 0,
    },
    images: [
      {
        id: "sha256:a",
        tags: ["small:1"],
        digests: ["small@sha256:x"],
        sizeBytes: 1,
        user: "",
        pinned: false,
      },
      { id: "sha256:b", tags: ["large:1"], digests: [], sizeBytes: 2, user: "", pinned: false },
    ],
    runtime: { name: "docker", version: "20.10" },
  });
  assert.deepEqual(status.capacity, {
    cpu: "4",
    "ephemeral-storage": "100k",
    memory: "8Gi",
    pods: "110",
    "hugepages-2Mi": "1Gi",
  });
  assert.deepEqual(
    [status.allocatable?.["memory"], status.allocatable?.["ephemeral-storage"]],
    ["7068Mi", "90k"],
  );
  assert.deepEqual(status.addresses, [
    { type: "InternalIP", address: "10.0.0.1" },
    { type: "InternalIP", address: "fd00::1" },
    { type: "Hostname", address: "n" },
  ]);
  assert.deepEqual(
    status.images?.map(({ names }) => names),
    [["large:1"], ["small@sha256:x", "small:1"]],
  );
  assert.equal(status.nodeInfo?.containerRuntimeVersion, "docker://20.10");
});

test("a node that exists already keeps its taints and gets the labels it lacks", async () => {
  const node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node-a", labels: { mine: "yes" } },
    spec: { podCIDR: "10.42.7.0/24", taints: [{ key: "busy", effect: "NoSchedule" }] },
  };
  await using harness = new Harness({ objects: [node] });
  await harness.start();
  const { metadata, spec, status } = await harness.node();
  assert.equal(metadata?.labels?.["mine"], "yes");
  assert.equal(metadata.labels["kubernetes.io/arch"], "amd64");
  assert.deepEqual(spec, node.spec);
  assert.equal(status?.conditions?.at(-1)?.status, "True");
});

test("registration is tried until the API answers", async () => {
  const harness = new Harness();
  const heal = harness.api.intercept(({ method, path }) =>
    method === "POST" && path === "/api/v1/nodes" ? serviceUnavailableError("starting") : undefined,
  );
  const started = harness.start();
  await assert.rejects(started);
  heal();
  await harness.advance(1000);
  assert.equal((await harness.node()).metadata?.name, "node-a");
  await harness.stop();
});

test("a deleted node comes back; a lease that somebody else wrote is read again", async () => {
  await using harness = new Harness();
  await harness.start();
  await harness.client.resource(nodes).delete("node-a");
  let conflicts = 0;
  harness.api.intercept(({ method, path }) => {
    if (method !== "PUT" || !path.includes("/leases/") || conflicts > 0) return undefined;
    conflicts += 1;
    return conflictError({ group: "coordination.k8s.io", resource: "leases", name: "node-a" }, "changed");
  });
  for (let i = 0; i < 31; i++) await harness.advance(10_000);
  assert.equal((await harness.node()).metadata?.name, "node-a");
  assert.equal(conflicts, 1);
  const renewals = harness.api.requests.filter(
    ({ method, path }) => method === "PUT" && path.includes("/leases/"),
  );
  assert.equal(renewals.length, 32, "one for each beat, and the one that was refused");
});

const away = (): Promise<never> => Promise.reject(new Error("connect ENOENT docker.sock"));
test("a runtime that is away makes the node not ready; its version and images are not forgotten", async () => {
  await using harness = new Harness({ runtime: { images: ["app:1"] } });
  await harness.start();
  Object.assign(harness.runtime, { status: away, version: away, listImages: away });
  await harness.advance(10_000);
  const { conditions, nodeInfo, images } = (await harness.node()).status ?? {};
  assert.equal(conditions?.at(-1)?.message, "container runtime is down: connect ENOENT docker.sock");
  assert.equal(nodeInfo?.containerRuntimeVersion, "fake://1.0.0");
  assert.equal(images?.length, 1);
});

test("pods wait for a network that isn't ready, and start as soon as it is", async () => {
  let problem: string | undefined = "no pod CIDR";
  await using harness = new Harness();
  harness.runtime.status = () => Promise.resolve({ runtime: undefined, network: problem });
  await harness.start();
  const ready = (await harness.node()).status?.conditions?.at(-1);
  assert.deepEqual([ready?.status, ready?.reason], ["False", "KubeletNotReady"]);
  await harness.create(testPod("web"));
  await harness.advance(150);
  const pod = await harness.pod("web");
  assert.equal(pod.status?.phase, "Pending");
  assert.equal(
    harness.events.find(({ reason }) => reason === "NetworkNotReady")?.message,
    "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no pod CIDR",
  );
  const onHost = await harness.create(testPod("host", { hostNetwork: true }));
  assert.equal(onHost.status?.phase, "Running");
  assert.equal(onHost.status.podIP, "192.168.1.10");
  problem = undefined;
  await harness.advance(5000);
  assert.equal((await harness.pod("web")).status?.phase, "Running");
  assert.equal((await harness.node()).status?.conditions?.at(-1)?.status, "True");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Harness, testPod } from "./testing/harness.ts";

test("a node registers with its labels, addresses, capacity and the taint of a node that isn't ready yet", async () => {
  await using harness = new Harness();
  await harness.start();
  const node = await harness.node();
  const { labels = {} } = node.metadata ?? {};
  const { capacity = {}, nodeInfo, conditions = [] } = node.status ?? {};
  assert.deepEqual(
    { hostname: labels["kubernetes.io/hostname"], os: labels["kubernetes.io/os"] },
    { hostname: "node-a", os: "linux" },
  );
  assert.deepEqual(node.spec?.taints, [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }]);
  assert.equal(capacity["cpu"], "32");
  assert.equal(nodeInfo?.containerRuntimeVersion, "fake://1.0.0");
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => `${type}=${status} ${reason ?? ""}`),
    [
      "MemoryPressure=False KubeletHasSufficientMemory",
      "DiskPressure=False KubeletHasNoDiskPressure",
      "PIDPressure=False KubeletHasSufficientPID",
      "Ready=True KubeletReady",
    ],
  );
});

test("a pod runs and is deleted", async () => {
  await using harness = new Harness();
  await harness.start();
  const pod = await harness.create(testPod("web"));
  const { phase, containerStatuses = [], podIP = "", qosClass, conditions = [] } = pod.status ?? {};
  assert.equal(phase, "Running");
  assert.deepEqual(
    containerStatuses.map(({ name, ready, started, restartCount }) => ({
      name,
      ready,
      started,
      restartCount,
    })),
    [{ name: "main", ready: true, started: true, restartCount: 0 }],
  );
  assert.match(containerStatuses[0]?.containerID ?? "", /^fake:\/\/[0-9a-f]{64}$/);
  assert.match(podIP, /^10\.88\./);
  assert.equal(qosClass, "BestEffort");
  assert.deepEqual(
    conditions.map(({ type, status }) => `${type}=${status}`),
    [
      "PodReadyToStartContainers=True",
      "Initialized=True",
      "Ready=True",
      "ContainersReady=True",
      "PodScheduled=True",
    ],
  );
  assert.deepEqual(harness.reasons(), [
    "NodeHasSufficientMemory",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientPID",
    "Starting",
    "Pulling",
    "Pulled",
    "Created",
    "Started",
  ]);

  await harness.delete("web");
  assert.equal(harness.isGone("web"), true);
  assert.deepEqual(await harness.runtime.listSandboxes(), []);
  assert.deepEqual(await harness.runtime.listContainers(), []);
  assert.equal(harness.reasons().at(-1), "Killing");
});

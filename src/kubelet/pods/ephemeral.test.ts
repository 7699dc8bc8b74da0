/** Containers that `kubectl debug` adds to a pod, on the fake runtime. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EphemeralContainer, Pod } from "#api/generated/types/core-v1.ts";
import { pods } from "#api/resources.ts";
import { Harness, testPod } from "../testing/harness.ts";

async function debugged(
  harness: Harness,
  pod: Pod,
  containers: readonly EphemeralContainer[],
): Promise<NonNullable<Pod["status"]>> {
  await harness.create(pod);
  const name = pod.metadata?.name ?? "";
  await harness.client
    .resource(pods, "default")
    .patch(name, "merge", { spec: { ephemeralContainers: containers } });
  await harness.settle();
  return (await harness.pod(name)).status ?? {};
}

const debuggerOf = (more: Partial<EphemeralContainer> = {}): EphemeralContainer => ({
  name: "debugger",
  image: "tools:1",
  ...more,
});

test("it runs beside the others, and is neither ready nor counted", async () => {
  await using harness = new Harness();
  await harness.start();
  const status = await debugged(harness, testPod("web"), [debuggerOf({ targetContainerName: "main" })]);
  const [{ state, ready, restartCount, name } = assert.fail("no status")] =
    status.ephemeralContainerStatuses ?? [];
  assert.deepEqual({ name, ready, restartCount }, { name: "debugger", ready: false, restartCount: 0 });
  assert.notEqual(state?.running, undefined);
  assert.equal(status.conditions?.find(({ type }) => type === "Ready")?.status, "True");
  assert.equal(
    harness.events.findLast(({ reason }) => reason === "Started")?.fieldPath,
    "spec.ephemeralContainers{debugger}",
  );
  await harness.delete("web");
  assert.equal(harness.isGone("web"), true);
  assert.deepEqual(await harness.runtime.listContainers(), []);
});

test("one that ended isn't started again, and the pod goes on", async () => {
  await using harness = new Harness({
    runtime: {
      programs: ({ kind, container }) =>
        kind === "container" && container.name === "debugger" ? () => Promise.resolve(3) : undefined,
    },
  });
  await harness.start();
  await debugged(harness, testPod("web"), [debuggerOf()]);
  await harness.advance(60_000);
  const { status } = await harness.pod("web");
  const [ended] = status?.ephemeralContainerStatuses ?? [];
  assert.deepEqual([ended?.state?.terminated?.exitCode, ended?.restartCount], [3, 0]);
  assert.equal(status?.phase, "Running");
  assert.equal((await harness.runtime.listContainers()).length, 2);
});

test("it starts while init containers still run", async () => {
  await using harness = new Harness();
  await harness.start();
  const pod = testPod("web", { initContainers: [{ name: "init", image: "app:1" }] });
  const status = await debugged(harness, pod, [debuggerOf()]);
  assert.equal(status.phase, "Pending");
  assert.notEqual(status.ephemeralContainerStatuses?.[0]?.state?.running, undefined);
});

test("a target that isn't there keeps it waiting, and says so", async () => {
  await using harness = new Harness();
  await harness.start();
  const status = await debugged(harness, testPod("web"), [debuggerOf({ targetContainerName: "none" })]);
  assert.deepEqual(status.ephemeralContainerStatuses?.[0]?.state?.waiting, {
    reason: "CreateContainerConfigError",
    message: "unable to find target container none",
  });
});

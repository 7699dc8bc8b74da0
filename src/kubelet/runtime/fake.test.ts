import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { SeededRandom } from "#base/random.ts";
import { FakeRuntime } from "./fake.ts";
import { RuntimeError, type Runtime } from "./runtime.ts";
import { runtimeSuite } from "./testing/runtime.suite.ts";
import { fakeProgramOf } from "./testing/scripts.ts";
import { SuiteWorld } from "./testing/suite-world.ts";

const directory = mkdtempSync(join(tmpdir(), "mini-k8s-fake-"));
after(() => {
  rmSync(directory, { recursive: true });
});
const image = "busybox:1.36";
const options = { image, directory, isReal: false, canBePrivileged: false, cgroupParent: "/suite" };

const shared = new FakeRuntime(
  { programs: fakeProgramOf, images: [image], logs: "files" },
  { clock: systemClock, random: new SeededRandom(1) },
);
runtimeSuite("fake", () => Promise.resolve(shared), options);

function manual(): { clock: ManualClock; runtime: FakeRuntime; world: Promise<SuiteWorld> } {
  const clock = new ManualClock();
  const runtime = new FakeRuntime({ images: [image], logs: "none" }, { clock, random: new SeededRandom(2) });
  return {
    clock,
    runtime,
    world: SuiteWorld.create(options, (): Promise<Runtime> => Promise.resolve(runtime)),
  };
}

test("fake: a grace period passes with the clock it is given", async () => {
  const clock = new ManualClock();
  const deps = { clock, random: new SeededRandom(3) };
  const runtime = new FakeRuntime({ programs: fakeProgramOf, images: [image], logs: "none" }, deps);
  const world = await SuiteWorld.create(options, (): Promise<Runtime> => Promise.resolve(runtime));
  const { id } = await world.start("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  const stopping = runtime.stopContainer(id, 30_000);
  await clock.advance(29_999);
  assert.equal((await runtime.containerStatus(id)).state, "running");
  await clock.advance(1);
  await stopping;
  const { exitCode, finishedAt, startedAt } = await runtime.containerStatus(id);
  assert.deepEqual([exitCode, finishedAt - startedAt], [137, 30_000_000_000n]);
});

test("fake: crash ends a process as the kernel would", async () => {
  const { runtime, world } = manual();
  const { id } = await (await world).start("anything");
  runtime.crash(id, 137, "OOMKilled");
  await settle();
  const { state, exitCode, reason } = await runtime.containerStatus(id);
  assert.deepEqual([state, exitCode, reason], ["exited", 137, "OOMKilled"]);
});

test("fake: a problem makes starts fail until it is healed", async () => {
  const { runtime, world } = manual();
  const suite = await world;
  runtime.setProblem("disk on fire");
  assert.equal((await runtime.status()).runtime, "disk on fire");
  await assert.rejects(suite.start("anything"), { code: "unavailable", message: "disk on fire" });
  runtime.setProblem(undefined);
  await suite.start("anything");
});

const pull = (): Promise<void> => Promise.reject(new RuntimeError("not-found", "nowhere:1: not found"));

test("fake: pulls fail as they are told", async () => {
  const deps = { clock: new ManualClock(), random: new SeededRandom(4) };
  const runtime = new FakeRuntime({ pull, logs: "none" }, deps);
  await assert.rejects(runtime.pullImage("nowhere:1", undefined, AbortSignal.timeout(1000)), {
    code: "not-found",
  });
  assert.deepEqual(await runtime.listImages(), []);
});

test("fake: thousands of pods", async () => {
  const { runtime, world } = manual();
  const suite = await world;
  const pods = 5_000;
  for (let i = 0; i < pods; i++) await suite.start("anything");
  assert.equal((await runtime.listContainers()).filter(({ state }) => state === "running").length, pods);
  const addresses = new Set((await runtime.listSandboxes()).map(({ ip }) => ip));
  assert.equal(addresses.size, pods);
});

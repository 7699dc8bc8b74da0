/** SIGKILL for whoever looks after containers, in the middle of their output: nothing is lost, nothing comes twice. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import Dockerode from "dockerode";
import { openRuntime, type OpenRuntimeOptions } from "../../src/kubelet/runtime/open.ts";
import type { Runtime } from "../../src/kubelet/runtime/runtime.ts";
import { parseLog, SuiteWorld } from "../../src/kubelet/runtime/testing/suite-world.ts";
import { removeCgroups } from "./cgroups.ts";
import { Dockerd } from "./dockerd.ts";
import { LoopbackNetwork, makeDirectories, realDeps } from "./machine.ts";
import { Remains } from "./remains.ts";

const ticksMax = 150;
/** Two lines a tick, one of them without its newline at once; ends with 9. */
const ticking = `i=0; while [ $i -lt ${ticksMax} ]; do i=$((i+1)); printf $i; sleep 0.01; echo; sleep 0.01; done; exit 9`;
/** A daemon that ends forgets the beginning of a line it has read: whole lines only. */
const tickingWhole = `i=0; while [ $i -lt ${ticksMax} ]; do i=$((i+1)); echo $i; sleep 0.02; done; exit 9`;
const connectDocker = (address: object): Promise<Dockerode> => Promise.resolve(new Dockerode(address));

async function open(options: OpenRuntimeOptions): Promise<Runtime> {
  return (await openRuntime(options, { ...realDeps(new LoopbackNetwork()), connectDocker })).runtime;
}

async function hold(options: OpenRuntimeOptions): Promise<ChildProcess> {
  const holder = join(import.meta.dirname, "holder.ts");
  const child = spawn(process.execPath, [holder, JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** A world whose driver lives in another process, killed once each of these lines is written. */
async function killAt(
  world: SuiteWorld,
  options: OpenRuntimeOptions,
  lines: readonly number[],
): Promise<void> {
  const { id } = await world.start(ticking);
  await world.reopenAfter(async () => {
    for (const line of lines) {
      const child = await hold(options);
      await world.fileSays(id, `stdout F ${line}\n`);
      await kill(child);
    }
  });
  const { exitCode, reason } = await world.ended(id);
  assert.deepEqual([exitCode, reason], [9, "Error"]);
  await world.logged(id, `stdout F ${ticksMax}\n`);
  checkTicks(await world.logText(id));
}

function checkTicks(log: string): void {
  assert.deepEqual(
    parseLog(log).map(({ text }) => Number(text)),
    Array.from({ length: ticksMax }, (_, i) => i + 1),
  );
}

async function worldOf(root: string, options: OpenRuntimeOptions, cgroupParent: string): Promise<SuiteWorld> {
  const real = { image: "busybox:1.36", directory: root, isReal: true, canBePrivileged: false, cgroupParent };
  return SuiteWorld.create(real, () => open(options));
}

test("embedded: the server is killed again and again", async () => {
  using directories = makeDirectories("survival");
  const cgroupParent = "/mini-k8s-survival-embedded";
  const remains = new Remains([directories.root, cgroupParent]);
  const { root, dataDir, stateDir } = directories;
  const options = { kind: "embedded", dataDir, stateDir } as const;
  const world = await worldOf(root, options, cgroupParent);
  await killAt(world, options, [10, 40, 70]);
  await world.clear();
  await world.runtime.close();
  removeCgroups(cgroupParent);
  assert.deepEqual(remains.list(), []);
});

test("embedded: a killed shim is a container with an unknown end, and nothing of it goes on", async () => {
  using directories = makeDirectories("survival");
  const cgroupParent = "/mini-k8s-survival-shim";
  const remains = new Remains([directories.root, cgroupParent]);
  const { root, dataDir, stateDir } = directories;
  const world = await worldOf(root, { kind: "embedded", dataDir, stateDir }, cgroupParent);
  const { id } = await world.start(ticking);
  const { pid } = await world.runtime.containerStatus(id);
  const [, parent = "0"] = /^PPid:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  process.kill(Number(parent), "SIGKILL");
  const { exitCode, reason } = await world.ended(id);
  assert.deepEqual([exitCode, reason], [255, "Unknown"]);
  await world.clear();
  await world.runtime.close();
  removeCgroups(cgroupParent);
  assert.deepEqual(remains.list(), []);
});

test("docker: the server is killed again and again, and then the daemon", async () => {
  using directories = makeDirectories("survival");
  const cgroupParent = "/mini-k8s-survival-docker";
  const remains = new Remains([directories.root, cgroupParent]);
  const { root, dataDir, stateDir } = directories;
  const dockerd = new Dockerd(join(root, "docker"), (socketPath) => new Dockerode({ socketPath }));
  const options = { kind: "docker", dataDir, stateDir, dockerHost: `unix://${dockerd.socket}` } as const;
  await dockerd.start();
  let world: SuiteWorld | undefined;
  try {
    world = await worldOf(root, options, cgroupParent);
    await killAt(world, options, [10, 40]);
    const { id } = await world.start(tickingWhole);
    await world.logged(id, "stdout F 20\n");
    await dockerd.kill("SIGTERM");
    await dockerd.start();
    assert.equal((await world.ended(id)).exitCode, 9);
    await world.logged(id, `stdout F ${ticksMax}\n`);
    checkTicks(await world.logText(id));
    await world.clear();
  } finally {
    await world?.runtime.close();
    await dockerd.stop();
  }
  removeCgroups(cgroupParent);
  assert.deepEqual(remains.list(), []);
});

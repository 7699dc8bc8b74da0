/** The runtime suite over the daemonless driver: real namespaces, overlays and cgroups. Needs root. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { openRuntime } from "../../src/kubelet/runtime/open.ts";
import type { Runtime } from "../../src/kubelet/runtime/runtime.ts";
import { runtimeSuite } from "../../src/kubelet/runtime/testing/runtime.suite.ts";
import { removeCgroups } from "./cgroups.ts";
import { LoopbackNetwork, makeDirectories, realDeps } from "./machine.ts";
import { Remains } from "./remains.ts";

const cgroupParent = "/mini-k8s-suite-embedded";
const directories = makeDirectories("embedded");
const remains = new Remains([directories.root, cgroupParent]);
const network = new LoopbackNetwork();

const connectDocker = (): never => assert.fail("nobody asked for docker");

async function open(): Promise<Runtime> {
  const { dataDir, stateDir } = directories;
  const deps = { ...realDeps(network), connectDocker };
  return (await openRuntime({ kind: "embedded", dataDir, stateDir }, deps)).runtime;
}

runtimeSuite("embedded", open, {
  image: "busybox:1.36",
  directory: directories.root,
  isReal: true,
  canBePrivileged: true,
  cgroupParent,
});

after(() => {
  removeCgroups(cgroupParent);
  assert.deepEqual([...network.attached], []);
  directories[Symbol.dispose]();
  assert.deepEqual(remains.list(), []);
});

/** The runtime suite over a real Docker daemon. Needs root and Debian's docker.io. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";
import Dockerode from "dockerode";
import { openRuntime } from "../../src/kubelet/runtime/open.ts";
import type { Runtime } from "../../src/kubelet/runtime/runtime.ts";
import { runtimeSuite } from "../../src/kubelet/runtime/testing/runtime.suite.ts";
import { removeCgroups } from "./cgroups.ts";
import { Dockerd } from "./dockerd.ts";
import { hasCapability, LoopbackNetwork, makeDirectories, realDeps } from "./machine.ts";
import { Remains } from "./remains.ts";

const cgroupParent = "/mini-k8s-suite-docker";
const directories = makeDirectories("docker");
const remains = new Remains([directories.root, cgroupParent]);
const network = new LoopbackNetwork();
const dockerd = new Dockerd(join(directories.root, "docker"), (socketPath) => new Dockerode({ socketPath }));

const connectDocker = (address: object): Promise<Dockerode> => Promise.resolve(new Dockerode(address));

async function open(): Promise<Runtime> {
  const { dataDir, stateDir } = directories;
  const deps = { ...realDeps(network), connectDocker };
  const options = { kind: "docker", dataDir, stateDir, dockerHost: `unix://${dockerd.socket}` } as const;
  return (await openRuntime(options, deps)).runtime;
}

before(() => dockerd.start());

runtimeSuite("docker", open, {
  image: "busybox:1.36",
  directory: directories.root,
  isReal: true,
  canBePrivileged: hasCapability("CAP_SYS_RESOURCE"),
  cgroupParent,
});

after(async () => {
  await dockerd.stop();
  removeCgroups(cgroupParent);
  assert.deepEqual([...network.attached], []);
  directories[Symbol.dispose]();
  assert.deepEqual(remains.list(), []);
});

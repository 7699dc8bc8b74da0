/** Ends and removes every pod of this node and what was made for them, when the node goes for good. */
import type { Logger } from "#base/log.ts";
import { SystemMounts } from "./host/mounts.ts";
import { complete, type KubeletOptions, type KubeletRuntime } from "./options.ts";
import { kubeletRootLabel } from "./pods/labels.ts";
import { PodCgroups } from "./resources/pod-cgroups.ts";
import { openRuntime, type OpenRuntimeDeps } from "./runtime/open.ts";
import { RuntimeError, type Runtime } from "./runtime/runtime.ts";

/** The kubelet of this root must not be running. */
export async function removePods(options: KubeletOptions, deps: OpenRuntimeDeps): Promise<void> {
  const full = complete(options);
  for (const kind of kindsOf(full.runtime)) {
    const runtime = await openIfThere(full, kind, deps);
    if (runtime === undefined) continue;
    await removeSandboxes(runtime, full.rootDir, deps.log);
    await runtime.close();
  }
  const mounts = new SystemMounts();
  for (const folder of [full.rootDir, full.runtimeStateDir, full.runtimeDataDir]) {
    for (const mount of await mounts.below(folder)) await mounts.unmount(mount);
  }
  const cgroups = await PodCgroups.open({ root: full.cgroupRoot, cpus: 1 }, deps.log);
  await cgroups?.removeAll();
}

/** What once ran with another runtime than today's is found too. */
const kindsOf = (runtime: KubeletRuntime): readonly KubeletRuntime[] =>
  runtime === "auto" ? ["embedded", "docker"] : [runtime];

async function openIfThere(
  options: ReturnType<typeof complete>,
  kind: KubeletRuntime,
  deps: OpenRuntimeDeps,
): Promise<Runtime | undefined> {
  const { runtimeDataDir: dataDir, runtimeStateDir: stateDir, runtimeEndpoint } = options;
  const runcPath = options.runcPath === "" ? undefined : options.runcPath;
  const dockerHost = kind === "docker" && runtimeEndpoint !== "" ? runtimeEndpoint : undefined;
  try {
    const { runtime } = await openRuntime({ kind, dataDir, stateDir, dockerHost, runcPath }, deps);
    // Docker is reached for the first time here.
    await runtime.version();
    return runtime;
  } catch (error) {
    if (options.runtime === "auto" && error instanceof RuntimeError) return undefined;
    throw error;
  }
}

async function removeSandboxes(runtime: Runtime, root: string, log: Logger): Promise<void> {
  const sandboxes = await runtime.listSandboxes();
  for (const sandbox of sandboxes.filter(({ labels }) => labels[kubeletRootLabel] === root)) {
    const containers = await runtime.listContainers();
    for (const container of containers.filter(({ sandboxId }) => sandboxId === sandbox.id)) {
      await runtime.stopContainer(container.id, graceMs);
    }
    await runtime.stopSandbox(sandbox.id);
    await runtime.removeSandbox(sandbox.id);
    log.info("pod removed", { namespace: sandbox.namespace, pod: sandbox.name });
  }
}

const graceMs = 2000;

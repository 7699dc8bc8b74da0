/** Removes what nobody will look at again: all but the newest two instances of a container, and emptied sandboxes. upstream: pkg/kubelet/kuberuntime/kuberuntime_gc.go */
import { containerNameOf, isAlive, type PodRuntime } from "../pleg/pod-runtime.ts";
import type { ContainerStatus } from "../runtime/runtime.ts";
import type { WorkerDeps } from "./worker-deps.ts";

/** The one that counts and the one before it, for `logs --previous`. */
const keptPerContainer = 2;

export function deadToPrune(runtime: PodRuntime): readonly ContainerStatus[] {
  const seen = new Map<string, number>();
  return runtime.containers.filter((status) => {
    const name = containerNameOf(status);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count > keptPerContainer && !isAlive(status);
  });
}

export async function pruneDead(uid: string, runtime: PodRuntime, deps: WorkerDeps): Promise<void> {
  const dead = deadToPrune(runtime);
  for (const { id, logPath } of dead) {
    await deps.runtime.removeContainer(id);
    if (logPath !== "") await deps.host.removeContainerLog(logPath);
  }
  const left = runtime.containers.filter((status) => !dead.includes(status));
  const empty = runtime.sandboxes
    .slice(1)
    .filter(({ id, state }) => state !== "ready" && !left.some(({ sandboxId }) => sandboxId === id));
  for (const { id } of empty) await deps.runtime.removeSandbox(id);
  if (dead.length + empty.length > 0) deps.cache.note(uid);
}

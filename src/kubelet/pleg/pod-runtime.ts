/** What the runtime knows of one pod. */
import type { ContainerStatus, SandboxStatus } from "../runtime/runtime.ts";
import { containerNameLabel } from "../pods/labels.ts";

export interface PodRuntime {
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** Newest first, those of earlier sandboxes included. */
  readonly containers: readonly ContainerStatus[];
}

export const emptyPodRuntime: PodRuntime = { sandboxes: [], containers: [] };

const newestFirst = (
  a: { readonly createdAt: bigint; readonly attempt: number },
  b: { readonly createdAt: bigint; readonly attempt: number },
): number => (a.createdAt === b.createdAt ? b.attempt - a.attempt : a.createdAt < b.createdAt ? 1 : -1);

export function sortPodRuntime(
  sandboxes: Iterable<SandboxStatus>,
  containers: Iterable<ContainerStatus>,
): PodRuntime {
  return {
    sandboxes: [...sandboxes].toSorted(newestFirst),
    containers: [...containers].toSorted(newestFirst),
  };
}

export const containerNameOf = ({ labels, name }: ContainerStatus): string =>
  labels[containerNameLabel] ?? name;

/** The newest container of that name, in any sandbox. */
export function latestContainer(runtime: PodRuntime, name: string): ContainerStatus | undefined {
  return runtime.containers.find((container) => containerNameOf(container) === name);
}

export const isAlive = ({ state }: ContainerStatus): boolean => state === "running" || state === "unknown";

/** The sandbox that counts: the newest, when it is ready. */
export function readySandbox({ sandboxes }: PodRuntime): SandboxStatus | undefined {
  const newest = sandboxes[0];
  return newest?.state === "ready" ? newest : undefined;
}

/** Whether anything observable differs: states, addresses, exit codes. */
export function samePodRuntime(a: PodRuntime, b: PodRuntime): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint({ sandboxes, containers }: PodRuntime): string {
  const parts = sandboxes.map(({ id, state, ip }) => `${id}:${state}:${ip}`);
  for (const { id, state, startedAt, exitCode, reason } of containers) {
    parts.push(`${id}:${state}:${startedAt}:${exitCode}:${reason}`);
  }
  return parts.join("\n");
}

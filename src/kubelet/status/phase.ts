/** A pod's phase out of its containers' states. upstream: pkg/kubelet/kubelet_pods.go getPhase */
import type { Container, ContainerStatus, Pod } from "#api/generated/types/core-v1.ts";
import { unreachable } from "#base/assert.ts";
import { initContainers, isSidecar, mainContainers } from "../pods/pod.ts";
import { restartPolicyOf } from "../pods/restart.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";

export interface PhaseInput {
  readonly pod: Pod;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** Nothing will be started any more. */
  readonly isTerminating: boolean;
  /** The Initialized condition was true once. */
  readonly hasInitialized: boolean;
}

type Kind = "unknown" | "waiting" | "running" | "succeeded" | "failed";

function kindOf(statuses: readonly ContainerStatus[], { name }: Container): Kind {
  const status = statuses.find((one) => one.name === name);
  const state = status?.state;
  if (state?.running !== undefined) return "running";
  const ended =
    state?.terminated ?? (state?.waiting === undefined ? undefined : status?.lastState?.terminated);
  if (ended !== undefined) return ended.exitCode === 0 ? "succeeded" : "failed";
  return state?.waiting === undefined ? "unknown" : "waiting";
}

interface InitCount {
  pending: number;
  failedForGood: boolean;
  pendingSidecars: number;
  waiting: number;
  running: number;
  unknown: number;
}

function countInit({ pod, initStatuses }: PhaseInput): InitCount {
  const count: InitCount = {
    pending: 0,
    failedForGood: false,
    pendingSidecars: 0,
    waiting: 0,
    running: 0,
    unknown: 0,
  };
  for (const container of initContainers(pod)) {
    const status = initStatuses.find(({ name }) => name === container.name);
    const kind = kindOf(initStatuses, container);
    if (isSidecar(container)) countSidecar(count, kind, status?.started === true);
    else if (kind === "failed") count.failedForGood ||= restartPolicyOf(pod, container) === "Never";
    else if (kind !== "succeeded") count.pending += 1;
  }
  return count;
}

function countSidecar(mutable: InitCount, kind: Kind, hasStarted: boolean): void {
  switch (kind) {
    case "running":
      mutable.running += 1;
      if (!hasStarted) mutable.pendingSidecars += 1;
      return;
    case "waiting":
      mutable.waiting += 1;
      mutable.pendingSidecars += 1;
      return;
    case "unknown":
      mutable.unknown += 1;
      mutable.pendingSidecars += 1;
      return;
    case "succeeded":
    case "failed":
      return; // an ended sidecar doesn't decide the phase
    default:
      unreachable(kind);
  }
}

export function phaseOf(input: PhaseInput): PodPhase {
  const { pod, statuses } = input;
  const init = countInit(input);
  const kinds = mainContainers(pod).map((container) => ({ container, kind: kindOf(statuses, container) }));
  const count = (kind: Kind): number => kinds.filter((one) => one.kind === kind).length;
  const running = init.running + count("running");
  const unknown = init.unknown + count("unknown");
  const stopped = count("succeeded") + count("failed");

  if (init.failedForGood) return "Failed";
  if (init.pending > 0 || (init.pendingSidecars > 0 && !input.hasInitialized)) return "Pending";
  if (init.waiting + count("waiting") > 0 || unknown > 0) return "Pending";
  if (running > 0) return "Running";
  return stopped > 0 ? endedPhase(input, kinds) : "Pending";
}

function endedPhase(
  { pod, isTerminating }: PhaseInput,
  kinds: readonly { container: Container; kind: Kind }[],
): PodPhase {
  const allSucceeded = kinds.every(({ kind }) => kind === "succeeded");
  const restarts = kinds.some(({ container, kind }) => {
    const policy = restartPolicyOf(pod, container);
    return policy === "Always" || (policy === "OnFailure" && kind === "failed");
  });
  if (restarts && !isTerminating) return "Running";
  return allSucceeded ? "Succeeded" : "Failed";
}

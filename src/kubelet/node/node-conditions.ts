/** A node's conditions. upstream: pkg/kubelet/nodestatus/setters.go, pkg/kubelet/eviction/helpers.go (thresholds) */
import type { NodeCondition } from "#api/generated/types/core-v1.ts";
import type { MachineUse } from "./machine.ts";

export interface NodeConditionsInput {
  readonly use: MachineUse;
  /** Of the runtime: why it, or the pod network, can't work. */
  readonly runtimeProblem: string | undefined;
  readonly networkProblem: string | undefined;
}

type Verdict = Pick<NodeCondition, "type" | "status" | "reason" | "message">;

/** upstream's default eviction thresholds. */
const memoryAvailableMinBytes = 100n * 1024n ** 2n;
const storageAvailableMinPercent = 10n;
const inodesFreeMinPercent = 5n;
const pidsFreeMinPercent = 5;

export function nodeVerdicts({ use, runtimeProblem, networkProblem }: NodeConditionsInput): Verdict[] {
  const hasStorage =
    use.storageAvailableBytes * 100n >= use.storageBytes * storageAvailableMinPercent &&
    (use.inodes === 0n || use.inodesFree * 100n >= use.inodes * inodesFreeMinPercent);
  const hasPids = (use.pidsMax - use.pidsUsed) * 100 >= use.pidsMax * pidsFreeMinPercent;
  const hasMemory = use.memoryAvailableBytes >= memoryAvailableMinBytes;
  return [
    hasMemory
      ? fine("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available")
      : bad("MemoryPressure", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
    hasStorage
      ? fine("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure")
      : bad("DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure"),
    hasPids
      ? fine("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available")
      : bad("PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
    readiness(runtimeProblem, networkProblem),
  ];
}

const fine = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "False",
  reason,
  message,
});
const bad = (type: string, reason: string, message: string): Verdict => ({
  type,
  status: "True",
  reason,
  message,
});

/** What keeps pods from getting a network, as users read it. */
export const networkNotReadyText = (problem: string): string =>
  `container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${problem}`;

function readiness(runtimeProblem: string | undefined, networkProblem: string | undefined): Verdict {
  const faults = [
    ...(runtimeProblem === undefined ? [] : [`container runtime is down: ${runtimeProblem}`]),
    ...(networkProblem === undefined ? [] : [networkNotReadyText(networkProblem)]),
  ];
  if (faults.length === 0) {
    return {
      type: "Ready",
      status: "True",
      reason: "KubeletReady",
      message: "kubelet is posting ready status",
    };
  }
  const message = faults.length === 1 ? (faults[0] ?? "") : `[${faults.join(", ")}]`;
  return { type: "Ready", status: "False", reason: "KubeletNotReady", message };
}

/** Heartbeats move only with a report; transitions only with the status. */
export function withHeartbeat(
  verdicts: readonly Verdict[],
  old: readonly NodeCondition[],
  nowText: string,
): NodeCondition[] {
  return verdicts.map((verdict) => {
    const before = old.find(({ type }) => type === verdict.type);
    return {
      ...verdict,
      lastHeartbeatTime: nowText,
      lastTransitionTime:
        before?.status === verdict.status ? (before.lastTransitionTime ?? nowText) : nowText,
    };
  });
}

/** What a node's conditions become when it is silent, and which taints follow from them. Pure. upstream: pkg/controller/nodelifecycle/node_lifecycle_controller.go */
import type { Node, NodeCondition, Taint } from "#api/generated/types/core-v1.ts";
import { toRfc3339 } from "#base/clock.ts";

export const notReadyTaint = "node.kubernetes.io/not-ready";
export const unreachableTaint = "node.kubernetes.io/unreachable";

/** A kubelet speaks for these; network plugins speak for NetworkUnavailable themselves. */
const kubeletConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** Condition → its status → the key of the taint. */
const taintOfCondition: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: "node.kubernetes.io/memory-pressure" },
  DiskPressure: { True: "node.kubernetes.io/disk-pressure" },
  NetworkUnavailable: { True: "node.kubernetes.io/network-unavailable" },
  PIDPressure: { True: "node.kubernetes.io/pid-pressure" },
};
const unschedulableTaint = "node.kubernetes.io/unschedulable";
const ownKeys = new Set([
  unschedulableTaint,
  ...Object.values(taintOfCondition).flatMap((keys) => Object.values(keys)),
]);

export const readyStatus = (node: Node): string | undefined =>
  node.status?.conditions?.find(({ type }) => type === "Ready")?.status;

/** The conditions of a node that has been silent for too long, or undefined when they say so already. */
export function silentConditions(node: Node, now: number): NodeCondition[] | undefined {
  const old = node.status?.conditions ?? [];
  const lastTransitionTime = toRfc3339(now);
  const changed = old.map((condition) =>
    kubeletConditions.includes(condition.type) && condition.status !== "Unknown"
      ? {
          ...condition,
          status: "Unknown",
          reason: "NodeStatusUnknown",
          message: "Kubelet stopped posting node status.",
          lastTransitionTime,
        }
      : condition,
  );
  const missing = kubeletConditions
    .filter((type) => !old.some((condition) => condition.type === type))
    .map((type) => ({
      type,
      status: "Unknown",
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
      lastHeartbeatTime: node.metadata?.creationTimestamp,
      lastTransitionTime,
    }));
  const isSame = missing.length === 0 && changed.every((condition, at) => condition === old[at]);
  return isSame ? undefined : [...changed, ...missing];
}

/** The taint that pods are evicted by. */
export function evictionTaint(node: Node): string | undefined {
  return taintOfCondition["Ready"]?.[readyStatus(node) ?? ""];
}

const isEviction = ({ key, effect }: Taint): boolean =>
  effect === "NoExecute" && (key === notReadyTaint || key === unreachableTaint);

export const hasEvictionTaint = (node: Node): boolean => (node.spec?.taints ?? []).some(isEviction);

/** The node's taints as they should be, or undefined when they are. `evictBy`: the NoExecute taint that it should have. */
export function wantedTaints(node: Node, evictBy: string | undefined, now: number): Taint[] | undefined {
  const old = node.spec?.taints ?? [];
  const schedule = noScheduleKeys(node);
  const timeAdded = toRfc3339(now);
  const kept = old.filter((taint) => {
    if (isEviction(taint)) return taint.key === evictBy;
    return taint.effect !== "NoSchedule" || !ownKeys.has(taint.key) || schedule.has(taint.key);
  });
  const added: Taint[] = [...schedule]
    .filter((key) => !old.some((taint) => taint.key === key && taint.effect === "NoSchedule"))
    .map((key) => ({ key, effect: "NoSchedule", timeAdded }));
  if (evictBy !== undefined && !old.some((taint) => isEviction(taint) && taint.key === evictBy)) {
    added.push({ key: evictBy, effect: "NoExecute", timeAdded });
  }
  return added.length === 0 && kept.length === old.length ? undefined : [...kept, ...added];
}

/** Of a node that has said nothing there are none, whatever it was registered with. */
function noScheduleKeys(node: Node): Set<string> {
  const keys = new Set<string>();
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = taintOfCondition[type]?.[status];
    if (key !== undefined) keys.add(key);
  }
  if (node.spec?.unschedulable === true) keys.add(unschedulableTaint);
  return keys;
}

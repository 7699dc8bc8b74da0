/** Which pods nobody else will ever remove. Pure. upstream: pkg/controller/podgc/gc_controller.go */
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { isTerminal } from "../pods/pod-state.ts";

/** Upstream's --terminated-pod-gc-threshold. */
export const terminatedMax = 12_500;

export type Verdict =
  /** Looked at again when it or its node changes. */
  | "stays"
  /** Its node is gone, which may be the cache's error only: to be asked after a while. */
  | "node-gone"
  | "never-scheduled"
  | "out-of-service";

export function judge(pod: Pod, node: Node | undefined): Verdict {
  const isLeaving = pod.metadata?.deletionTimestamp !== undefined;
  if ((pod.spec?.nodeName ?? "") === "") return isLeaving ? "never-scheduled" : "stays";
  if (node === undefined) return "node-gone";
  return isLeaving && isOutOfService(node) ? "out-of-service" : "stays";
}

/** An administrator's word that the machine is off: nothing of it runs any more. */
export function isOutOfService({ spec, status }: Node): boolean {
  const isReady = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true;
  return !isReady && (spec?.taints ?? []).some(({ key }) => key === "node.kubernetes.io/out-of-service");
}

/** The oldest of the pods that are over, as many as there are too many; evicted ones go first. */
export function surplus(pods: readonly Pod[], max: number): readonly Pod[] {
  const over = pods.filter((pod) => isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined);
  if (over.length <= max) return [];
  return over.toSorted(beforeInLine).slice(0, over.length - max);
}

const isEvicted = ({ status }: Pod): boolean => status?.phase === "Failed" && status.reason === "Evicted";

function beforeInLine(a: Pod, b: Pod): number {
  if (isEvicted(a) !== isEvicted(b)) return isEvicted(a) ? -1 : 1;
  const [left, right] = [a.metadata?.creationTimestamp ?? "", b.metadata?.creationTimestamp ?? ""];
  if (left !== right) return left < right ? -1 : 1;
  return (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;
}

/** Which pods to delete first. upstream: pkg/controller/controller_utils.go ActivePodsWithRanks */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { parseTime } from "#base/clock.ts";
import { conditionOf, isReady } from "./pod-state.ts";

const phaseRank: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Best victims first. `siblings` counts, per node, the ready and running pods of the same purpose. */
export function rankForDeletion(
  pods: readonly Pod[],
  siblings: ReadonlyMap<string, number>,
  now: number,
): readonly Pod[] {
  const keyed = pods.map((pod) => ({ pod, key: sortKey(pod, siblings, now) }));
  return keyed.toSorted((a, b) => compareKeys(a.key, b.key)).map(({ pod }) => pod);
}

/** Smaller sorts first. Times are compared on a logarithmic scale: about the same age counts as the same. */
function sortKey(pod: Pod, siblings: ReadonlyMap<string, number>, now: number): readonly (number | string)[] {
  const node = pod.spec?.nodeName ?? "";
  const ready = isReady(pod);
  return [
    node === "" ? 0 : 1,
    phaseRank[pod.status?.phase ?? "Pending"] ?? 1,
    ready ? 1 : 0,
    deletionCost(pod),
    -(siblings.get(node) ?? 0),
    ready ? ageRank(conditionOf(pod, "Ready")?.lastTransitionTime, now) : 0,
    -restarts(pod),
    ageRank(pod.metadata?.creationTimestamp, now),
    pod.metadata?.uid ?? "",
  ];
}

function compareKeys(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined || left === right) continue;
    return left < right ? -1 : 1;
  }
  return 0;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? "0";
  return /^(0|-?[1-9]\d{0,9})$/.test(text) ? Number(text) : 0;
}

function ageRank(time: string | undefined, now: number): number {
  const at = parseTime(time ?? "");
  return Number.isNaN(at) ? 0 : Math.floor(Math.log2(Math.max(1, now - at)));
}

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
}

/** How many pods to make, which to delete. Pure. upstream: pkg/controller/replicaset/replica_set.go manageReplicas */
import type { Pod } from "#api/generated/types/core-v1.ts";
import { isReady } from "../pods/pod-state.ts";
import { rankForDeletion } from "../pods/ranking.ts";

/** At most this many per round: upstream's BurstReplicas. */
export const burstMax = 500;

export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

export interface ReplicaInput {
  readonly wanted: number;
  /** The set's own active pods. */
  readonly pods: readonly Pod[];
  /** Active pods of all sets with the same controller: how crowded each node is with this application. */
  readonly related: readonly Pod[];
  readonly now: number;
}

export function planReplicas({ wanted, pods, related, now }: ReplicaInput): ReplicaPlan {
  const missing = wanted - pods.length;
  if (missing >= 0) return { create: Math.min(missing, burstMax), remove: [] };
  const count = Math.min(-missing, burstMax);
  if (count >= pods.length) return { create: 0, remove: pods };
  return { create: 0, remove: rankForDeletion(pods, readyPerNode(related), now).slice(0, count) };
}

function readyPerNode(related: readonly Pod[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? "";
    if (node === "" || pod.status?.phase !== "Running" || !isReady(pod)) continue;
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

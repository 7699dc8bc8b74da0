/**
 * What a plugin may do, as functions of one pod. A plugin holds no state; what it works out once per pod lives in
 * the closures it returns, which are used for one scheduling cycle only.
 * upstream: pkg/scheduler/framework/interface.go
 */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { SchedulerCache } from "../cache/cache.ts";
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";

/** Why a node won't do. */
export interface Rejection {
  readonly reasons: readonly string[];
  /** Taking pods off the node could help. */
  readonly isResolvable: boolean;
}

export const unresolvable = (reason: string): Rejection => ({ reasons: [reason], isResolvable: false });
export const resolvable = (reason: string): Rejection => ({ reasons: [reason], isResolvable: true });

export interface PreparedFilter {
  /** Undefined means that the pod may go there. */
  readonly filter: (node: NodeInfo) => Rejection | undefined;
  /** Only these nodes can do, by name. */
  readonly nodeNames?: ReadonlySet<string> | undefined;
}

/** No node will ever do, whatever it looks like. */
export interface PodRejection {
  readonly rejectedPod: string;
}

export interface FilterPlugin {
  readonly name: string;
  /** Called once per pod and cycle. Undefined: nothing to check for this pod. */
  prepareFilter(pod: PodInfo): PreparedFilter | PodRejection | undefined;
  /** Whether a pod that this plugin rejected is worth another try after the event. */
  mayHelp(pod: PodInfo, event: ClusterEvent): boolean;
}

export interface PreparedScore {
  /** Higher is better; 0 to 100 unless `normalize` follows. */
  readonly score: (node: NodeInfo) => number;
  /** Brings all scores into 0 to 100, in place. */
  readonly normalize?: (scores: number[]) => void;
}

export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  /** Undefined: all nodes are equal for this pod. */
  prepareScore(pod: PodInfo, cache: SchedulerCache): PreparedScore | undefined;
}

export interface NodeChanges {
  readonly allocatable: boolean;
  readonly labels: boolean;
  /** Taints, or whether it is cordoned. */
  readonly taints: boolean;
}

/** What happened in the cluster. */
export type ClusterEvent =
  | { readonly kind: "node added"; readonly node: NodeInfo }
  | { readonly kind: "node changed"; readonly node: NodeInfo; readonly changes: NodeChanges }
  /** A pod that held a node's resources is gone or needs less. */
  | { readonly kind: "pod freed resources"; readonly pod: Pod }
  /** The waiting pod itself has changed. */
  | { readonly kind: "pod changed"; readonly pod: Pod; readonly old: Pod };

export const scoreMax = 100;

/** The best gets 100, or 0 when little is good. upstream: plugins/helper/normalize_score.go */
export function normalizeByLargest(scores: number[], isReversed: boolean): void {
  const largest = Math.max(0, ...scores);
  for (const [at, score] of scores.entries()) {
    const share = largest === 0 ? 0 : Math.floor((scoreMax * score) / largest);
    scores[at] = isReversed ? scoreMax - share : share;
  }
}

/**
 * Why a pod can't be placed, in upstream's words: users and tools read them in events and conditions.
 * upstream: pkg/scheduler/framework/types.go (FitError), plugins/defaultpreemption
 */
import type { PodInfo } from "../cache/node-info.ts";
import type { Rejection } from "./plugin.ts";

export interface Diagnosis {
  readonly nodeCount: number;
  /** Nodes by what they said. */
  readonly rejections: ReadonlyMap<Rejection, number>;
  /** What holds for the nodes that weren't asked, and how many those are. */
  readonly unasked: { readonly reason: string; readonly count: number } | undefined;
  /** The pod was refused before any node was looked at. */
  readonly rejectedPod: string | undefined;
}

/** Expected: the pod fits nowhere now. */
export class UnschedulableError extends Error {
  override readonly name = "UnschedulableError";
  readonly code = "UNSCHEDULABLE";
  /** The plugins whose events may change that. */
  readonly rejectedBy: ReadonlySet<string>;
  constructor(message: string, rejectedBy: ReadonlySet<string>) {
    super(message);
    this.rejectedBy = rejectedBy;
  }
}

export const noNodesText = "no nodes available to schedule pods";

export function unschedulableText(pod: PodInfo, diagnosis: Diagnosis): string {
  if (diagnosis.nodeCount === 0) return noNodesText;
  const counts = new Map<string, number>();
  for (const [{ reasons }, count] of diagnosis.rejections) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + count);
  }
  const { unasked, rejectedPod, nodeCount } = diagnosis;
  if (unasked !== undefined) counts.set(unasked.reason, (counts.get(unasked.reason) ?? 0) + unasked.count);
  const why = rejectedPod === undefined ? histogram(counts) : ` ${rejectedPod}.`;
  return `0/${nodeCount} nodes are available:${why} preemption: ${preemptionText(pod, diagnosis)}`;
}

function histogram(counts: ReadonlyMap<string, number>): string {
  const texts = [...counts].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return texts.length === 0 ? "" : ` ${texts.join(", ")}.`;
}

/** Nobody is preempted: nodes where it could help have no victims to offer. */
function preemptionText(pod: PodInfo, { rejections, nodeCount }: Diagnosis): string {
  if (pod.pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  let hopeful = 0;
  for (const [{ isResolvable }, count] of rejections) if (isResolvable) hopeful += count;
  const counts = new Map<string, number>();
  if (hopeful > 0) counts.set("No preemption victims found for incoming pod", hopeful);
  if (hopeful < nodeCount) counts.set("Preemption is not helpful for scheduling", nodeCount - hopeful);
  return `0/${nodeCount} nodes are available:${histogram(counts)}`;
}

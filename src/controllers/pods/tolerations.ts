/** Whether pods tolerate a node's NoExecute taints, and for how long. Pure. upstream: component-helpers/scheduling/corev1/helpers.go */
import { toleratesTaint } from "#api/core/tolerations.ts";
import type { Taint, Toleration } from "#api/generated/types/core-v1.ts";

export const noExecuteTaints = (taints: readonly Taint[] = []): Taint[] =>
  taints.filter(({ effect }) => effect === "NoExecute");

/** 0: not at all. Infinity: for ever. Otherwise milliseconds: the shortest of the tolerations that are used. */
export function toleratedMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const used = tolerations.find((toleration) => toleratesTaint(toleration, taint));
    if (used === undefined) return 0;
    if (used.tolerationSeconds === undefined) continue;
    shortest = Math.min(shortest, Math.max(0, Number(used.tolerationSeconds)) * 1000);
  }
  return shortest;
}

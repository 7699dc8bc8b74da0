/** Whether pods tolerate a node's NoExecute taints, and for how long. Pure. upstream: component-helpers/scheduling/corev1/helpers.go */
import type { Taint, Toleration } from "#api/generated/types/core-v1.ts";

export const noExecuteTaints = (taints: readonly Taint[] = []): Taint[] =>
  taints.filter(({ effect }) => effect === "NoExecute");

export function tolerates(
  { key = "", operator = "", value = "", effect = "" }: Toleration,
  taint: Taint,
): boolean {
  if (effect !== "" && effect !== taint.effect) return false;
  if (key !== "" && key !== taint.key) return false;
  switch (operator) {
    case "":
    case "Equal":
      return value === (taint.value ?? "");
    case "Exists":
      return true;
    default:
      return comparesTrue(operator, value, taint.value ?? "");
  }
}

/** Lt and Gt compare whole numbers. */
function comparesTrue(operator: string, value: string, taintValue: string): boolean {
  if (!/^-?\d+$/.test(value) || !/^-?\d+$/.test(taintValue)) return false;
  const wanted = BigInt(value);
  const found = BigInt(taintValue);
  if (operator === "Lt") return found < wanted;
  return operator === "Gt" && found > wanted;
}

/** 0: not at all. Infinity: for ever. Otherwise milliseconds: the shortest of the tolerations that are used. */
export function toleratedMs(taints: readonly Taint[], tolerations: readonly Toleration[]): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const used = tolerations.find((toleration) => tolerates(toleration, taint));
    if (used === undefined) return 0;
    if (used.tolerationSeconds === undefined) continue;
    shortest = Math.min(shortest, Math.max(0, used.tolerationSeconds) * 1000);
  }
  return shortest;
}

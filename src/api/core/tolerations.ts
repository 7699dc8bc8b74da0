/** Which taints are tolerated. upstream: component-helpers/scheduling/corev1/helpers.go, core/v1/toleration.go */
import type { Taint, Toleration } from "../generated/types/core-v1.ts";

export function toleratesTaint(
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

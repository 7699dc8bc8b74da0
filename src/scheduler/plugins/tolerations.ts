/** Which taints a pod tolerates. upstream: component-helpers/scheduling/corev1/helpers.go */
import type { Taint, Toleration } from "#api/generated/types/core-v1.ts";

export function tolerates(tolerations: readonly Toleration[], taint: Taint): boolean {
  return tolerations.some((toleration) => {
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    if (effect !== "" && effect !== taint.effect) return false;
    if (key !== "" && key !== taint.key) return false;
    if (operator === "Exists") return true;
    return (operator === "" || operator === "Equal") && value === (taint.value ?? "");
  });
}

/** The quality-of-service class a pod gets at creation. upstream: pkg/apis/core/v1/helper/qos/qos.go */
import type { Pod, ResourceRequirements } from "../generated/types/core-v1.ts";
import { addQuantities, quantityOf, zeroQuantity, type Quantity } from "../meta/quantity.ts";

const counted = ["cpu", "memory"] as const;

export function qosClassOf({ spec }: Pod): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const all: readonly (ResourceRequirements | undefined)[] =
    spec?.resources === undefined ? containers.map(({ resources }) => resources) : [spec.resources];
  const requests = sums(all, "requests");
  const limits = sums(all, "limits");
  if (requests.size === 0 && limits.size === 0) return "BestEffort";
  const isLimited = all.every((resources) =>
    counted.every((name) => quantityOf(resources?.limits?.[name]).nano > 0n),
  );
  const isEqual =
    requests.size === limits.size &&
    [...requests].every(([name, quantity]) => limits.get(name)?.nano === quantity.nano);
  return isLimited && isEqual ? "Guaranteed" : "Burstable";
}

function sums(
  all: readonly (ResourceRequirements | undefined)[],
  list: "requests" | "limits",
): ReadonlyMap<string, Quantity> {
  const total = new Map<string, Quantity>();
  for (const resources of all) {
    for (const name of counted) {
      const quantity = quantityOf(resources?.[list]?.[name]);
      if (quantity.nano > 0n) total.set(name, addQuantities(total.get(name) ?? zeroQuantity, quantity));
    }
  }
  return total;
}

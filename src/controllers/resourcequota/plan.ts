/** What a quota's status should say. upstream: pkg/controller/resourcequota/resource_quota_controller.go syncResourceQuota */
import type { ResourceQuota, ResourceQuotaStatus } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { addQuantities, zeroQuantity, type Quantity } from "#api/meta/quantity.ts";
import { isSameUsage, listOf, usageOf } from "#api/quota/amounts.ts";
import type { QuotaEvaluator } from "#api/quota/evaluator.ts";
import { scopesOf } from "#api/quota/scopes.ts";

/** What there is of one resource in the quota's namespace. */
export interface Stock {
  readonly evaluator: QuotaEvaluator;
  readonly objects: readonly AnyObject[];
}

/** Undefined when it says so already. */
export function planStatus(
  quota: ResourceQuota,
  stocks: readonly Stock[],
  nowMs: number,
): ResourceQuotaStatus | undefined {
  const hard = usageOf(quota.spec?.hard);
  const before = usageOf(quota.status?.used);
  const used = new Map([...before].filter(([name]) => hard.has(name)));
  for (const stock of stocks) {
    for (const [name, amount] of usageOfStock(quota, stock, nowMs)) used.set(name, amount);
  }
  const isCurrent = isSameUsage(usageOf(quota.status?.hard), hard) && isSameUsage(before, used);
  return isCurrent ? undefined : { hard: listOf(hard), used: listOf(used) };
}

/** Every name that the quota has for these objects, with zero where there are none. */
function usageOfStock(
  quota: ResourceQuota,
  { evaluator, objects }: Stock,
  nowMs: number,
): ReadonlyMap<string, Quantity> {
  const names = Object.keys(quota.spec?.hard ?? {}).filter((name) => evaluator.measures(name));
  const scopes = scopesOf(quota);
  const total = new Map(names.map((name) => [name, zeroQuantity]));
  for (const object of objects) {
    if (!scopes.every((scope) => evaluator.isInScope(scope, object))) continue;
    for (const [name, amount] of evaluator.usage(object, nowMs)) {
      const before = total.get(name);
      if (before !== undefined) total.set(name, addQuantities(before, amount));
    }
  }
  return total;
}

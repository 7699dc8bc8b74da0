/** Scopes of a quota. upstream: pkg/apis/core/v1/helper/helpers.go ScopedResourceSelectorRequirementsAsSelector */
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "../generated/types/core-v1.ts";

/** All must hold for an object to count. What is said more than once is there once: each is asked of every object. */
export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  const all = [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
  return all.length < 2 ? all : [...new Map(all.map((each) => [JSON.stringify(each), each])).values()];
}

/** Whether a value such as a priority class's name is selected; undefined stands for none. */
export function selects(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  value: string | undefined,
): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

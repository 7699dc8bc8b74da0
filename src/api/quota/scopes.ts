/** Scopes of a quota. upstream: pkg/apis/core/v1/helper/helpers.go ScopedResourceSelectorRequirementsAsSelector */
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "../generated/types/core-v1.ts";

/** All must hold for an object to count. */
export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  return [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
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

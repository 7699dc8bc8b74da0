/**
 * How quotas measure objects: what one counts for, which names of a quota are about it, and in which scopes it lies.
 * Admission asks before a write, the controller counts afterwards. upstream: apiserver/pkg/quota/v1
 */
import type { ScopedResourceSelectorRequirement } from "../generated/types/core-v1.ts";
import type { AnyObject } from "../meta/object.ts";
import type { Quantity } from "../meta/quantity.ts";

/** By the names that quotas use: "pods", "requests.cpu", "count/deployments.apps". */
export type Usage = ReadonlyMap<string, Quantity>;

export interface QuotaWrite {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly subresource: string;
  readonly object: AnyObject | undefined;
  readonly oldObject: AnyObject | undefined;
}

export interface QuotaEvaluator {
  /** Whether a write may change what is used. */
  handles(write: QuotaWrite): boolean;
  usage(object: AnyObject, nowMs: number): Usage;
  /** Whether a quota's name is about objects of this kind. */
  measures(name: string): boolean;
  /** What the object must say and doesn't, given the names that a quota limits; undefined when it says all. */
  missing(names: readonly string[], object: AnyObject): string | undefined;
  isInScope(scope: ScopedResourceSelectorRequirement, object: AnyObject): boolean;
}

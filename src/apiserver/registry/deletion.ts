/**
 * What a DELETE does to an object: remove it, mark it, or nothing because it is leaving already.
 * upstream: apiserver/pkg/registry/rest/delete.go, registry/generic/registry/store.go (finalizers)
 */
import { secondsMs } from "#api/meta/duration.ts";
import type { AnyObject, ObjectMeta } from "#api/meta/object.ts";
import { copyJson } from "#api/patch/json-value.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import { nextInt64 } from "#base/exact-json.ts";
import type { DeletionOptions, Strategy, StrategyContext } from "./strategy.ts";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

export type DeletionPlan =
  /** It is leaving and nothing about that changes. */
  | { readonly kind: "wait" }
  | { readonly kind: "mark"; readonly object: AnyObject }
  /** `object` is its last state. */
  | { readonly kind: "remove"; readonly object: AnyObject };

export interface DeletionMoment {
  readonly nowMs: number;
  readonly context: StrategyContext;
}

export function planDeletion(
  old: AnyObject,
  options: DeletionOptions,
  strategy: Strategy,
  moment: DeletionMoment,
): DeletionPlan {
  const object = copyJson(old);
  const own = strategy.beginDeletion?.(object, options, moment.context);
  if (own === undefined) return planUsual(object, options, strategy, moment);
  return own === "wait" ? { kind: "wait" } : { kind: "mark", object };
}

function planUsual(
  object: AnyObject,
  options: DeletionOptions,
  strategy: Strategy,
  { nowMs, context }: DeletionMoment,
): DeletionPlan {
  const grace = planGrace(object, options, strategy, nowMs);
  if (grace === "wait") return { kind: "wait" };

  const metadata = (object.metadata ??= {});
  const finalizers = finalizersFor(metadata.finalizers ?? [], options, strategy, context);
  const hasNewFinalizers = finalizers.join(",") !== (metadata.finalizers ?? []).join(",");
  if (hasNewFinalizers) metadata.finalizers = [...finalizers];
  const keepsItself = strategy.mayBeRemoved?.(object) === false;
  const stays = finalizers.length > 0 || keepsItself;
  if (!stays && (grace ?? 0) === 0) return { kind: "remove", object };
  if (stays && grace === undefined) markAsDeleting(object, nowMs);
  strategy.markDeleted?.(object, context);
  return { kind: "mark", object };
}

/**
 * Sets the deadline of a graceful deletion on `object`; answers the grace period in seconds. Undefined: it gets none, or
 * what it had is over.
 */
function planGrace(
  object: AnyObject,
  options: DeletionOptions,
  strategy: Strategy,
  nowMs: number,
): number | bigint | "wait" | undefined {
  if (strategy.gracePeriod === undefined) return undefined;
  const metadata = (object.metadata ??= {});
  const asked =
    options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0
      ? 1
      : options.gracePeriodSeconds;
  if (metadata.deletionTimestamp !== undefined) return shorten(metadata, asked, nowMs);
  const seconds = strategy.gracePeriod(object, asked);
  metadata.deletionTimestamp = toRfc3339(nowMs + secondsMs(seconds));
  metadata.deletionGracePeriodSeconds = seconds;
  if ((metadata.generation ?? 0) > 0) metadata.generation = nextInt64(metadata.generation ?? 0);
  return seconds;
}

/** A second deletion may only shorten the first. */
function shorten(
  metadata: ObjectMeta,
  asked: number | bigint | undefined,
  nowMs: number,
): number | bigint | "wait" | undefined {
  const { deletionTimestamp = "", deletionGracePeriodSeconds: given = 0 } = metadata;
  if (given === 0) return undefined;
  const current = given < 0 ? 1 : given;
  if (asked === undefined || asked >= current) return "wait";
  const endMs = parseTime(deletionTimestamp) - secondsMs(current) + secondsMs(asked);
  // Whose time is over already has a second, so that whoever ends it still does.
  const seconds = endMs < nowMs && asked > 0 ? 1 : asked;
  metadata.deletionTimestamp = toRfc3339(Math.max(endMs, nowMs));
  metadata.deletionGracePeriodSeconds = seconds;
  return seconds;
}

function markAsDeleting(object: AnyObject, nowMs: number): void {
  const metadata = (object.metadata ??= {});
  if (metadata.deletionGracePeriodSeconds === undefined && (metadata.generation ?? 0) > 0) {
    metadata.generation = nextInt64(metadata.generation ?? 0);
  }
  const { deletionTimestamp: at } = metadata;
  if (at === undefined || parseTime(at) > nowMs) metadata.deletionTimestamp = toRfc3339(nowMs);
  metadata.deletionGracePeriodSeconds = 0;
}

/** The garbage collector's finalizers follow the propagation policy. */
function finalizersFor(
  current: readonly string[],
  options: DeletionOptions,
  strategy: Strategy,
  context: StrategyContext,
): readonly string[] {
  return withGarbageFinalizer(current, garbageFinalizer(current, options, strategy, context));
}

/** That one, or none, of the garbage collector's; all others stay. */
export function withGarbageFinalizer(
  current: readonly string[],
  wanted: string | undefined,
): readonly string[] {
  const others = current.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  if (wanted === undefined) return others;
  return current.includes(wanted) && current.length === others.length + 1 ? current : [...others, wanted];
}

function garbageFinalizer(
  current: readonly string[],
  options: DeletionOptions,
  strategy: Strategy,
  context: StrategyContext,
): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? orphanFinalizer : undefined;
  switch (options.propagationPolicy) {
    case "Orphan":
      return orphanFinalizer;
    case "Foreground":
      return foregroundFinalizer;
    case "Background":
      return undefined;
    case undefined:
    default:
      if (current.includes(orphanFinalizer)) return orphanFinalizer;
      if (current.includes(foregroundFinalizer)) return foregroundFinalizer;
      return strategy.defaultPropagation?.(context) === "Orphan" ? orphanFinalizer : undefined;
  }
}

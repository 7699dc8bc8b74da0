/** The next sizes of a Deployment's ReplicaSets. Pure. upstream: pkg/controller/deployment/{rolling,recreate,sync}.go */
import type { Deployment, ReplicaSet } from "#api/generated/types/apps-v1.ts";
import {
  byAge,
  desiredOf,
  isRolling,
  maxOf,
  rollingBounds,
  specReplicas,
  totalAvailable,
  totalSpec,
  wantedReplicas,
} from "./replica-sets.ts";

export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

/** How big the new set may be now, old pods counted. */
export function newSetSize(deployment: Deployment, all: readonly ReplicaSet[], current: number): number {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + rollingBounds(deployment).maxSurge - totalSpec(all);
  return room <= 0 ? current : current + Math.max(0, Math.min(room, wanted - current));
}

/** First the new set grows (or shrinks); only when it can't, the old ones shrink. */
export function planRolling(
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Resize[] {
  const wanted = wantedReplicas(deployment);
  const current = specReplicas(newSet);
  const size = current > wanted ? wanted : newSetSize(deployment, [...old, newSet], current);
  return size === current ? planOldSets(deployment, newSet, old) : [{ set: newSet, replicas: size }];
}

function planOldSets(
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): readonly Resize[] {
  if (totalSpec(old) === 0) return [];
  const minAvailable = wantedReplicas(deployment) - rollingBounds(deployment).maxUnavailable;
  const newUnavailable = specReplicas(newSet) - (newSet.status?.availableReplicas ?? 0);
  const budget = totalSpec([...old, newSet]) - minAvailable - newUnavailable;
  if (budget <= 0) return [];
  const sizes = new Map(old.toSorted(byAge).map((set) => [set, specReplicas(set)]));
  // Pods that serve nobody go first: they cost no availability.
  shrink(sizes, budget, (set, size) => size - Math.min(size, set.status?.availableReplicas ?? 0));
  shrink(sizes, totalAvailable([...old, newSet]) - minAvailable, (_set, size) => size);
  return [...sizes]
    .filter(([set, size]) => size !== specReplicas(set))
    .map(([set, replicas]) => ({ set, replicas }));
}

function shrink(
  sizes: Map<ReplicaSet, number>,
  budget: number,
  spare: (set: ReplicaSet, size: number) => number,
): void {
  let left = budget;
  for (const [set, size] of sizes) {
    if (left <= 0) return;
    const less = Math.min(left, spare(set, size));
    sizes.set(set, size - less);
    left -= less;
  }
}

/** All old sets to nothing. */
export function planScaleDown(old: readonly ReplicaSet[]): readonly Resize[] {
  return old.filter((set) => specReplicas(set) > 0).map((set) => ({ set, replicas: 0 }));
}

/**
 * The Deployment was scaled while paused or in the middle of a rollout: every set that has pods gets its share.
 */
export function planScale(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: readonly ReplicaSet[],
): readonly Resize[] {
  const wanted = wantedReplicas(deployment);
  const only = activeOrLatest(newSet, old);
  if (only !== undefined) return specReplicas(only) === wanted ? [] : [{ set: only, replicas: wanted }];
  if (isSaturated(deployment, newSet)) return planScaleDown(old);
  return isRolling(deployment) ? planShares(deployment, newSet === undefined ? old : [...old, newSet]) : [];
}

/** The one set that has pods, or the newest when none has; undefined when several have. */
function activeOrLatest(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const newestFirst = old.toSorted((a, b) => byAge(b, a));
  const all = newSet === undefined ? newestFirst : [newSet, ...newestFirst];
  const active = all.filter((set) => specReplicas(set) > 0);
  if (active.length > 1) return undefined;
  return active[0] ?? all[0];
}

function isSaturated(deployment: Deployment, newSet: ReplicaSet | undefined): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    newSet !== undefined &&
    desiredOf(newSet) === wanted &&
    specReplicas(newSet) === wanted &&
    newSet.status?.availableReplicas === wanted
  );
}

function planShares(deployment: Deployment, sets: readonly ReplicaSet[]): readonly Resize[] {
  const active = sets.filter((set) => specReplicas(set) > 0);
  const wanted = wantedReplicas(deployment);
  const allowed = wanted > 0 ? wanted + rollingBounds(deployment).maxSurge : 0;
  const toAdd = allowed - totalSpec(active);
  // Growing favours the newest of the biggest, shrinking the oldest of the biggest.
  const sorted = active.toSorted(
    (a, b) => specReplicas(b) - specReplicas(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)),
  );
  const sizes = new Map<ReplicaSet, number>();
  let added = 0;
  for (const set of sorted) {
    const share = toAdd === 0 ? 0 : proportion(deployment, set, { toAdd, added });
    sizes.set(set, specReplicas(set) + share);
    added += share;
  }
  const [first] = sorted;
  if (first !== undefined) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + toAdd - added));
  return sorted.map((set) => ({ set, replicas: sizes.get(set) ?? 0 }));
}

interface Adding {
  readonly toAdd: number;
  readonly added: number;
}

function proportion(deployment: Deployment, set: ReplicaSet, { toAdd, added }: Adding): number {
  if (toAdd === added) return 0;
  const fraction = shareOf(deployment, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

function shareOf(deployment: Deployment, set: ReplicaSet): number {
  const size = specReplicas(set);
  if (wantedReplicas(deployment) === 0) return -size;
  const target = wantedReplicas(deployment) + rollingBounds(deployment).maxSurge;
  const before = maxOf(set) ?? deployment.status?.replicas ?? 0;
  return before === 0 ? 0 : Math.round((size * target) / before) - size;
}

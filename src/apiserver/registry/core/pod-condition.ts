import type { Pod } from "#api/generated/types/core-v1.ts";

type PodStatus = NonNullable<Pod["status"]>;
type PodCondition = NonNullable<PodStatus["conditions"]>[number];

/** In the place of the one that was there, and since when it was so. upstream: pkg/api/pod/util.go UpdatePodCondition */
export function setPodCondition(status: PodStatus, wanted: PodCondition, now: string): void {
  const conditions = [...(status.conditions ?? [])];
  const index = conditions.findIndex(({ type }) => type === wanted.type);
  const before = conditions[index];
  const since = before?.status === wanted.status ? before.lastTransitionTime : undefined;
  const next = { ...wanted, lastTransitionTime: since ?? now };
  if (index === -1) conditions.push(next);
  else conditions[index] = next;
  status.conditions = conditions;
}

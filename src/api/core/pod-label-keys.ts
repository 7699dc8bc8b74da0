/**
 * matchLabelKeys and mismatchLabelKeys: what a new pod's own labels say goes into the selector beside them.
 * upstream: pkg/registry/core/pod/strategy.go (applyMatchLabelKeysAndMismatchLabelKeys, applyMatchLabelKeys)
 */
import { ownValue } from "#base/own-value.ts";
import type { Pod, PodAffinityTerm, PodSpec } from "../generated/types/core-v1.ts";
import type { Labels } from "../meta/labels.ts";

type WithKeys = Pick<PodAffinityTerm, "labelSelector" | "matchLabelKeys" | "mismatchLabelKeys">;

function termsOf({ affinity }: PodSpec): PodAffinityTerm[] {
  return [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((one) => [
    ...(one?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => each.podAffinityTerm),
    ...(one?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ]);
}

function complete({ labelSelector, matchLabelKeys, mismatchLabelKeys }: WithKeys, labels: Labels): void {
  if (labelSelector === undefined) return;
  const kinds = [
    ["In", matchLabelKeys],
    ["NotIn", mismatchLabelKeys],
  ] as const;
  for (const [operator, keys] of kinds) {
    for (const key of keys ?? []) {
      const value = ownValue(labels, key);
      if (value === undefined) continue;
      (labelSelector.matchExpressions ??= []).push({ key, operator, values: [value] });
    }
  }
}

/** Changes the pod, which is about to be created. */
export function applyLabelKeys({ metadata, spec }: Pod): void {
  if (spec === undefined) return;
  const labels = metadata?.labels ?? {};
  for (const term of termsOf(spec)) complete(term, labels);
  for (const constraint of spec.topologySpreadConstraints ?? []) complete(constraint, labels);
}

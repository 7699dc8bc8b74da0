/** What a terminating namespace says about its end. Pure. upstream: pkg/controller/namespace/deletion/status_condition_utils.go */
import type { NamespaceCondition } from "#api/generated/types/core-v1.ts";
import { qualifiedResource, type GroupVersionResource } from "#api/meta/object.ts";
import { toRfc3339 } from "#base/clock.ts";

/** The outcome of one attempt to empty a namespace. */
export interface Emptying {
  /** Group version → why it couldn't be asked what it serves. */
  readonly discoveryFailures: ReadonlyMap<string, string>;
  readonly contentFailures: readonly string[];
  readonly remaining: readonly Remainder[];
}

export interface Remainder {
  readonly resource: GroupVersionResource;
  readonly count: number;
  /** Finalizer → how many of the objects carry it. */
  readonly finalizers: ReadonlyMap<string, number>;
}

interface Finding {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

const fine: readonly Finding[] = [
  {
    type: "NamespaceDeletionDiscoveryFailure",
    reason: "ResourcesDiscovered",
    message: "All resources successfully discovered",
  },
  {
    type: "NamespaceDeletionGroupVersionParsingFailure",
    reason: "ParsedGroupVersions",
    message: "All legacy kube types successfully parsed",
  },
  {
    type: "NamespaceDeletionContentFailure",
    reason: "ContentDeleted",
    message: "All content successfully deleted, may be waiting on finalization",
  },
  {
    type: "NamespaceContentRemaining",
    reason: "ContentRemoved",
    message: "All content successfully removed",
  },
  {
    type: "NamespaceFinalizersRemaining",
    reason: "ContentHasNoFinalizers",
    message: "All content-preserving finalizers finished",
  },
];

/** The conditions after an attempt, or undefined when they say what they said before. */
export function namespaceConditions(
  old: readonly NamespaceCondition[],
  emptying: Emptying,
  now: number,
): NamespaceCondition[] | undefined {
  const troubles = new Map(findTroubles(emptying).map((finding) => [finding.type, finding]));
  const conditions = [...old];
  let hasChanged = false;
  for (const good of fine) {
    const trouble = troubles.get(good.type);
    const status = trouble === undefined ? "False" : "True";
    const { type, reason, message } = trouble ?? good;
    const at = conditions.findIndex((condition) => condition.type === type);
    const known = conditions[at];
    if (known?.status === status && known.reason === reason && known.message === message) continue;
    hasChanged = true;
    const lastTransitionTime =
      known?.status === status && known.lastTransitionTime !== undefined
        ? known.lastTransitionTime
        : toRfc3339(now);
    const condition = { type, status, lastTransitionTime, reason, message };
    if (known === undefined) conditions.push(condition);
    else conditions[at] = condition;
  }
  return hasChanged ? conditions : undefined;
}

function findTroubles({ discoveryFailures, contentFailures, remaining }: Emptying): Finding[] {
  const troubles: Finding[] = [];
  if (discoveryFailures.size > 0) {
    const list = [...discoveryFailures].map(([name, why]) => `${name}: ${why}`).toSorted();
    troubles.push({
      type: "NamespaceDeletionDiscoveryFailure",
      reason: "DiscoveryFailed",
      message: `Discovery failed for some groups, ${list.length} failing: unable to retrieve the complete list of server APIs: ${list.join(", ")}`,
    });
  }
  if (contentFailures.length > 0) {
    troubles.push({
      type: "NamespaceDeletionContentFailure",
      reason: "ContentDeletionFailed",
      message: `Failed to delete all resource types, ${contentFailures.length} remaining: ${contentFailures.toSorted().join(", ")}`,
    });
  }
  if (remaining.length > 0) {
    const list = remaining.map(
      ({ resource, count }) => `${resource.resource}.${resource.group} has ${count} resource instances`,
    );
    troubles.push({
      type: "NamespaceContentRemaining",
      reason: "SomeResourcesRemain",
      message: `Some resources are remaining: ${list.toSorted().join(", ")}`,
    });
  }
  const finalizers = sumFinalizers(remaining);
  if (finalizers.length > 0) {
    const list = finalizers.map(([name, count]) => `${name} in ${count} resource instances`);
    troubles.push({
      type: "NamespaceFinalizersRemaining",
      reason: "SomeFinalizersRemain",
      message: `Some content in the namespace has finalizers remaining: ${list.toSorted().join(", ")}`,
    });
  }
  return troubles;
}

function sumFinalizers(remaining: readonly Remainder[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return [...sums];
}

/** "unexpected items still remain in namespace: …" for what should be gone and has nothing to wait for. */
export const unexpectedItems = (namespace: string, { group, resource }: GroupVersionResource): string =>
  `unexpected items still remain in namespace: ${namespace} for gvr: ${qualifiedResource(group, resource)}`;

/** nodeSelector, required and preferred node affinity. upstream: pkg/scheduler/framework/plugins/nodeaffinity */
import { isEmptyTerm, requiredMatch, requiredTerms, termMatch } from "#api/core/node-selector.ts";
import type { NodeSelectorTerm } from "#api/generated/types/core-v1.ts";
import {
  normalizeByLargest,
  unresolvable,
  type FilterPlugin,
  type PreparedFilter,
  type ScorePlugin,
} from "../framework/plugin.ts";

const mismatch = unresolvable("node(s) didn't match Pod's node affinity/selector");

export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: "NodeAffinity",
  weight: 2,
  prepareFilter: ({ pod }) => {
    const match = requiredMatch(pod);
    if (match === undefined) return undefined;
    const nodeNames = namesOf(requiredTerms(pod));
    if (nodeNames?.size === 0) return { rejectedPod: "pod affinity terms conflict" };
    return { filter: (node) => (match(node) ? undefined : mismatch), nodeNames } satisfies PreparedFilter;
  },
  mayHelp: ({ pod }, event) => {
    switch (event.kind) {
      case "node added":
        return requiredMatch(pod)?.(event.node) ?? true;
      case "node changed":
        return event.changes.labels && (requiredMatch(pod)?.(event.node) ?? true);
      case "pod changed":
        return true;
      case "pod freed resources":
        return false;
    }
  },
  prepareScore: ({ pod }) => {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms = preferred
      .filter(({ weight, preference }) => weight !== 0 && !isEmptyTerm(preference))
      .map(({ weight, preference }) => ({ weight, match: termMatch(preference) }));
    if (terms.length === 0) return undefined;
    return {
      score: (node) => terms.reduce((sum, { weight, match }) => sum + (match(node) ? weight : 0), 0),
      normalize: (scores) => {
        normalizeByLargest(scores, false);
      },
    };
  },
};

/**
 * When every term names its nodes by metadata.name, only those need to be looked at: pods of DaemonSets are
 * placed without walking through the cluster.
 */
function namesOf(terms: readonly NodeSelectorTerm[] | undefined): ReadonlySet<string> | undefined {
  if (terms === undefined || terms.length === 0) return undefined;
  const all = new Set<string>();
  for (const term of terms) {
    let names: ReadonlySet<string> | undefined;
    for (const { key, operator, values } of term.matchFields ?? []) {
      if (key !== "metadata.name" || operator !== "In") continue;
      const wanted = new Set(values);
      names = names === undefined ? wanted : names.intersection(wanted);
    }
    if (names === undefined) return undefined;
    for (const name of names) all.add(name);
  }
  return all;
}

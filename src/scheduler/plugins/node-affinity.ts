/** nodeSelector, required and preferred node affinity. upstream: pkg/scheduler/framework/plugins/nodeaffinity */
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from "#api/generated/types/core-v1.ts";
import type { NodeInfo } from "../cache/node-info.ts";
import {
  normalizeByLargest,
  unresolvable,
  type FilterPlugin,
  type PreparedFilter,
  type ScorePlugin,
} from "../framework/plugin.ts";

type Match = (node: NodeInfo) => boolean;

const mismatch = unresolvable("node(s) didn't match Pod's node affinity/selector");

export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: "NodeAffinity",
  weight: 2,
  prepareFilter: ({ pod }) => {
    const match = requirementOf(pod);
    if (match === undefined) return undefined;
    const nodeNames = namesOf(requiredTerms(pod));
    if (nodeNames?.size === 0) return { rejectedPod: "pod affinity terms conflict" };
    return { filter: (node) => (match(node) ? undefined : mismatch), nodeNames } satisfies PreparedFilter;
  },
  mayHelp: ({ pod }, event) => {
    switch (event.kind) {
      case "node added":
        return requirementOf(pod)?.(event.node) ?? true;
      case "node changed":
        return event.changes.labels && (requirementOf(pod)?.(event.node) ?? true);
      case "pod changed":
        return true;
      case "pod freed resources":
        return false;
    }
  },
  prepareScore: ({ pod }) => {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const terms = preferred
      .filter(({ weight, preference }) => weight !== 0 && !isEmpty(preference))
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

const requiredTerms = (pod: Pod): readonly NodeSelectorTerm[] | undefined =>
  pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;

/** Undefined when the pod may go anywhere. */
function requirementOf(pod: Pod): Match | undefined {
  const labels = Object.entries(pod.spec?.nodeSelector ?? {});
  const terms = requiredTerms(pod);
  if (labels.length === 0 && terms === undefined) return undefined;
  // An empty term matches nothing.
  const matches = terms?.filter((term) => !isEmpty(term)).map(termMatch);
  return (node) =>
    labels.every(([name, value]) => node.labels[name] === value) &&
    (matches === undefined || matches.some((match) => match(node)));
}

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

const isEmpty = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean =>
  matchExpressions.length === 0 && matchFields.length === 0;

function termMatch({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): Match {
  const labels = matchExpressions.map(valueMatch);
  const fields = matchFields.map(valueMatch);
  return (node) =>
    labels.every(({ key, holds }) => holds(node.labels[key])) &&
    fields.every(({ key, holds }) => holds(key === "metadata.name" ? node.name : undefined));
}

interface ValueMatch {
  readonly key: string;
  readonly holds: (value: string | undefined) => boolean;
}

function valueMatch({ key, operator, values = [] }: NodeSelectorRequirement): ValueMatch {
  const set = new Set(values);
  switch (operator) {
    case "In":
      return { key, holds: (value) => value !== undefined && set.has(value) };
    case "NotIn":
      return { key, holds: (value) => value === undefined || !set.has(value) };
    case "Exists":
      return { key, holds: (value) => value !== undefined };
    case "DoesNotExist":
      return { key, holds: (value) => value === undefined };
    case "Gt":
    case "Lt": {
      const limit = integerOf(values[0]);
      const isGreater = operator === "Gt";
      return {
        key,
        holds: (value) => {
          const actual = integerOf(value);
          if (actual === undefined || limit === undefined) return false;
          return isGreater ? actual > limit : actual < limit;
        },
      };
    }
    default:
      // The API refuses other operators.
      return { key, holds: () => false };
  }
}

function integerOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}

/** Which nodes a pod may go to. upstream: component-helpers/scheduling/corev1/nodeaffinity */
import { ownValue } from "#base/own-value.ts";
import type { NodeSelectorRequirement, NodeSelectorTerm, Pod } from "../generated/types/core-v1.ts";

export interface SelectableNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type NodeMatch = (node: SelectableNode) => boolean;

export const requiredTerms = (pod: Pod): readonly NodeSelectorTerm[] | undefined =>
  pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;

/** By nodeSelector and required affinity. Undefined when the pod may go anywhere. */
export function requiredMatch(pod: Pod): NodeMatch | undefined {
  const labels = Object.entries(pod.spec?.nodeSelector ?? {});
  const terms = requiredTerms(pod);
  if (labels.length === 0 && terms === undefined) return undefined;
  // An empty term matches nothing.
  const matches = terms?.filter((term) => !isEmptyTerm(term)).map(termMatch);
  return (node) =>
    labels.every(([name, value]) => node.labels[name] === value) &&
    (matches === undefined || matches.some((match) => match(node)));
}

export const isEmptyTerm = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean =>
  matchExpressions.length === 0 && matchFields.length === 0;

export function termMatch({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodeMatch {
  const labels = matchExpressions.map(valueMatch);
  const fields = matchFields.map(valueMatch);
  return (node) =>
    labels.every(({ key, holds }) => holds(ownValue(node.labels, key))) &&
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

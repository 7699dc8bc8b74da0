/** Labels of nodes that have better names by now. upstream: pkg/api/node/util.go */
import type { NodeSelector, NodeSelectorTerm } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { labelValueFaults } from "../meta/names.ts";

const deprecated: ReadonlyMap<string, readonly [since: string, by: string]> = new Map([
  ["beta.kubernetes.io/arch", ["v1.14", "kubernetes.io/arch"]],
  ["beta.kubernetes.io/os", ["v1.14", "kubernetes.io/os"]],
  ["failure-domain.beta.kubernetes.io/region", ["v1.17", "topology.kubernetes.io/region"]],
  ["failure-domain.beta.kubernetes.io/zone", ["v1.17", "topology.kubernetes.io/zone"]],
  ["beta.kubernetes.io/instance-type", ["v1.17", "node.kubernetes.io/instance-type"]],
]);

/** What is to be said of a label that names a property of nodes; undefined when nothing is. */
export function deprecationOfNodeLabel(key: string): string | undefined {
  const [since, by] = deprecated.get(key) ?? [];
  return since === undefined ? undefined : `deprecated since ${since}; use "${by ?? ""}" instead`;
}

/** The name that such a label has now. */
export const laterNameOf = (key: string): string | undefined => deprecated.get(key)?.[1];

export function nodeTermWarnings(
  term: Loose<NodeSelectorTerm>,
  path: string,
  checksValues = false,
): string[] {
  return (term.matchExpressions ?? []).flatMap(({ key = "", values = [] }, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const message = deprecationOfNodeLabel(key);
    const warnings = message === undefined ? [] : [`${at}.key: ${key} is ${message}`];
    if (!checksValues) return warnings;
    const ofValues = values.flatMap((value, position) =>
      labelValueFaults(value).map((fault) => `${at}.values[${position}]: ${value} is invalid, ${fault}`),
    );
    return [...warnings, ...ofValues];
  });
}

export const nodeSelectorWarnings = (selector: Loose<NodeSelector> | undefined, path: string): string[] =>
  (selector?.nodeSelectorTerms ?? []).flatMap((term, index) =>
    nodeTermWarnings(term, `${path}.nodeSelectorTerms[${index}]`),
  );

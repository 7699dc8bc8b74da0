/** Labels of nodes that have better names by now. upstream: pkg/api/node/util.go */
import type { NodeSelector, NodeSelectorTerm } from "../generated/types/core-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { labelValueFaults } from "../meta/names.ts";

const replaced = (since: string, by: string): string => `deprecated since ${since}; use "${by}" instead`;

const deprecated = new Map([
  ["beta.kubernetes.io/arch", replaced("v1.14", "kubernetes.io/arch")],
  ["beta.kubernetes.io/os", replaced("v1.14", "kubernetes.io/os")],
  ["failure-domain.beta.kubernetes.io/region", replaced("v1.17", "topology.kubernetes.io/region")],
  ["failure-domain.beta.kubernetes.io/zone", replaced("v1.17", "topology.kubernetes.io/zone")],
  ["beta.kubernetes.io/instance-type", replaced("v1.17", "node.kubernetes.io/instance-type")],
]);

/** What is to be said of a label that names a property of nodes; undefined when nothing is. */
export const deprecationOfNodeLabel = (key: string): string | undefined => deprecated.get(key);

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

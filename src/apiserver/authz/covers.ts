/** Whether rules held contain rules asked for. upstream: component-helpers/auth/rbac/validation/policy_comparator.go */
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { urlPatternMatches } from "../request/url-pattern.ts";

/** A rule of a request's size has as many parts as would fill all memory: of so many each must be held by one rule. */
const partsMax = 100_000;

/** The parts of `asked` that no rule of `held` covers, one verb, group and resource each. */
export function missingRules(held: readonly PolicyRule[], asked: readonly PolicyRule[]): PolicyRule[] {
  const isHeld = (rule: PolicyRule): boolean => held.some((each) => ruleCovers(each, rule));
  return asked
    .filter((rule) => !isHeld(rule))
    .flatMap((rule) => (partsIn(rule) > partsMax ? [rule] : breakDown(rule)))
    .filter((part) => !isHeld(part));
}

function partsIn({ verbs, nonResourceURLs, apiGroups, resources, resourceNames }: PolicyRule): number {
  const named = Math.max(1, resourceNames?.length ?? 0);
  const objects = (apiGroups?.length ?? 0) * (resources?.length ?? 0) * named;
  return verbs.length * (objects + (nonResourceURLs?.length ?? 0));
}

/** A rule as rules that each name one of everything. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = [];
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] };
        const names = rule.resourceNames ?? [];
        if (names.length === 0) parts.push(part);
        for (const name of names) parts.push({ ...part, resourceNames: [name] });
      }
    }
  }
  return parts;
}

function ruleCovers(held: PolicyRule, asked: PolicyRule): boolean {
  return (
    all(held.verbs, asked.verbs, matchesWord) &&
    all(held.apiGroups, asked.apiGroups, matchesWord) &&
    all(held.resources, asked.resources, matchesResource) &&
    all(held.nonResourceURLs, asked.nonResourceURLs, urlPatternMatches) &&
    namesCover(held.resourceNames ?? [], asked.resourceNames ?? [])
  );
}

function all(
  held: readonly string[] | undefined,
  asked: readonly string[] | undefined,
  matches: (pattern: string, value: string) => boolean,
): boolean {
  return (asked ?? []).every((value) => (held ?? []).some((pattern) => matches(pattern, value)));
}

const matchesWord = (pattern: string, value: string): boolean => pattern === "*" || pattern === value;

function matchesResource(pattern: string, value: string): boolean {
  if (matchesWord(pattern, value)) return true;
  const slash = value.indexOf("/");
  return slash >= 0 && pattern === `*${value.slice(slash)}`;
}

/** Power over named objects doesn't cover power over all. */
function namesCover(held: readonly string[], asked: readonly string[]): boolean {
  if (held.length === 0) return true;
  return asked.length > 0 && asked.every((name) => held.includes(name));
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, sorted, verbs of the same resource together. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  return [...new Set(compact(rules).map(ruleText))].toSorted();
}

function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const key = rule.nonResourceURLs === undefined ? JSON.stringify(rest) : JSON.stringify(rule);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...rest, verbs: [...verbs] });
    else known.verbs.push(...verbs.filter((verb) => !known.verbs.includes(verb)));
  }
  return [...merged.values()];
}

function ruleText(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined): void => {
    if (values !== undefined && values.length > 0) parts.push(`${name}:${quoteList(values)}`);
  };
  add("APIGroups", rule.apiGroups);
  add("Resources", rule.resources);
  add("NonResourceURLs", rule.nonResourceURLs);
  add("ResourceNames", rule.resourceNames);
  add("Verbs", rule.verbs);
  return `{${parts.join(", ")}}`;
}

/** As Go prints a list of strings: `["a" "b"]`. */
export const quoteList = (values: readonly string[]): string =>
  `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;

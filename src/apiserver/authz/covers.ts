/** Whether rules held contain rules asked for. upstream: component-helpers/auth/rbac/validation/policy_comparator.go */
import type { PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { urlPatternMatches } from "../request/url-pattern.ts";

/** Rules of a request's size have as many parts as would fill all memory: those beyond so many must be held as they are. */
const partsMax = 100_000;

/** The parts of `asked` that no rule of `held` covers, one verb, group and resource each. */
export function missingRules(held: readonly PolicyRule[], asked: readonly PolicyRule[]): PolicyRule[] {
  const powers = held.map((rule) => new Power(rule));
  const isHeld = (rule: PolicyRule): boolean => powers.some((power) => power.covers(rule));
  let partsLeft = partsMax;
  const partsOf = (rule: PolicyRule): readonly PolicyRule[] => {
    const parts = partsIn(rule);
    if (parts > partsLeft) return [rule];
    partsLeft -= parts;
    return breakDown(rule);
  };
  return asked
    .filter((rule) => !isHeld(rule))
    .flatMap(partsOf)
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

/** A rule that is held, ready to be asked about many others. */
class Power {
  readonly #verbs: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;
  readonly #resources: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;
  readonly #urls: readonly string[];

  constructor({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule) {
    this.#verbs = new Set(verbs);
    this.#groups = new Set(apiGroups);
    this.#resources = new Set(resources);
    this.#names = new Set(resourceNames);
    this.#urls = nonResourceURLs ?? [];
  }

  covers({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): boolean {
    return (
      verbs.every((verb) => hasWord(this.#verbs, verb)) &&
      (apiGroups ?? []).every((each) => hasWord(this.#groups, each)) &&
      (resources ?? []).every((resource) => this.#hasResource(resource)) &&
      (nonResourceURLs ?? []).every((url) => this.#urls.some((pattern) => urlPatternMatches(pattern, url))) &&
      this.#hasNames(resourceNames ?? [])
    );
  }

  #hasResource(resource: string): boolean {
    if (hasWord(this.#resources, resource)) return true;
    const slash = resource.indexOf("/");
    return slash >= 0 && this.#resources.has(`*${resource.slice(slash)}`);
  }

  /** Power over named objects doesn't cover power over all. */
  #hasNames(names: readonly string[]): boolean {
    if (this.#names.size === 0) return true;
    return names.length > 0 && names.every((name) => this.#names.has(name));
  }
}

const hasWord = (words: ReadonlySet<string>, word: string): boolean => words.has("*") || words.has(word);

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, sorted, verbs of the same resource together. */
export function describeRules(rules: readonly PolicyRule[]): string[] {
  return [...new Set(compact(rules).map(ruleText))].toSorted();
}

/** A verb asked for twice is told twice. upstream: policy_compact.go */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const { verbs, ...rest } = rule;
    const key = rule.nonResourceURLs === undefined ? JSON.stringify(rest) : JSON.stringify(rule);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...rest, verbs: [...verbs] });
    else for (const verb of verbs) known.verbs.push(verb);
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

/** Whether a write fits into the quotas of its namespace, and what they would say afterwards. upstream: apiserver/pkg/admission/plugin/resourcequota/controller.go CheckRequest */
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { compareQuantities, zeroQuantity, type Quantity } from "#api/meta/quantity.ts";
import {
  growth,
  isSameUsage,
  listOf,
  onlyNames,
  sumOfUsages,
  usageOf,
  usageText,
} from "#api/quota/amounts.ts";
import type { QuotaEvaluator, Usage } from "#api/quota/evaluator.ts";
import { scopesOf } from "#api/quota/scopes.ts";

/** Of these, nothing may be had without a quota that covers it. upstream: the plugin's configuration file */
export interface LimitedResource {
  /** "pods", "deployments.apps" */
  readonly resource: string;
  /** Parts of names of usage: "requests.storage". */
  readonly matchContains?: readonly string[] | undefined;
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[] | undefined;
}

export interface QuotaQuestion {
  readonly resource: string;
  readonly evaluator: QuotaEvaluator;
  readonly object: AnyObject;
  /** Undefined for a new object. */
  readonly oldObject: AnyObject | undefined;
  readonly limited: readonly LimitedResource[];
  readonly nowMs: number;
}

export type QuotaAnswer =
  | { readonly fault: string }
  /** The quotas that change, with their new status. */
  | { readonly changed: readonly ResourceQuota[] };

const nothing: QuotaAnswer = { changed: [] };

export function checkQuotas(quotas: readonly ResourceQuota[], question: QuotaQuestion): QuotaAnswer {
  const { evaluator, object, nowMs } = question;
  const relevant: ResourceQuota[] = [];
  for (const quota of quotas) {
    if (!matches(quota, evaluator, object)) continue;
    const fault = constraintFault(quota, question);
    if (fault !== undefined) return { fault };
    relevant.push(quota);
  }
  const usage = evaluator.usage(object, nowMs);
  const negative = [...usage].filter(([, amount]) => amount.nano < 0n).map(([name]) => name);
  if (negative.length > 0) {
    return { fault: `quota usage is negative for resource(s): ${negative.toSorted().join(",")}` };
  }
  const deltas = new Map(relevant.map((quota) => [quota, deltaOf(quota, question, usage)]));
  const isNothing =
    relevant.length === 0
      ? nonZero(deltaOf(undefined, question, usage)).size === 0
      : [...deltas.values()].every((delta) => delta.size === 0);
  if (isNothing) return nothing;
  const uncovered = uncoveredFault(quotas, relevant, question, usage);
  if (uncovered !== undefined) return { fault: uncovered };
  return charge(deltas);
}

function matches(quota: ResourceQuota, evaluator: QuotaEvaluator, object: AnyObject): boolean {
  const isAbout = Object.keys(quota.status?.hard ?? {}).some((name) => evaluator.measures(name));
  return isAbout && scopesOf(quota).every((scope) => evaluator.isInScope(scope, object));
}

const restricted = ({ status }: ResourceQuota, evaluator: QuotaEvaluator): string[] =>
  Object.keys(status?.hard ?? {}).filter((name) => evaluator.measures(name));

function constraintFault(quota: ResourceQuota, { evaluator, object }: QuotaQuestion): string | undefined {
  const names = restricted(quota, evaluator);
  const name = quota.metadata?.name ?? "";
  const missing = evaluator.missing(names, object);
  if (missing !== undefined) return `failed quota: ${name}: ${missing}`;
  const isCounted = names.every((each) => quota.status?.used?.[each] !== undefined);
  return isCounted
    ? undefined
    : `status unknown for quota: ${name}, resources: ${names.toSorted().join(",")}`;
}

/** What the quota has to bear: an object that it bore already counts by what it grew. */
function deltaOf(
  quota: ResourceQuota | undefined,
  { evaluator, oldObject, nowMs }: QuotaQuestion,
  usage: Usage,
): Usage {
  if (oldObject === undefined) return nonZero(usage);
  const wasCounted = quota === undefined || matches(quota, evaluator, oldObject);
  return nonZero(wasCounted ? growth(usage, evaluator.usage(oldObject, nowMs)) : usage);
}

const nonZero = (usage: Usage): Map<string, Quantity> =>
  new Map([...usage].filter(([, amount]) => amount.nano !== 0n));

function uncoveredFault(
  quotas: readonly ResourceQuota[],
  relevant: readonly ResourceQuota[],
  { resource, evaluator, object, limited }: QuotaQuestion,
  usage: Usage,
): string | undefined {
  const covered = new Set(relevant.flatMap((quota) => restricted(quota, evaluator)));
  const rules = limited.filter((rule) => rule.resource === resource);
  const wanted = [...nonZero(usage).keys()].filter((name) =>
    rules.some(({ matchContains = [] }) => matchContains.some((part) => name.includes(part))),
  );
  const bare = [...new Set(wanted.filter((name) => !covered.has(name)))].toSorted();
  if (bare.length > 0) return `insufficient quota to consume: ${bare.join(",")}`;
  const coveredScopes = new Set(
    quotas
      .flatMap(scopesOf)
      .filter((scope) => evaluator.isInScope(scope, object))
      .map(({ scopeName }) => scopeName),
  );
  const bareScopes = limited
    .flatMap(({ matchScopes = [] }) => matchScopes)
    .filter((scope) => evaluator.isInScope(scope, object) && !coveredScopes.has(scope.scopeName));
  if (bareScopes.length === 0) return undefined;
  const texts = bareScopes.map(
    ({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(" ")}]}`,
  );
  return `insufficient quota to match these scopes: [${texts.join(" ")}]`;
}

function charge(deltas: ReadonlyMap<ResourceQuota, Usage>): QuotaAnswer {
  const changed: ResourceQuota[] = [];
  for (const [quota, delta] of deltas) {
    const hard = usageOf(quota.status?.hard);
    const used = usageOf(quota.status?.used);
    const requested = onlyNames(delta, (name) => hard.has(name));
    const after = sumOfUsages(used, requested);
    const exceeded = new Set(
      [...requested.keys()].filter(
        (name) => compareQuantities(after.get(name) ?? zeroQuantity, hard.get(name) ?? zeroQuantity) > 0,
      ),
    );
    if (exceeded.size > 0) {
      const part = (all: Usage): string => usageText(onlyNames(all, (name) => exceeded.has(name)));
      return {
        fault: `exceeded quota: ${quota.metadata?.name ?? ""}, requested: ${part(requested)}, used: ${part(used)}, limited: ${part(hard)}`,
      };
    }
    if (isSameUsage(used, after)) continue;
    changed.push({ ...quota, status: { ...quota.status, used: listOf(after) } });
  }
  return { changed };
}

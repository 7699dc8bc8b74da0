/** Quotas. upstream: pkg/apis/core/validation/validation.go (ValidateResourceQuota) */
import type {
  ResourceQuota,
  ResourceQuotaSpec,
  ScopedResourceSelectorRequirement,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { immutableMessage } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import type { ResourceList } from "./resource-list.ts";
import { checkQuotaResourceName, checkResourceQuantity, isQuotaResource } from "./resource-validation.ts";

const terminations = ["Terminating", "NotTerminating"];
const qualities = ["BestEffort", "NotBestEffort"];
/** Those that pods are in or out of, and have no value to compare. */
const plainScopes = [...terminations, ...qualities, "CrossNamespacePodAffinity"];
const scopes = [...plainScopes, "PriorityClass", "VolumeAttributesClass"];

const podResources = new Set([
  "pods",
  ...["cpu", "memory"].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]),
]);
const claimResources = new Set(["persistentvolumeclaims", "requests.storage"]);

/** upstream: IsResourceQuotaScopeValidForResource. `scope` is one that is known. */
function appliesTo(scope: string, name: string): boolean {
  if (scope === "BestEffort") return name === "pods";
  if (scope === "VolumeAttributesClass") return claimResources.has(name);
  return podResources.has(name);
}

function checkAmounts(list: ResourceList | undefined, path: string, faults: FaultList): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = `${path}[${name}]`;
    checkQuotaResourceName(name, at, faults);
    checkResourceQuantity(name, text, at, faults);
  }
}

type Spec = Loose<ResourceQuotaSpec>;

/** That each scope says something of all that the quota limits: once of each, however often it is said. */
class AppliedScopes {
  readonly #names: readonly string[];
  readonly #seen = new Set<string>();

  constructor({ hard }: Spec) {
    this.#names = Object.keys(hard ?? {}).filter(isQuotaResource);
  }

  check(scope: string, path: string, shown: unknown, faults: FaultList): void {
    if (this.#seen.has(scope) || !scopes.includes(scope)) return;
    this.#seen.add(scope);
    for (const name of this.#names) {
      if (!appliesTo(scope, name)) faults.invalid(path, shown, "unsupported scope applied to resource");
    }
  }
}

function checkClashes(used: readonly string[], spec: Spec, path: string, faults: FaultList): void {
  for (const pair of [qualities, terminations]) {
    if (pair.every((scope) => used.includes(scope))) {
      faults.invalid(path, spec.scopes ?? null, "conflicting scopes");
    }
  }
}

function checkScopes(spec: Spec, faults: FaultList): void {
  const path = "spec.scopes";
  const shown = spec.scopes ?? [];
  const applied = new AppliedScopes(spec);
  for (const scope of shown) {
    if (!scopes.includes(scope)) faults.invalid(path, shown, "unsupported scope");
    applied.check(scope, path, shown, faults);
  }
  checkClashes(shown, spec, path, faults);
}

function checkOperator(
  { scopeName = "", operator = "", values = [] }: Loose<ScopedResourceSelectorRequirement>,
  path: string,
  faults: FaultList,
): void {
  if (plainScopes.includes(scopeName) && operator !== "Exists") {
    faults.invalid(
      `${path}.operator`,
      operator,
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
    );
  }
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) {
        const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
        faults.required(`${path}.values`, detail);
      }
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) {
        const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
        faults.invalid(`${path}.values`, values, detail);
      }
      break;
    default:
      faults.invalid(`${path}.operator`, operator, "not a valid selector operator");
  }
}

/** upstream prints its own struct, whose fields have their Go names. */
const selectorAsGo = (requirements: readonly Loose<ScopedResourceSelectorRequirement>[]): object => ({
  MatchExpressions: requirements.map(({ scopeName = "", operator = "", values }) => ({
    ScopeName: scopeName,
    Operator: operator,
    Values: values ?? null,
  })),
});

function checkSelector(spec: Spec, faults: FaultList): void {
  if (spec.scopeSelector === undefined) return;
  const path = "spec.scopeSelector.matchExpressions";
  const requirements = spec.scopeSelector.matchExpressions ?? [];
  const applied = new AppliedScopes(spec);
  const shown = selectorAsGo(requirements);
  for (const requirement of requirements) {
    const { scopeName = "" } = requirement;
    if (!scopes.includes(scopeName)) faults.invalid(`${path}.scopeName`, scopeName, "unsupported scope");
    applied.check(scopeName, path, shown, faults);
    checkOperator(requirement, path, faults);
  }
  const used = requirements.map(({ scopeName = "" }) => scopeName);
  checkClashes(used, spec, path, faults);
}

export function checkResourceQuota({ spec = {} }: Loose<ResourceQuota>, faults: FaultList): void {
  checkAmounts(spec.hard, "spec.hard", faults);
  checkScopes(spec, faults);
  checkSelector(spec, faults);
}

/** Scopes are a set: their order may change. */
export function checkResourceQuotaUpdate(
  quota: Loose<ResourceQuota>,
  old: Loose<ResourceQuota>,
  faults: FaultList,
): void {
  const now = new Set(quota.spec?.scopes);
  const before = new Set(old.spec?.scopes);
  if (now.symmetricDifference(before).size > 0) {
    faults.invalid("spec.scopes", quota.spec?.scopes ?? null, immutableMessage);
  }
}

export function checkResourceQuotaStatusUpdate(
  { status }: Loose<ResourceQuota>,
  _old: Loose<ResourceQuota>,
  faults: FaultList,
): void {
  checkAmounts(status?.hard, "status.hard", faults);
  checkAmounts(status?.used, "status.used", faults);
}

/** Whether a policy or a binding is about a request. upstream: apiserver/pkg/admission/plugin/policy/matching/matching.go */
import type {
  MatchResources,
  NamedRuleWithOperations,
  RuleWithOperations,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { notFoundError } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Lookup } from "../lookup.ts";
import { concerns } from "../refuse.ts";

const policyKinds = /^(?:Validating|Mutating)AdmissionPolicy(?:Binding)?$/;

/** Policies don't judge policies: nobody may lock the door that leads to the lock. */
export const isPolicy = ({ gvk }: AdmissionAttributes): boolean =>
  gvk.group === "admissionregistration.k8s.io" && policyKinds.test(gvk.kind);

const isOneOf = (items: readonly string[] | undefined, wanted: string): boolean =>
  items?.some((item) => item === "*" || item === wanted) === true;

function matchesResource(resources: readonly string[], attributes: AdmissionAttributes): boolean {
  return resources.some((text) => {
    const [resource = "", subresource = ""] = text.split("/", 2);
    const isResource = resource === "*" || resource === attributes.gvr.resource;
    return isResource && (subresource === "*" || subresource === attributes.subresource);
  });
}

function matchesScope(scope: string | undefined, attributes: AdmissionAttributes): boolean {
  if (scope === undefined || scope === "*") return true;
  const isNamespaced = attributes.namespace !== "" && !concerns(attributes, "namespaces");
  return scope === (isNamespaced ? "Namespaced" : "Cluster");
}

/** `version`: under Equivalent, a rule about one version of a resource is about all of them. */
function matchesRule(
  rule: RuleWithOperations,
  attributes: AdmissionAttributes,
  isEquivalent: boolean,
): boolean {
  return (
    matchesScope(rule.scope, attributes) &&
    isOneOf(rule.operations, attributes.operation) &&
    isOneOf(rule.apiGroups, attributes.gvr.group) &&
    (isEquivalent || isOneOf(rule.apiVersions, attributes.gvr.version)) &&
    matchesResource(rule.resources ?? [], attributes)
  );
}

function matchesSome(
  rules: readonly NamedRuleWithOperations[],
  attributes: AdmissionAttributes,
  isEquivalent: boolean,
): boolean {
  return rules.some((rule) => {
    const names = rule.resourceNames ?? [];
    if (names.length > 0 && !names.includes(attributes.name)) return false;
    return matchesRule(rule, attributes, isEquivalent);
  });
}

export class PolicyMatcher {
  readonly #namespaces: Lookup<Namespace>;

  constructor(namespaces: Lookup<Namespace>) {
    this.#namespaces = namespaces;
  }

  /** Throws 404 for a namespace that isn't there. */
  async matches(criteria: MatchResources, attributes: AdmissionAttributes): Promise<boolean> {
    const { resourceRules = [], excludeResourceRules = [], matchPolicy } = criteria;
    const isEquivalent = matchPolicy !== "Exact";
    if (matchesSome(excludeResourceRules, attributes, isEquivalent)) return false;
    if (resourceRules.length > 0 && !matchesSome(resourceRules, attributes, isEquivalent)) return false;
    if (!matchesObject(criteria, attributes)) return false;
    return this.#matchesNamespace(criteria, attributes);
  }

  /** The namespace that `namespaceObject` is: none of what is cluster-scoped, nor of a Namespace. */
  async namespaceOf(attributes: AdmissionAttributes): Promise<Namespace | undefined> {
    if (attributes.namespace === "" || concerns(attributes, "namespaces")) return undefined;
    return this.#found(attributes.namespace);
  }

  async #matchesNamespace(
    { namespaceSelector }: MatchResources,
    attributes: AdmissionAttributes,
  ): Promise<boolean> {
    const selector = selectorOf(namespaceSelector ?? {});
    const isNamespace = concerns(attributes, "namespaces");
    if (selector.everything || (attributes.namespace === "" && !isNamespace)) return true;
    if (isNamespace && attributes.subresource === "" && attributes.object !== undefined) {
      return selector.matches(attributes.object.metadata?.labels);
    }
    const namespace = await this.#found(isNamespace ? attributes.name : attributes.namespace);
    return selector.matches(namespace.metadata?.labels);
  }

  async #found(name: string): Promise<Namespace> {
    const namespace = await this.#namespaces.get(name);
    if (namespace === undefined) throw notFoundError({ group: "", resource: "namespaces", name });
    return namespace;
  }
}

function matchesObject({ objectSelector }: MatchResources, attributes: AdmissionAttributes): boolean {
  const selector = selectorOf(objectSelector ?? {});
  if (selector.everything) return true;
  return [attributes.object, attributes.oldObject].some(
    (object) => object !== undefined && selector.matches(object.metadata?.labels),
  );
}

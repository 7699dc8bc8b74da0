/** Whether a policy or a binding is about a request. upstream: apiserver/pkg/admission/plugin/policy/matching/matching.go */
import type {
  MatchResources,
  NamedRuleWithOperations,
} from "#api/generated/types/admissionregistration-v1.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { notFoundError } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Lookup } from "../lookup.ts";
import { concerns } from "../refuse.ts";
import type { Named, ObjectTypes } from "../webhooks/object-types.ts";

const policyKinds = /^(?:Validating|Mutating)AdmissionPolicy(?:Binding)?$/;

/** Policies don't judge policies: nobody may lock the door that leads to the lock. */
export const isPolicy = ({ gvk }: AdmissionAttributes): boolean =>
  gvk.group === "admissionregistration.k8s.io" && policyKinds.test(gvk.kind);

const isOneOf = (items: readonly string[] | undefined, wanted: string): boolean =>
  items?.some((item) => item === "*" || item === wanted) === true;

function matchesResource(resources: readonly string[], wanted: string, subresource: string): boolean {
  return resources.some((text) => {
    const [resource = "", sub = ""] = text.split("/", 2);
    return (resource === "*" || resource === wanted) && (sub === "*" || sub === subresource);
  });
}

function matchesScope(scope: string | undefined, attributes: AdmissionAttributes): boolean {
  if (scope === undefined || scope === "*") return true;
  const isNamespaced = attributes.namespace !== "" && !concerns(attributes, "namespaces");
  return scope === (isNamespaced ? "Namespaced" : "Cluster");
}

function matchesRule(
  rule: NamedRuleWithOperations,
  attributes: AdmissionAttributes,
  { gvr }: Pick<Named, "gvr">,
): boolean {
  const names = rule.resourceNames ?? [];
  return (
    (names.length === 0 || names.includes(attributes.name)) &&
    matchesScope(rule.scope, attributes) &&
    isOneOf(rule.operations, attributes.operation) &&
    isOneOf(rule.apiGroups, gvr.group) &&
    isOneOf(rule.apiVersions, gvr.version) &&
    matchesResource(rule.resources ?? [], gvr.resource, attributes.subresource)
  );
}

export class PolicyMatcher {
  readonly #namespaces: Lookup<Namespace>;
  readonly #types: Pick<ObjectTypes, "equivalents">;

  constructor(namespaces: Lookup<Namespace>, types: Pick<ObjectTypes, "equivalents">) {
    this.#namespaces = namespaces;
    this.#types = types;
  }

  /** As what the request is judged; undefined when it isn't. Throws 404 for a namespace that isn't there. */
  async match(criteria: MatchResources, attributes: AdmissionAttributes): Promise<Named | undefined> {
    const { resourceRules = [], excludeResourceRules = [], matchPolicy } = criteria;
    const { gvr, gvk } = attributes;
    if (this.#named(excludeResourceRules, attributes, matchPolicy) !== undefined) return undefined;
    const named =
      resourceRules.length === 0 ? { gvr, gvk } : this.#named(resourceRules, attributes, matchPolicy);
    if (named === undefined || !matchesObject(criteria, attributes)) return undefined;
    return (await this.#matchesNamespace(criteria, attributes)) ? named : undefined;
  }

  /** Under Equivalent, a rule about one version of a resource is about all of them, and sees its own. */
  #named(
    rules: readonly NamedRuleWithOperations[],
    attributes: AdmissionAttributes,
    matchPolicy: string | undefined,
  ): Named | undefined {
    const { gvr, gvk, subresource } = attributes;
    if (rules.some((rule) => matchesRule(rule, attributes, { gvr }))) return { gvr, gvk };
    if (matchPolicy === "Exact" || rules.length === 0) return undefined;
    const others = this.#types.equivalents(gvr, subresource);
    for (const rule of rules) {
      const found = others.find((other) => matchesRule(rule, attributes, other));
      if (found !== undefined) return found;
    }
    return undefined;
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

/** Whether a webhook is to be asked about a write, and under which name of the resource. upstream: apiserver/pkg/admission/plugin/webhook/{generic/webhook,predicates} */
import type { Rule, RuleWithOperations } from "#api/generated/types/admissionregistration-v1.ts";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { notFoundError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns } from "../refuse.ts";
import type { Named, ObjectTypes } from "./object-types.ts";
import type { Hook } from "./source.ts";

const exemptKinds = new Set([
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionPolicyBinding",
]);

/** Nobody may lock the door that leads to the lock. */
export const isExempt = ({ gvk }: AdmissionAttributes): boolean =>
  gvk.group === "admissionregistration.k8s.io" && exemptKinds.has(gvk.kind);

/** The namespace a request is about; that of a Namespace is itself. */
export const namespaceOf = (attributes: AdmissionAttributes): string =>
  concerns(attributes, "namespaces") && attributes.namespace === "" ? attributes.name : attributes.namespace;

export class HookMatcher {
  readonly #namespaces: Lookup<Namespace>;
  readonly #types: ObjectTypes;

  constructor(deps: LookupDeps & { readonly types: ObjectTypes }) {
    this.#namespaces = new Lookup(namespaces, deps);
    this.#types = deps.types;
  }

  /** What the webhook is asked about; undefined when it isn't asked. Throws 404 for a namespace that isn't there. */
  async match(hook: Hook, attributes: AdmissionAttributes): Promise<Named | undefined> {
    if (!matchesObject(hook, attributes)) return undefined;
    const named = this.#named(hook, attributes);
    if (named === undefined) return undefined;
    return (await this.#matchesNamespace(hook, attributes)) ? named : undefined;
  }

  #named({ webhook }: Hook, attributes: AdmissionAttributes): Named | undefined {
    const rules = webhook.rules ?? [];
    const { gvr, gvk } = attributes;
    if (rules.some((rule) => matchesRule(rule, attributes, { gvr, gvk }))) return { gvr, gvk };
    if (webhook.matchPolicy === "Exact") return undefined;
    const others = this.#types.equivalents(gvr, attributes.subresource);
    for (const rule of rules) {
      const found = others.find((other) => matchesRule(rule, attributes, other));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #matchesNamespace({ namespaceSelector }: Hook, attributes: AdmissionAttributes): Promise<boolean> {
    const name = namespaceOf(attributes);
    const isNamespace = concerns(attributes, "namespaces");
    if ((name === "" && !isNamespace) || namespaceSelector.everything) return true;
    if (isNamespace && attributes.subresource === "" && attributes.object !== undefined) {
      return namespaceSelector.matches(attributes.object.metadata?.labels);
    }
    const found = await this.#namespaces.get(name);
    if (found === undefined) throw notFoundError({ group: "", resource: "namespaces", name });
    return namespaceSelector.matches(found.metadata?.labels);
  }
}

function matchesObject({ objectSelector }: Hook, { object, oldObject }: AdmissionAttributes): boolean {
  if (objectSelector.everything) return true;
  return [object, oldObject].some(
    (each) => each !== undefined && objectSelector.matches(each.metadata?.labels),
  );
}

const isOneOf = (items: readonly string[] | undefined, wanted: string): boolean =>
  items?.some((item) => item === "*" || item === wanted) === true;

function matchesRule(rule: RuleWithOperations, attributes: AdmissionAttributes, { gvr }: Named): boolean {
  return (
    matchesScope(rule, attributes) &&
    isOneOf(rule.operations, attributes.operation) &&
    isOneOf(rule.apiGroups, gvr.group) &&
    isOneOf(rule.apiVersions, gvr.version) &&
    matchesResource(rule, gvr.resource, attributes.subresource)
  );
}

function matchesScope({ scope = "*" }: Rule, attributes: AdmissionAttributes): boolean {
  if (scope === "*") return true;
  const isInNamespace = attributes.namespace !== "" && !concerns(attributes, "namespaces");
  return scope === (isInNamespace ? "Namespaced" : "Cluster");
}

/** "pods", "pods/status", and stars in place of either: a rule without a slash isn't about subresources. */
function matchesResource({ resources = [] }: Rule, resource: string, subresource: string): boolean {
  return resources.some((text) => {
    const [wanted = "", sub = ""] = text.split("/", 2);
    return (wanted === "*" || wanted === resource) && (sub === "*" || sub === subresource);
  });
}

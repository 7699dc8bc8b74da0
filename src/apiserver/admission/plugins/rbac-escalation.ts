/**
 * Roles and bindings may only hand out powers that their writer holds. Upstream checks this in the storage of the
 * four kinds, before anything is validated; here it is the last plugin that might change the object, for it is the same
 * moment. upstream: pkg/registry/rbac/{role,rolebinding}/policybased
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterRole, RoleBinding } from "#api/generated/types/rbac-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { forbiddenError } from "#api/meta/status.ts";
import type { EscalationGuard, PolicyObject } from "#apiserver/authz/escalation.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";

export class RbacEscalation implements AdmissionPlugin {
  readonly name = "RbacEscalation";
  readonly resources = ["roles", "clusterroles", "rolebindings", "clusterrolebindings"].map(
    (resource) => `${resource}.rbac.authorization.k8s.io`,
  );
  readonly #guard: EscalationGuard;

  constructor(deps: { readonly guard: EscalationGuard }) {
    this.#guard = deps.guard;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    const { gvr, object, oldObject, subresource } = attributes;
    if (gvr.group !== "rbac.authorization.k8s.io" || object === undefined || subresource !== "") return;
    if (oldObject !== undefined && changesGarbageOnly(object, oldObject)) return;
    const target: PolicyObject = {
      resource: gvr.resource as PolicyObject["resource"],
      namespace: attributes.namespace,
      name: attributes.urlName ?? attributes.name,
    };
    const fault = await this.#judge(attributes, target, object);
    const { name = "" } = object.metadata ?? {};
    if (fault !== undefined) throw forbiddenError({ ...gvr, name }, fault);
  }

  #judge(
    { user, oldObject }: AdmissionAttributes,
    target: PolicyObject,
    object: AnyObject,
  ): Promise<string | undefined> {
    switch (target.resource) {
      case "roles":
      case "clusterroles": {
        const role = object as ClusterRole;
        const aggregates = isAggregating(role) || isAggregating(oldObject);
        return this.#guard.checkRole(user, target, role.rules ?? [], aggregates);
      }
      case "rolebindings":
      case "clusterrolebindings":
        return this.#guard.checkBinding(user, target, (object as unknown as RoleBinding).roleRef);
      default:
        return Promise.resolve(undefined);
    }
  }
}

const isAggregating = (role: ClusterRole | undefined): boolean =>
  (role?.aggregationRule?.clusterRoleSelectors ?? []).length > 0;

/** The garbage collector removes owners and finalizers without holding the powers inside. */
function changesGarbageOnly(object: AnyObject, old: AnyObject): boolean {
  return isDeepStrictEqual(withoutGarbageFields(object), withoutGarbageFields(old));
}

function withoutGarbageFields(object: AnyObject): AnyObject {
  const {
    ownerReferences: _owners,
    finalizers: _finalizers,
    managedFields: _fields,
    ...metadata
  } = object.metadata ?? {};
  return { ...object, metadata };
}

/**
 * Who names owners must be allowed to delete the object, as the garbage collector may once do it for him; who blocks an
 * owner's deletion must be allowed to hold it up by finalizers.
 * upstream: plugin/pkg/admission/gc/gc_admission.go
 */
import { isDeepStrictEqual } from "node:util";
import { parseApiVersion, type AnyObject, type OwnerReference } from "#api/meta/object.ts";
import type { Authorizer, Decision } from "#apiserver/authz/authorizer.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { refuse } from "../refuse.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";

export interface OwnerReferencesDeps {
  readonly authorizer: Authorizer;
  readonly types: Pick<ObjectTypes, "resourceOf">;
}

/** Which resource is asked about, of what the write is about by default. */
interface Asked {
  readonly verb: string;
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export class OwnerReferencesPermissionEnforcement implements AdmissionPlugin {
  readonly name = "OwnerReferencesPermissionEnforcement";
  readonly #deps: OwnerReferencesDeps;

  constructor(deps: OwnerReferencesDeps) {
    this.#deps = deps;
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { gvr, subresource, operation, object, oldObject } = attributes;
    // A pod's status can't change who owns it, and old kubelets write it without its owners.
    if (gvr.resource === "pods" && gvr.group === "" && subresource === "status") return;
    const owners = ownersOf(object);
    const before = ownersOf(oldObject);
    if (isDeepStrictEqual(owners, before)) return;
    if (operation === "UPDATE") await this.#mayDelete(attributes);
    const known = new Map(before.map((owner) => [owner.uid, owner]));
    for (const owner of owners) {
      if (owner.blockOwnerDeletion !== true) continue;
      if (known.get(owner.uid)?.blockOwnerDeletion !== true) await this.#mayBlock(attributes, owner);
    }
  }

  async #mayDelete(attributes: AdmissionAttributes): Promise<void> {
    const decision = await this.#ask(attributes, { verb: "delete" });
    if (decision.allowed) return;
    throw refuse(
      attributes,
      `cannot set an ownerRef on a resource you can't delete: ${reasonText(decision)}`,
    );
  }

  async #mayBlock(attributes: AdmissionAttributes, owner: OwnerReference): Promise<void> {
    const { apiVersion, kind, name } = owner;
    const { group, version } = parseApiVersion(apiVersion);
    const found = this.#deps.types.resourceOf({ group, version, kind });
    if (found === undefined) {
      throw refuse(
        attributes,
        `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind "${kind}" in version "${apiVersion}"`,
      );
    }
    const decision = await this.#ask(attributes, {
      verb: "update",
      group,
      version,
      resource: found.resource,
      subresource: "finalizers",
      namespace: found.namespaced ? attributes.namespace : "",
      name,
    });
    if (decision.allowed) return;
    throw refuse(
      attributes,
      `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reasonText(decision)}`,
    );
  }

  async #ask(
    { user, gvr, subresource, namespace, name }: AdmissionAttributes,
    asked: Asked,
  ): Promise<Decision> {
    return this.#deps.authorizer.authorize({
      user,
      isResourceRequest: true,
      path: "",
      ...gvr,
      subresource,
      namespace,
      name,
      ...asked,
    });
  }
}

const ownersOf = (object: AnyObject | undefined): readonly OwnerReference[] =>
  object?.metadata?.ownerReferences ?? [];

/** As Go prints a reason and an error. */
const reasonText = ({ reason, error }: Decision): string => `${reason}, ${error ?? "<nil>"}`;

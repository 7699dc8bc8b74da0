/** The parameters that a binding gives to its policy. upstream: apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go CollectParams */
import type { ParamKind, ParamRef } from "#api/generated/types/admissionregistration-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "#client/client.ts";
import type { ObjectTypes } from "../webhooks/object-types.ts";

/** The policy or its binding is set up wrongly; the failure policy decides. */
export class ConfigurationError extends Error {}

export class ParamReader {
  readonly #client: Client;
  readonly #types: Pick<ObjectTypes, "resourceOf">;

  /** `client`: into this server, so that reading is looking into its caches. */
  constructor(client: Client, types: Pick<ObjectTypes, "resourceOf">) {
    this.#client = client;
    this.#types = types;
  }

  /** One evaluation each; `undefined` stands for none. Throws ConfigurationError. */
  async collect(
    kind: ParamKind | undefined,
    ref: ParamRef | undefined,
    namespace: string,
  ): Promise<readonly (AnyObject | undefined)[]> {
    if (kind === undefined || ref === undefined) return [undefined];
    const named = { apiVersion: kind.apiVersion ?? "", kind: kind.kind ?? "" };
    const gvk = { ...parseApiVersion(named.apiVersion), kind: named.kind };
    const found = this.#types.resourceOf(gvk);
    if (found === undefined) {
      throw new ConfigurationError(
        `failed to find resource referenced by paramKind: '${gvk.group}/${gvk.version}, Kind=${gvk.kind}'`,
      );
    }
    const { resource, namespaced } = found;
    const { namespace: own = "" } = ref;
    const from = own === "" ? namespace : own;
    if (namespaced && from === "") {
      throw new ConfigurationError(
        "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources",
      );
    }
    if (!namespaced && own !== "") {
      throw new ConfigurationError(
        "paramRef.namespace must not be provided for a cluster-scoped `paramKind`",
      );
    }
    const objects = await this.#find({ ...gvk, resource, namespaced }, ref, namespaced ? from : undefined);
    if (objects.length === 0 && ref.parameterNotFoundAction === "Deny") {
      throw new ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction");
    }
    return objects.map((object) => ({ ...object, ...named }));
  }

  async #find(
    ref: ResourceRef<AnyObject>,
    { name = "", selector }: ParamRef,
    namespace: string | undefined,
  ): Promise<readonly AnyObject[]> {
    const objects = this.#client.resource<AnyObject>(ref, namespace);
    if (name === "") {
      const { items } = await objects.list({ labelSelector: selectorOf(selector ?? {}).toString() });
      return items;
    }
    try {
      return [await objects.get(name)];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
}

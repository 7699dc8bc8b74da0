/** The parameters that a binding gives to its policy. upstream: apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go CollectParams */
import type { ParamKind, ParamRef } from "#api/generated/types/admissionregistration-v1.ts";
import { selectorOf } from "#api/meta/labels.ts";
import { parseApiVersion, type AnyObject } from "#api/meta/object.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "#client/client.ts";

/** The policy or its binding is set up wrongly; the failure policy decides. */
export class ConfigurationError extends Error {}

interface ParamResource {
  readonly resource: string;
  readonly namespaced: boolean;
}

interface DiscoveredResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class ParamReader {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** One evaluation each; `undefined` stands for none. Throws ConfigurationError. */
  async collect(
    kind: ParamKind | undefined,
    ref: ParamRef | undefined,
    namespace: string,
  ): Promise<readonly (AnyObject | undefined)[]> {
    if (kind === undefined || ref === undefined) return [undefined];
    const { resource, namespaced } = await this.#resourceOf(kind);
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
    const named = { apiVersion: kind.apiVersion ?? "", kind: kind.kind ?? "" };
    const found = await this.#find(
      { ...parseApiVersion(named.apiVersion), kind: named.kind, resource, namespaced },
      ref,
      namespaced ? from : undefined,
    );
    if (found.length === 0 && ref.parameterNotFoundAction === "Deny") {
      throw new ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction");
    }
    return found.map((object) => ({ ...object, ...named }));
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

  async #resourceOf({ apiVersion = "", kind = "" }: ParamKind): Promise<ParamResource> {
    const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { group, version } = parseApiVersion(apiVersion);
    const unknown = new ConfigurationError(
      `failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind}'`,
    );
    try {
      const { body } = await this.#client.transport.request({ method: "GET", path });
      const { resources = [] } = body as { readonly resources?: readonly DiscoveredResource[] };
      const found = resources.find((each) => each.kind === kind && !each.name.includes("/"));
      if (found === undefined) throw unknown;
      return { resource: found.name, namespaced: found.namespaced };
    } catch (error) {
      if (isNotFound(error)) throw unknown;
      throw error;
    }
  }
}

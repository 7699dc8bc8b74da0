/**
 * Namespaces that are missing are made, or missed. The second is what NamespaceLifecycle does, too.
 * upstream: plugin/pkg/admission/namespace/{autoprovision,exists}/admission.go
 */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { internalError, isAlreadyExists, notFoundError } from "#api/meta/status.ts";
import { namespaces } from "#api/resources.ts";
import { errorText } from "#base/log.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { Lookup, type LookupDeps } from "../lookup.ts";
import { concerns } from "../refuse.ts";

export class NamespaceAutoProvision implements AdmissionPlugin {
  readonly name = "NamespaceAutoProvision";
  readonly #deps: LookupDeps;
  readonly #namespaces: Lookup<Namespace>;

  constructor(deps: LookupDeps) {
    this.#deps = deps;
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE";
  }

  admit(attributes: AdmissionAttributes): Promise<void> | undefined {
    const { namespace, dryRun } = attributes;
    if (dryRun || isOutside(attributes) || this.#namespaces.lister.get(namespace) !== undefined) {
      return undefined;
    }
    return this.#provide(namespace);
  }

  async #provide(name: string): Promise<void> {
    try {
      await this.#deps.client.resource(namespaces).create({ metadata: { name } });
    } catch (error) {
      if (!isAlreadyExists(error)) throw internalError(errorText(error), { cause: error });
    }
  }
}

export class NamespaceExists implements AdmissionPlugin {
  readonly name = "NamespaceExists";
  readonly #namespaces: Lookup<Namespace>;

  constructor(deps: LookupDeps) {
    this.#namespaces = new Lookup(namespaces, deps);
  }

  handles(operation: Operation): boolean {
    return operation !== "CONNECT";
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const { namespace } = attributes;
    if (isOutside(attributes) || (await this.#namespaces.get(namespace)) !== undefined) return;
    throw notFoundError({ group: "", resource: "namespaces", name: namespace });
  }
}

const isOutside = (attributes: AdmissionAttributes): boolean =>
  attributes.namespace === "" || concerns(attributes, "namespaces");

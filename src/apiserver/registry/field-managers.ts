/** Field managers of built-in resources. upstream: apiserver/pkg/endpoints/installer.go */
import { ignoredFieldsOf } from "#api/facts/reset-fields.ts";
import { parseApiVersion, qualifiedResource, type GroupVersionKind } from "#api/meta/object.ts";
import { FieldManager } from "#api/patch/apply/field-manager.ts";
import type { ManagersReader } from "#api/patch/apply/managers-reader.ts";
import type { KindVersions } from "#api/patch/apply/object-state.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import type { TypeSemantics } from "#apiserver/request/semantics.ts";
import type { Convert } from "./endpoint.ts";

export interface FieldManagerDeps {
  readonly scheme: Scheme;
  readonly semantics: TypeSemantics;
  readonly convert: Convert;
}

export function fieldManagerOf(
  definition: ResourceDefinition,
  subresource: string,
  deps: FieldManagerDeps,
  reader: ManagersReader,
): FieldManager {
  const { group, version, kind, resource, subresources } = definition;
  const hasStatus = subresources.some(({ name }) => name === "status");
  return new FieldManager(
    {
      gvk: { group, version, kind },
      subresource,
      ignored: ignoredFieldsOf(qualifiedResource(group, resource), subresource, hasStatus),
      versions: new ServedVersions(kind, deps),
    },
    reader,
  );
}

class ServedVersions implements KindVersions {
  readonly #kind: string;
  readonly #deps: FieldManagerDeps;

  constructor(kind: string, deps: FieldManagerDeps) {
    this.#kind = kind;
    this.#deps = deps;
  }

  typeOf(apiVersion: string): ReturnType<KindVersions["typeOf"]> {
    const gvk = this.#gvk(apiVersion);
    return this.#deps.scheme.kind(gvk) === undefined ? undefined : this.#deps.semantics.applyType(gvk);
  }

  convert(...[object, from, to]: Parameters<KindVersions["convert"]>): ReturnType<KindVersions["convert"]> {
    return this.#deps.convert(object, this.#gvk(from), this.#gvk(to));
  }

  #gvk(apiVersion: string): GroupVersionKind {
    return { ...parseApiVersion(apiVersion), kind: this.#kind };
  }
}

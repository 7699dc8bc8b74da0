/** What webhooks need to know of types: other versions of an object, and what a changed one is read as. */
import { inKeyOrder } from "#api/codec/go-json.ts";
import type { WrittenForm } from "#api/codec/go-zeros.ts";
import {
  apiVersionOf,
  qualifiedResource,
  type AnyObject,
  type GroupVersionKind,
  type GroupVersionResource,
} from "#api/meta/object.ts";
import { internalError } from "#api/meta/status.ts";
import type { ApplyType } from "#api/patch/apply/schema.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import type { RemoteVersion } from "#apiserver/discovery/remote-groups.ts";
import type { TypeSemantics } from "#apiserver/request/semantics.ts";

export interface Named {
  readonly gvr: GroupVersionResource;
  readonly gvk: GroupVersionKind;
}

export interface ObjectTypes {
  /** The same objects under other groups and versions. */
  equivalents(gvr: GroupVersionResource, subresource: string): readonly Named[];
  /** Under which name objects of a kind are served; undefined for a kind that isn't. */
  resourceOf(kind: GroupVersionKind): Pick<ResourceDefinition, "resource" | "namespaced"> | undefined;
  /** `object` is the caller's to lose. Throws StatusError. */
  convert(object: AnyObject, from: GroupVersionKind, to: GroupVersionKind): Promise<AnyObject>;
  /**
   * Reads what a patch made as an object of that kind, and fills in defaults. What a custom resource's schema doesn't
   * know stays until it is read from the store, as upstream has it. Throws StatusError.
   */
  read(value: AnyObject, kind: GroupVersionKind, mode?: ReadMode): AnyObject;
  /** As clients see it; shares with `object` what stays. */
  written(object: AnyObject, kind: GroupVersionKind, form?: WrittenForm): AnyObject;
  /** How objects of that kind are merged; undefined for one that isn't served. */
  applyType(kind: GroupVersionKind): ApplyType | undefined;
}

/** What "strict" doesn't know it refuses with 500. */
export type ReadMode = "lenient" | "strict";

/** Those of definitions, as they are served now. */
export interface CustomTypes {
  readonly resources: readonly ResourceDefinition[];
  versionsOf(group: string, resource: string): readonly ResourceDefinition[];
  typesOf(
    group: string,
    kind: string,
  ):
    | {
        convert(object: AnyObject, apiVersion: string): Promise<AnyObject>;
        fillDefaults(object: AnyObject): void;
        applyType(apiVersion: string): ApplyType | undefined;
      }
    | undefined;
}

export interface SchemeTypesDeps {
  readonly scheme: Scheme;
  readonly semantics: Pick<TypeSemantics, "check" | "applyDefaults" | "applyType" | "zeros">;
  readonly convert: (object: AnyObject, from: GroupVersionKind, to: GroupVersionKind) => AnyObject;
  readonly custom: () => CustomTypes;
  /** What other servers publish. */
  readonly remote: () => readonly RemoteVersion[];
}

export class SchemeTypes implements ObjectTypes {
  readonly #deps: SchemeTypesDeps;
  #byStorage: ReadonlyMap<string, readonly ResourceDefinition[]> | undefined;

  constructor(deps: SchemeTypesDeps) {
    this.#deps = deps;
  }

  equivalents(gvr: GroupVersionResource, subresource: string): readonly Named[] {
    const { resource } = gvr;
    return this.#others(gvr).flatMap((definition) => {
      const gvk = kindOf(definition, subresource);
      const { group: otherGroup, version: otherVersion } = definition;
      const other = { group: otherGroup, version: otherVersion, resource };
      return gvk === undefined ? [] : [{ gvr: other, gvk }];
    });
  }

  resourceOf(gvk: GroupVersionKind): Pick<ResourceDefinition, "resource" | "namespaced"> | undefined {
    const { scheme, custom, remote } = this.#deps;
    const { group, version, kind } = gvk;
    const is = (each: ResourceDefinition): boolean =>
      each.kind === kind && each.version === version && each.group === group;
    return scheme.all().find(is) ?? custom().resources.find(is) ?? remoteResource(gvk, remote());
  }

  #others({ group, version, resource }: GroupVersionResource): readonly ResourceDefinition[] {
    const own = this.#deps.scheme.resource(group, version, resource);
    if (own === undefined) {
      const versions = this.#deps.custom().versionsOf(group, resource);
      return versions.filter((each) => each.version !== version);
    }
    this.#byStorage ??= Map.groupBy(this.#deps.scheme.all(), storageOf);
    return this.#byStorage.get(storageOf(own))?.filter((each) => each !== own) ?? [];
  }

  async convert(object: AnyObject, from: GroupVersionKind, to: GroupVersionKind): Promise<AnyObject> {
    const { scheme, custom, convert } = this.#deps;
    const types = scheme.structOf(from) === undefined ? custom().typesOf(from.group, from.kind) : undefined;
    return types === undefined ? convert(object, from, to) : types.convert(object, apiVersionOf(to));
  }

  read(value: AnyObject, kind: GroupVersionKind, mode: ReadMode = "lenient"): AnyObject {
    const { scheme, semantics, custom } = this.#deps;
    if (scheme.structOf(kind) === undefined) {
      custom().typesOf(kind.group, kind.kind)?.fillDefaults(value);
      return value;
    }
    const { object, strictFaults } = semantics.check(value, kind);
    if (mode === "strict" && strictFaults.length > 0) {
      throw internalError(`strict decoding error: ${strictFaults.join(", ")}`);
    }
    semantics.applyDefaults(object, kind);
    return object;
  }

  written(object: AnyObject, kind: GroupVersionKind, form: WrittenForm = "made"): AnyObject {
    const { scheme, semantics } = this.#deps;
    // What has no type is a map to upstream.
    if (scheme.structOf(kind) === undefined) return inKeyOrder(object);
    return semantics.zeros(kind)?.written(object, form) ?? object;
  }

  applyType(kind: GroupVersionKind): ApplyType | undefined {
    const { scheme, semantics, custom } = this.#deps;
    return scheme.structOf(kind) === undefined
      ? custom().typesOf(kind.group, kind.kind)?.applyType(apiVersionOf(kind))
      : semantics.applyType(kind);
  }
}

function remoteResource(
  { group, version, kind }: GroupVersionKind,
  remote: readonly RemoteVersion[],
): Pick<ResourceDefinition, "resource" | "namespaced"> | undefined {
  const found = remote
    .find((each) => each.group === group && each.version === version)
    ?.published.find(({ responseKind }) => responseKind?.kind === kind);
  return found === undefined
    ? undefined
    : { resource: found.resource, namespaced: found.scope === "Namespaced" };
}

const storageOf = ({ storageVersion, resource }: ResourceDefinition): string =>
  `${qualifiedResource(storageVersion.group, resource)}/${storageVersion.version}`;

function kindOf(definition: ResourceDefinition, subresource: string): GroupVersionKind | undefined {
  if (subresource === "") return definition;
  return definition.subresources.find(({ name }) => name === subresource);
}

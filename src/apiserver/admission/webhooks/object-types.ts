/** What webhooks need to know of types: other versions of an object, and what a changed one is read as. */
import {
  qualifiedResource,
  type AnyObject,
  type GroupVersionKind,
  type GroupVersionResource,
} from "#api/meta/object.ts";
import type { ResourceDefinition, Scheme } from "#api/scheme.ts";
import type { TypeSemantics } from "#apiserver/request/semantics.ts";

export interface Named {
  readonly gvr: GroupVersionResource;
  readonly gvk: GroupVersionKind;
}

export interface ObjectTypes {
  /** The same objects under other groups and versions. */
  equivalents(gvr: GroupVersionResource, subresource: string): readonly Named[];
  convert(object: AnyObject, from: GroupVersionKind, to: GroupVersionKind): AnyObject;
  /** Reads what a patch made as an object of that kind, and fills in defaults. Throws StatusError. */
  read(value: AnyObject, kind: GroupVersionKind): AnyObject;
}

export interface SchemeTypesDeps {
  readonly scheme: Scheme;
  readonly semantics: Pick<TypeSemantics, "check" | "applyDefaults">;
  readonly convert: ObjectTypes["convert"];
}

/** Of the built-in resources; others have one version as far as this knows, and stay as they are. */
export class SchemeTypes implements ObjectTypes {
  readonly #deps: SchemeTypesDeps;
  #byStorage: ReadonlyMap<string, readonly ResourceDefinition[]> | undefined;

  constructor(deps: SchemeTypesDeps) {
    this.#deps = deps;
  }

  equivalents({ group, version, resource }: GroupVersionResource, subresource: string): readonly Named[] {
    const own = this.#deps.scheme.resource(group, version, resource);
    if (own === undefined) return [];
    this.#byStorage ??= Map.groupBy(this.#deps.scheme.all(), storageOf);
    const others = this.#byStorage.get(storageOf(own))?.filter((each) => each !== own) ?? [];
    return others.flatMap((definition) => {
      const gvk = kindOf(definition, subresource);
      const { group: otherGroup, version: otherVersion } = definition;
      const gvr = { group: otherGroup, version: otherVersion, resource };
      return gvk === undefined ? [] : [{ gvr, gvk }];
    });
  }

  convert(object: AnyObject, from: GroupVersionKind, to: GroupVersionKind): AnyObject {
    return this.#deps.convert(object, from, to);
  }

  read(value: AnyObject, kind: GroupVersionKind): AnyObject {
    const { scheme, semantics } = this.#deps;
    if (scheme.structOf(kind) === undefined) return value;
    const { object } = semantics.check(value, kind);
    semantics.applyDefaults(object, kind);
    return object;
  }
}

const storageOf = ({ storageVersion, resource }: ResourceDefinition): string =>
  `${qualifiedResource(storageVersion.group, resource)}/${storageVersion.version}`;

function kindOf(definition: ResourceDefinition, subresource: string): GroupVersionKind | undefined {
  if (subresource === "") return definition;
  return definition.subresources.find(({ name }) => name === subresource);
}

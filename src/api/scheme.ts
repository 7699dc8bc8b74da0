/** Every built-in resource of the API: who serves it, what may be done with it, what its objects are made of. */
import { earlyGroupVersionFacts, earlyStorageVersions } from "./facts/early-resources.ts";
import type { GroupVersionFact, ResourceFact } from "./facts/resource-fact.ts";
import { groupVersionFacts, storageVersions } from "./facts/resources.ts";
import {
  apiVersionOf,
  parseApiVersion,
  type GroupVersion,
  type GroupVersionKind,
  type GroupVersionResource,
} from "./meta/object.ts";

export interface SubresourceDefinition {
  readonly name: string;
  readonly kind: string;
  /** Of the kind; may differ from the resource's (Scale, Eviction, TokenRequest). */
  readonly group: string;
  readonly version: string;
  readonly verbs: readonly string[];
  /** Full name in the type table: of the kind's objects, or of the options a connecting subresource takes. */
  readonly struct: string;
}

export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  /** Sorted. */
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Full name in the type table. */
  readonly struct: string;
  /** What objects are stored as. Differs from group and version where several of them share one storage. */
  readonly storageVersion: GroupVersion;
  /** Sorted by name. */
  readonly subresources: readonly SubresourceDefinition[];
}

export interface GroupVersionPriority extends GroupVersion {
  readonly groupPriority: number;
  readonly versionPriority: number;
}

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
/** Registered in every group and version. */
const metaKinds = new Set([
  "APIGroup",
  "APIGroupList",
  "APIResourceList",
  "APIVersions",
  "CreateOptions",
  "DeleteOptions",
  "GetOptions",
  "ListOptions",
  "PatchOptions",
  "Status",
  "UpdateOptions",
  "WatchEvent",
]);
const metaGroup = "meta.k8s.io";

const packages: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [...groupVersionFacts, ...earlyGroupVersionFacts].map((fact) => [apiVersionOf(fact), fact.pkg]),
  ),
  "admission.k8s.io/v1": "io.k8s.api.admission.v1",
  "apidiscovery.k8s.io/v2": "io.k8s.api.apidiscovery.v2",
  "apidiscovery.k8s.io/v2beta1": "io.k8s.api.apidiscovery.v2beta1",
  [`${metaGroup}/v1`]: metaPackage,
  [`${metaGroup}/v1beta1`]: "io.k8s.apimachinery.pkg.apis.meta.v1beta1",
};

const keyOf = (group: string, version: string, name: string): string => `${group}/${version}/${name}`;

function subresourcesOf(fact: ResourceFact, own: GroupVersionFact): SubresourceDefinition[] {
  return fact.subresources.map(({ name, kind = fact.kind, groupVersion, verbs, struct }) => {
    const { group, version } = groupVersion === undefined ? own : parseApiVersion(groupVersion);
    const pkg = groupVersion === undefined ? own.pkg : packages[groupVersion];
    return { name, kind, group, version, verbs, struct: `${pkg ?? own.pkg}.${struct ?? kind}` };
  });
}

function definitionOf(fact: ResourceFact, own: GroupVersionFact): ResourceDefinition {
  const { group, version, pkg } = own;
  const name = `${group}/${fact.resource}`;
  const stored = storageVersions[name] ?? earlyStorageVersions[name];
  return {
    group,
    version,
    resource: fact.resource,
    singular: fact.kind.toLowerCase(),
    kind: fact.kind,
    listKind: `${fact.kind}List`,
    namespaced: fact.namespaced,
    verbs: fact.verbs,
    shortNames: fact.shortNames,
    categories: fact.categories,
    struct: `${pkg}.${fact.kind}`,
    storageVersion: stored === undefined ? { group, version } : parseApiVersion(stored),
    subresources: subresourcesOf(fact, own),
  };
}

/** Whether clients are served a resource: runtime-config.ts makes one. */
export type Serves = (resource: GroupVersionResource) => boolean;

/** Groups in the order of discovery: by priority, then by name. Versions: the preferred one first. */
export class Scheme {
  readonly #served: readonly ResourceDefinition[];
  readonly #byResource = new Map<string, ResourceDefinition>();
  readonly #byKind = new Map<string, ResourceDefinition>();
  readonly #groupVersions: readonly GroupVersionPriority[];

  /** What isn't served to clients is still there for the server's own parts. */
  constructor(facts: readonly GroupVersionFact[], serves: Serves = () => true) {
    this.#groupVersions = facts
      .filter((own) => own.resources.some(({ resource }) => serves({ ...own, resource })))
      .toSorted(
        (a, b) =>
          b.groupPriority - a.groupPriority ||
          (a.group < b.group ? -1 : a.group > b.group ? 1 : b.versionPriority - a.versionPriority),
      );
    for (const own of facts) {
      for (const fact of own.resources) {
        const definition = definitionOf(fact, own);
        this.#byResource.set(keyOf(own.group, own.version, fact.resource), definition);
        this.#byKind.set(keyOf(own.group, own.version, fact.kind), definition);
      }
    }
    this.#served = this.all().filter(serves);
  }

  /** Whether clients don't see a resource that is there. */
  get hidesAny(): boolean {
    return this.#served.length < this.#byResource.size;
  }

  /** What clients see. */
  served(): readonly ResourceDefinition[] {
    return this.#served;
  }

  resource(group: string, version: string, resource: string): ResourceDefinition | undefined {
    return this.#byResource.get(keyOf(group, version, resource));
  }

  /** The resource whose objects are of that kind. */
  kind({ group, version, kind }: GroupVersionKind): ResourceDefinition | undefined {
    return this.#byKind.get(keyOf(group, version, kind));
  }

  groups(): readonly string[] {
    return [...new Set(this.#groupVersions.map(({ group }) => group))];
  }

  versions(group: string): readonly string[] {
    return this.#groupVersions.filter((each) => each.group === group).map(({ version }) => version);
  }

  groupVersions(): readonly GroupVersionPriority[] {
    return this.#groupVersions;
  }

  /** By name within a group and version; these in the order of the facts. */
  all(): readonly ResourceDefinition[] {
    return [...this.#byResource.values()];
  }

  /** The struct that a kind would have, if there is one: lists, options and subresources' kinds included. */
  structOf({ group, version, kind }: GroupVersionKind): string | undefined {
    if (metaKinds.has(kind) || (group === "" && kind === "List")) return `${metaPackage}.${kind}`;
    const pkg = packages[apiVersionOf({ group, version })];
    return pkg === undefined ? undefined : `${pkg}.${kind}`;
  }
}

/** By default what 1.35 serves by default. */
export function createScheme(serves?: Serves): Scheme {
  if (serves === undefined) return new Scheme(groupVersionFacts);
  // What another version is kept as is there, too, though it may not be served.
  const stored = new Set(
    earlyGroupVersionFacts.flatMap(({ group, version, resources }) =>
      resources
        .filter(({ resource }) => serves({ group, version, resource }))
        .map(({ resource }) => `${earlyStorageVersions[`${group}/${resource}`] ?? ""}/${resource}`),
    ),
  );
  const early = earlyGroupVersionFacts.map((own) => ({
    ...own,
    resources: own.resources.filter(
      ({ resource }) => serves({ ...own, resource }) || stored.has(`${apiVersionOf(own)}/${resource}`),
    ),
  }));
  return new Scheme([...groupVersionFacts, ...early.filter(({ resources }) => resources.length > 0)], serves);
}

/** How a resource is written down: src/api/facts/{resources,early-resources}.ts are lists of these. */
export interface SubresourceFact {
  readonly name: string;
  /** Absent: the resource's own kind. */
  readonly kind?: string;
  /** Of that kind, where it isn't the resource's: "autoscaling/v1". */
  readonly groupVersion?: string;
  readonly verbs: readonly string[];
  /** The struct of what a client may hand in, where it isn't an object of the kind: options of connecting subresources. */
  readonly struct?: string;
}

export interface ResourceFact {
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceFact[];
}

export interface GroupVersionFact {
  readonly group: string;
  readonly version: string;
  /** Where its structs live in the type table. */
  readonly pkg: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
  readonly resources: readonly ResourceFact[];
}

export const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
export const readWrite = ["get", "patch", "update"];
export const proxyVerbs = ["create", "delete", "get", "patch", "update"];

export const status: SubresourceFact = { name: "status", verbs: readWrite };
export const scale: SubresourceFact = {
  name: "scale",
  kind: "Scale",
  groupVersion: "autoscaling/v1",
  verbs: readWrite,
};

interface Options {
  readonly short?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly string[];
  readonly sub?: readonly SubresourceFact[];
}

const fact = (resource: string, kind: string, namespaced: boolean, options: Options): ResourceFact => ({
  resource,
  kind,
  namespaced,
  verbs: options.verbs ?? allVerbs,
  shortNames: options.short ?? [],
  categories: options.categories ?? [],
  subresources: options.sub ?? [],
});

export const namespaced = (resource: string, kind: string, options: Options = {}): ResourceFact =>
  fact(resource, kind, true, options);
export const cluster = (resource: string, kind: string, options: Options = {}): ResourceFact =>
  fact(resource, kind, false, options);

export const inAll = ["all"];
export const extensions = ["api-extensions"];
export const createOnly = { verbs: ["create"] };

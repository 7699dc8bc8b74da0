/** Which handler answers which verb of which resource or subresource. Filled by install.ts, read by the chain. */
import type { GroupVersionResource } from "#api/meta/object.ts";
import type { StatusError } from "#api/meta/status.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { Answer, ApiCall } from "#apiserver/request/call.ts";
import type { RequestInfo, Verb } from "#apiserver/request/info.ts";

export type Route = (call: ApiCall, info: RequestInfo) => Answer | Promise<Answer>;
export type VerbRoutes = Partial<Record<Verb, Route>>;

export interface RoutedResource {
  readonly definition: ResourceDefinition;
  readonly verbs: VerbRoutes;
  readonly subresources: ReadonlyMap<string, VerbRoutes>;
  /** What is said of whatever is asked of it, once that could be asked. */
  readonly refusal?: (() => StatusError) | undefined;
}

export interface FoundRoute {
  readonly resource: RoutedResource;
  /** Undefined: the resource is there, but not this verb (405). */
  readonly route: Route | undefined;
}

const keyOf = (group: string, version: string, resource: string): string => `${group}/${version}/${resource}`;

export class RouteTable {
  readonly #resources = new Map<string, RoutedResource>();
  /** Custom resources: built-in ones of the same name win. */
  readonly #custom = new Map<string, RoutedResource>();

  add(resource: RoutedResource): void {
    const { group, version, resource: name } = resource.definition;
    this.#resources.set(keyOf(group, version, name), resource);
  }

  addCustom(resource: RoutedResource): void {
    const { group, version, resource: name } = resource.definition;
    this.#custom.set(keyOf(group, version, name), resource);
  }

  removeCustom({ group, version, resource }: GroupVersionResource): void {
    this.#custom.delete(keyOf(group, version, resource));
  }

  isCustom({ group, version, resource }: GroupVersionResource): boolean {
    const key = keyOf(group, version, resource);
    return this.#custom.has(key) && !this.#resources.has(key);
  }

  /** The custom resource that is asked about; undefined where there is none of that name. */
  custom(of: GroupVersionResource): RoutedResource | undefined {
    return this.isCustom(of) ? this.#custom.get(keyOf(of.group, of.version, of.resource)) : undefined;
  }

  find(info: RequestInfo): FoundRoute | undefined {
    const key = keyOf(info.group, info.version, info.resource);
    const builtIn = this.#resources.get(key);
    const resource = builtIn ?? this.#custom.get(key);
    if (resource === undefined) return undefined;
    const { definition } = resource;
    const isNamespace = definition.resource === "namespaces" && definition.group === "";
    if (!definition.namespaced && info.namespace !== "" && !isNamespace) return undefined;
    const verbs = info.subresource === "" ? resource.verbs : resource.subresources.get(info.subresource);
    if (verbs === undefined) return undefined;
    const isPlaced = isWellPlaced(info, definition, builtIn === undefined);
    return { resource, route: isPlaced ? verbs[info.verb] : undefined };
  }
}

const ofCollections = new Set<Verb>(["list", "watch", "deletecollection"]);

/**
 * Objects are named and in their namespace; what is done to collections isn't. But of custom resources upstream looks at
 * the verb alone: one may be created at a name, which only authorization and admission go by.
 * upstream: customresource_handler.go serveResource
 */
function isWellPlaced(info: RequestInfo, { namespaced }: ResourceDefinition, isCustom: boolean): boolean {
  const { verb, namespace, name, subresource } = info;
  if (namespaced && namespace === "") return verb === "list" || verb === "watch";
  if (ofCollections.has(verb)) return true;
  return verb === "create" && subresource === "" ? name === "" || isCustom : name !== "";
}

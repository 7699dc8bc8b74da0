/**
 * Custom resources come and go: follows the definitions, serves what is accepted, and says so in their status. All in
 * one place, as each step waits for the one before: names, routes, Established, and in the end the objects' removal.
 * upstream: apiextensions-apiserver/pkg/{apiserver/apiserver.go,controller/{status,establish,apiapproval,finalizer}}
 */
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { jsonEqual } from "#api/patch/json-value.ts";
import { customResourceDefinitions } from "#api/resources.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Client } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { RateLimitedQueue, runWorkers } from "#client/work/rate-limited.ts";
import type { CacheFeed } from "#apiserver/registry/cache-feed.ts";
import type { DefinitionMetrics } from "#apiserver/metrics/definition-metrics.ts";
import type { StoredResource } from "#apiserver/metrics/cache-metrics.ts";
import type { CacheEvent, ResourceCache } from "#apiserver/registry/resource-cache.ts";
import type { RoutedResource, RouteTable } from "#apiserver/registry/routes.ts";
import {
  isHeldBack,
  isTrue,
  statusAfterNames,
  statusOfApproval,
  statusWhenHeldBack,
  statusWhenServed,
} from "./conditions.ts";
import type { Converter } from "./converter.ts";
import { cleanupFinalizer } from "./definition-strategy.ts";
import { Finalizer } from "./finalizer.ts";
import { groupOf, type Outline, Outlines } from "./outline.ts";
import type { ServedTypes } from "./served-types.ts";
import { serve, type Served, type ServingDeps } from "./serving.ts";
import { conversionFault, unresolvable } from "./unresolvable.ts";

export interface CustomResourcesDeps extends ServingDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts?: ClientCounts | undefined;
  readonly feed: CacheFeed;
  readonly routes: RouteTable;
  /** The server's own client, with all powers. */
  readonly client: () => Client;
  readonly converterOf: (crd: CustomResourceDefinition) => Converter;
  readonly metrics: Pick<DefinitionMetrics, "regenerated">;
}

interface Known {
  readonly crd: CustomResourceDefinition;
  readonly served: Served;
  readonly path: string;
}

/** What nobody can be served. */
interface Refused {
  readonly crd: CustomResourceDefinition;
  readonly routes: readonly RoutedResource[];
}

export class CustomResources {
  readonly #deps: CustomResourcesDeps;
  readonly #definitions: ResourceCache;
  readonly #queue: RateLimitedQueue;
  readonly #finalizer: Finalizer;
  /** By the definition's name; what is served now. */
  readonly #known = new Map<string, Known>();
  /** Accepted, but for its names alone; by the definition's name. */
  readonly #refused = new Map<string, Refused>();
  /** Caches that hold what is stored, by the definition's name. */
  readonly #caches = new Map<string, ResourceCache>();
  readonly #outlines = new Outlines();
  #resources: readonly ResourceDefinition[] = [];

  constructor(deps: CustomResourcesDeps) {
    this.#deps = deps;
    this.#definitions = deps.feed.cache("apiextensions.k8s.io/customresourcedefinitions", false);
    this.#queue = new RateLimitedQueue({ name: "customresourcedefinitions" }, deps);
    this.#finalizer = new Finalizer({
      ...deps,
      again: (name, afterMs) => {
        this.#queue.addAfter(name, afterMs);
      },
    });
    deps.feed.onLoaded(() => {
      this.#begin();
    });
  }

  /** Of all served versions; another list when something has changed. */
  get resources(): readonly ResourceDefinition[] {
    return this.#resources;
  }

  /** What is served now, or should be, for the documents that describe it. */
  get definitions(): readonly CustomResourceDefinition[] {
    return [...this.#known.values(), ...this.#established()].map(({ crd }) => crd);
  }

  /** Of those that can't be served the ones that others have been told of. */
  #established(): Refused[] {
    return [...this.#refused.values()].filter(({ crd }) => isTrue(crd, "Established"));
  }

  *stored(): Generator<StoredResource> {
    for (const { crd, served } of this.#known.values()) {
      yield { group: crd.spec.group, resource: crd.spec.names.plural, cache: served.storage.cache };
    }
  }

  typesOf(group: string, kind: string): ServedTypes | undefined {
    return this.#served(({ definition }) => definition.group === group && definition.kind === kind)?.types;
  }

  /** Every version under which the same objects are served. */
  versionsOf(group: string, resource: string): readonly ResourceDefinition[] {
    const served = this.#served(
      ({ definition }) => definition.group === group && definition.resource === resource,
    );
    return served?.routes.map(({ definition }) => definition) ?? [];
  }

  #served(is: (route: Served["routes"][number]) => boolean): Served | undefined {
    for (const { served } of this.#known.values()) if (served.routes.some(is)) return served;
    return undefined;
  }

  /** Keeps the definitions' status until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await runWorkers(this.#queue, 1, (name) => this.#sync(name), signal);
  }

  /** Before anybody reads: what was served is served again, over caches that the feed still fills. */
  #begin(): void {
    for (const { name } of this.#definitions.objects("")) {
      const crd = this.#definition(name);
      if (crd === undefined) continue;
      if (isServable(crd)) {
        this.#caches.set(name, this.#deps.feed.cache(pathOf(crd), crd.spec.scope === "Namespaced"));
        this.#serve(name, crd);
      } else this.#refuse(name, crd);
      this.#queue.add(name);
    }
    this.#definitions.listen({
      onEvent: (event) => {
        this.#onEvent(event);
      },
    });
  }

  #definition(name: string): CustomResourceDefinition | undefined {
    const object: unknown = this.#definitions.get("", name)?.object;
    return object as CustomResourceDefinition | undefined;
  }

  /** Routes change before anybody else hears of the definition's change. */
  #onEvent({ current, previous }: CacheEvent): void {
    const name = (current ?? previous)?.name ?? "";
    const crd = this.#definition(name);
    const isSame = this.#known.get(name)?.crd.metadata?.uid === crd?.metadata?.uid;
    if (!isSame || crd === undefined || !isServable(crd)) this.#withdraw(name);
    if (crd === undefined || !isServable(crd)) this.#refuse(name, crd);
    else if (this.#caches.has(name)) this.#serve(name, crd);
    this.#noteTerminating(name, previous);
    if (!isOnlySaid(crd, previous)) this.#queue.add(name);
  }

  #serve(name: string, crd: CustomResourceDefinition): void {
    const known = this.#known.get(name);
    const isServedSo =
      known !== undefined &&
      jsonEqual(known.crd.spec, crd.spec) &&
      jsonEqual(known.crd.status?.acceptedNames, crd.status?.acceptedNames);
    const cache = this.#caches.get(name);
    if (isServedSo || cache === undefined) return;
    this.#refuse(name, undefined);
    if (known !== undefined) {
      this.#unroute(known.served.routes);
      // Watches go by the old schema: their clients come again.
      cache.close();
    }
    const served = serve(
      {
        crd,
        cache,
        converter: this.#deps.converterOf(crd),
        isTerminating: () => this.#isTerminating(name),
      },
      this.#deps,
    );
    for (const route of served.routes) this.#deps.routes.addCustom(route);
    this.#known.set(name, { crd, served, path: pathOf(crd) });
    this.#deps.metrics.regenerated(crd, known === undefined ? "add" : "update");
    this.#changed();
  }

  /** Whatever is asked of it, if its names are accepted. Undefined: no more. */
  #refuse(name: string, crd: CustomResourceDefinition | undefined): void {
    const before = this.#refused.get(name);
    const routes = crd !== undefined && isAccepted(crd) ? unresolvable(crd) : [];
    if (before === undefined && routes.length === 0) return;
    this.#unroute(before?.routes ?? []);
    for (const route of routes) this.#deps.routes.addCustom(route);
    if (crd === undefined || routes.length === 0) this.#refused.delete(name);
    else this.#refused.set(name, { crd, routes });
    this.#changed();
  }

  #noteTerminating(name: string, previous: CacheEvent["previous"]): void {
    const wasTerminating = previous !== undefined && this.#outlines.of(previous).isTerminating;
    if (this.#isTerminating(name) && !wasTerminating) this.#changed();
  }

  #outline(name: string): Outline | undefined {
    const stored = this.#definitions.get("", name);
    return stored === undefined ? undefined : this.#outlines.of(stored);
  }

  #isTerminating(name: string): boolean {
    return this.#outline(name)?.isTerminating === true;
  }

  #withdraw(name: string): void {
    const known = this.#known.get(name);
    if (known === undefined) return;
    this.#unroute(known.served.routes);
    this.#known.delete(name);
    this.#caches.delete(name);
    this.#deps.feed.dropCache(known.path);
    this.#deps.metrics.regenerated(known.crd, "remove");
    this.#changed();
  }

  #unroute(routes: readonly RoutedResource[]): void {
    for (const { definition } of routes) this.#deps.routes.removeCustom(definition);
  }

  #changed(): void {
    const routed = [...this.#known.values()].map(({ crd, served: { routes } }) => ({ crd, routes }));
    this.#resources = [...routed, ...this.#established()].flatMap(({ crd, routes }) => {
      const isLeaving = this.#isTerminating(crd.metadata?.name ?? "");
      return routes.map(({ definition }) =>
        isLeaving ? { ...definition, verbs: terminatingVerbs } : definition,
      );
    });
  }

  async #sync(name: string): Promise<void> {
    await this.#deps.feed.fresh();
    const crd = this.#definition(name);
    if (crd === undefined) {
      this.#finalizer.forget(name);
      this.#requeueGroup(name);
      return;
    }
    try {
      await this.#advance(name, crd);
    } catch (error) {
      // Changed or gone meanwhile: it comes again by itself, unless another server has only said how far it is.
      if (!isConflict(error) && !isNotFound(error)) throw error;
      if (isConflict(error) && isLeaving(crd)) this.#queue.addAfter(name, conflictMs);
    }
  }

  /** One step; each write of the status brings the next. */
  async #advance(name: string, crd: CustomResourceDefinition): Promise<void> {
    const now = toRfc3339(this.#deps.clock.now());
    if (isLeaving(crd)) {
      await this.#ensureServed(name, crd);
      const fault = conversionFault(crd);
      await this.#finalizer.finalize(crd, fault ?? this.#known.get(name)?.served.storage);
      return;
    }
    const ofGroup = this.#ofGroup(name).map(([, outline]) => outline);
    const named = statusAfterNames(crd, ofGroup, now);
    if (named !== undefined) {
      await this.#write(crd, named);
      this.#requeueGroup(name);
      return;
    }
    const approved = statusOfApproval(crd, now);
    if (approved !== undefined) {
      await this.#write(crd, approved);
      return;
    }
    if (isHeldBack(crd)) {
      const held = statusWhenHeldBack(crd, now);
      if (held !== undefined) await this.#write(crd, held);
      return;
    }
    const latest = conversionFault(crd) === undefined ? await this.#ensureServed(name, crd) : crd;
    const served = latest === undefined ? undefined : statusWhenServed(latest, now);
    if (latest !== undefined && served !== undefined) await this.#write(latest, served);
  }

  /** Answers the definition as it is served; undefined when it isn't. */
  async #ensureServed(
    name: string,
    crd: CustomResourceDefinition,
  ): Promise<CustomResourceDefinition | undefined> {
    if (!isServable(crd)) return undefined;
    if (!this.#caches.has(name)) {
      const isNamespaced = crd.spec.scope === "Namespaced";
      this.#caches.set(name, await this.#deps.feed.addCache(pathOf(crd), isNamespaced));
    }
    const latest = this.#definition(name);
    if (latest === undefined || !isServable(latest)) {
      this.#caches.delete(name);
      this.#deps.feed.dropCache(pathOf(crd));
      return undefined;
    }
    this.#serve(name, latest);
    return latest;
  }

  async #write(
    crd: CustomResourceDefinition,
    status: NonNullable<CustomResourceDefinition["status"]>,
  ): Promise<void> {
    await this.#deps
      .client()
      .resource(customResourceDefinitions)
      .updateStatus({ ...crd, status });
  }

  /** The definitions of the same group, this one among them. */
  #ofGroup(name: string): [name: string, outline: Outline][] {
    const group = groupOf(name);
    const found: [string, Outline][] = [];
    for (const stored of this.#definitions.objects("")) {
      if (groupOf(stored.name) === group) found.push([stored.name, this.#outlines.of(stored)]);
    }
    return found;
  }

  /** A name may have become free, for those that wait for one. */
  #requeueGroup(name: string): void {
    for (const [other, { hasItsNames }] of this.#ofGroup(name)) {
      if (other !== name && !hasItsNames) this.#queue.add(other);
    }
  }
}

/** Until an end that another server has told of is looked at again. */
const conflictMs = 1000;

/** What may still be done with objects that are on their way out, as discovery has it. */
const terminatingVerbs: readonly string[] = ["delete", "deletecollection", "get", "list", "watch"];

const isLeaving = ({ metadata }: CustomResourceDefinition): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes(cleanupFinalizer) === true;

/** Nothing to go on for: whoever told how the definition's end goes would hear of that again at once, for ever. */
function isOnlySaid(crd: CustomResourceDefinition | undefined, previous: CacheEvent["previous"]): boolean {
  if (crd === undefined || previous === undefined || !isLeaving(crd)) return false;
  const before = previous.object as unknown as CustomResourceDefinition;
  return isLeaving(before) && jsonEqual(withoutEnd(crd), withoutEnd(before));
}

function withoutEnd({ metadata, status, ...rest }: CustomResourceDefinition): object {
  const { resourceVersion: _version, managedFields: _managers, ...named } = metadata ?? {};
  const conditions = status?.conditions?.filter(({ type }) => type !== "Terminating");
  return { ...rest, metadata: named, status: { ...status, conditions } };
}

const isAccepted = (crd: CustomResourceDefinition): boolean =>
  isTrue(crd, "NamesAccepted") || isTrue(crd, "Established");

const isServable = (crd: CustomResourceDefinition): boolean =>
  isAccepted(crd) && conversionFault(crd) === undefined;

const pathOf = ({ spec }: CustomResourceDefinition): string => `${spec.group}/${spec.names.plural}`;

/**
 * One watch of every resource that can be listed, watched and deleted, each feeding the graph.
 * What there is to watch is asked for when definitions of resources change, not on a timer.
 * upstream: pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go
 */
import { aborted, ChildAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { apiVersionOf, type KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "#client/client.ts";
import { Reflector } from "#client/cache/reflector.ts";
import { discoverResources, type ServedResource } from "../discovery/resources.ts";
import type { OwnerGraph } from "./graph.ts";

export interface MonitorsDeps {
  /** Reads metadata only. */
  readonly client: Client;
  readonly graph: OwnerGraph;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** A definition of resources came, changed or went. */
  readonly onDefinition: () => void;
}

/** A resource that can't be listed holds the others up no longer than this; upstream's initial timeout. */
const syncMaxMs = 30_000;
const neededVerbs = ["delete", "list", "watch"];
/** They come and go by themselves, and own nothing. */
const ignored = new Set(["events", "events.k8s.io/events"]);
const definitions = new Set([
  "customresourcedefinitions.apiextensions.k8s.io",
  "apiservices.apiregistration.k8s.io",
]);

interface Monitor {
  readonly resource: ServedResource;
  readonly abort: ChildAbort;
}

export class Monitors {
  readonly #deps: MonitorsDeps;
  readonly #monitors = new Map<string, Monitor>();
  readonly #unsettled = new Set<Promise<void>>();
  readonly #discovered = Promise.withResolvers<void>();
  #served: readonly ServedResource[] = [];

  constructor(deps: MonitorsDeps) {
    this.#deps = deps;
  }

  /** Asks what there is and adjusts the watches. Answers whether everything could be asked; throws if nothing could. */
  async refresh(signal: AbortSignal): Promise<boolean> {
    const { resources, failures } = await discoverResources(this.#deps.client.transport);
    const isComplete = failures.size === 0;
    if (resources.length === 0) {
      throw new Error(`no resource is served: ${[...failures.values()].join(", ")}`);
    }
    // What a silent part of the API serves is unknown: its watches stay.
    if (isComplete || this.#served.length === 0) this.#served = resources;
    else this.#served = [...resources, ...this.#served.filter((one) => !includes(resources, one))];
    const wanted = new Map(this.#served.filter(isCollectable).map((resource) => [keyOf(resource), resource]));
    for (const [key, { resource, abort }] of this.#monitors) {
      if (wanted.has(key)) continue;
      abort.abort(new Error("the resource is served no more"));
      this.#monitors.delete(key);
      this.#deps.graph.removeOthers(resource, new Set());
    }
    for (const [key, resource] of wanted) {
      if (!this.#monitors.has(key)) this.#monitors.set(key, this.#start(resource, signal));
    }
    this.#discovered.resolve();
    return isComplete;
  }

  /** The graph is whole, or as whole as it gets for now. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#monitors.size > 0 && this.#unsettled.size === 0) return;
    const all = this.#discovered.promise.then(() => Promise.all(this.#unsettled));
    await Promise.race([all, aborted(signal)]);
    signal.throwIfAborted();
  }

  /** Undefined when nothing of that kind is served. */
  find(group: string, kind: string): ServedResource | undefined {
    return this.#served.find((resource) => resource.group === group && resource.kind === kind);
  }

  #start(resource: ServedResource, signal: AbortSignal): Monitor {
    const { client, graph, clock, random, log, onDefinition } = this.#deps;
    const abort = new ChildAbort(signal);
    const { promise: synced, resolve } = Promise.withResolvers<void>();
    const isDefinition = definitions.has(`${resource.resource}.${resource.group}`);
    const sink = {
      replace: (objects: readonly KubeObject[]): void => {
        graph.removeOthers(resource, new Set(objects.map(({ metadata }) => metadata?.uid ?? "")));
        for (const object of objects) graph.set(object, resource);
        resolve();
        if (isDefinition) onDefinition();
      },
      apply: (type: string, object: KubeObject): void => {
        if (type === "DELETED") graph.remove(object.metadata?.uid ?? "");
        else graph.set(object, resource);
        if (isDefinition) onDefinition();
      },
    };
    this.#settleSoon(synced, abort.signal);
    const deps = { sink, clock, random, resource: client.resource(resource) };
    const reflector = new Reflector({}, { ...deps, log: log.child({ resource: resource.resource }) });
    // A rejection is a sink that threw: our own fault, which must end the process, so nobody catches it.
    void reflector.run(abort.signal);
    return { resource, abort };
  }

  #settleSoon(synced: Promise<void>, signal: AbortSignal): void {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(syncMaxMs, resolve);
    const settled = Promise.race([synced, late, aborted(signal)]).then(() => {
      cancel();
      this.#unsettled.delete(settled);
    });
    this.#unsettled.add(settled);
  }
}

const keyOf = (resource: ResourceRef): string => `${apiVersionOf(resource)}/${resource.resource}`;

const includes = (resources: readonly ServedResource[], { group, resource }: ServedResource): boolean =>
  resources.some((one) => one.group === group && one.resource === resource);

function isCollectable({ group, resource, verbs }: ServedResource): boolean {
  const isIgnored = ignored.has(group === "" ? resource : `${group}/${resource}`);
  return !isIgnored && neededVerbs.every((verb) => verbs.includes(verb));
}

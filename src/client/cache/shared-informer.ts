/**
 * The informer: a reflector fills an indexer, handlers hear of every change.
 * Order: a handler hears of the changes of one object in the order they happened. After a relist it first hears
 * of deletions, then of additions and updates; changes in between are skipped over, never reordered.
 * The lister shows a change before handlers hear of it.
 * upstream: client-go/tools/cache/shared_informer.go
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { keyOf, type KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { Client } from "../client.ts";
import { deepFreeze } from "./freeze.ts";
import type { Informer, InformerHandler, InformerQuery, Lister } from "./informer.ts";
import { Reflector, type ReflectorSink } from "./reflector.ts";
import { Indexer } from "./store/indexer.ts";

export interface SharedInformerDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Freezes every object that comes in: for development and tests. */
  readonly freeze?: boolean;
}

export class SharedInformer<T extends KubeObject> implements Informer<T>, ReflectorSink<T> {
  readonly ref: ResourceRef<T>;
  readonly #query: InformerQuery;
  readonly #deps: SharedInformerDeps;
  readonly #indexer = new Indexer<T>();
  readonly #handlers: InformerHandler<T>[] = [];
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;

  constructor(ref: ResourceRef<T>, query: InformerQuery, deps: SharedInformerDeps) {
    this.ref = ref;
    this.#query = query;
    this.#deps = deps;
  }

  get lister(): Lister<T> {
    return this.#indexer;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves with the first complete list. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  addHandler(handler: InformerHandler<T>): void {
    for (const object of this.#indexer.list()) handler.add?.(object, true);
    this.#handlers.push(handler);
  }

  addIndex(name: string, keys: (object: T) => readonly string[]): void {
    this.#indexer.addIndex(name, keys);
  }

  /** Resolves when the signal aborts; rejects when a handler threw. */
  run(signal: AbortSignal): Promise<void> {
    const { namespace, ...selectors } = this.#query;
    const { clock, random, client } = this.#deps;
    const resource = client.resource(this.ref, namespace);
    const log = this.#deps.log.child({ resource: this.ref.resource });
    return new Reflector<T>(selectors, { resource, sink: this, clock, random, log }).run(signal);
  }

  replace(objects: readonly T[]): void {
    const present = new Map(objects.map((object) => [keyOf(object), object]));
    for (const key of this.#indexer.keys()) {
      const old = this.#indexer.get(key);
      const now = present.get(key);
      // A namesake is another object: whoever knew the old one must hear that it is gone.
      if (old !== undefined && (now === undefined || isNamesake(old, now))) this.#delete(key);
    }
    for (const object of present.values()) {
      const old = this.#indexer.get(keyOf(object));
      if (old === undefined || old.metadata?.resourceVersion !== object.metadata?.resourceVersion) {
        this.#set(object);
      }
    }
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  apply(type: "ADDED" | "MODIFIED" | "DELETED", object: T): void {
    if (type === "DELETED") this.#delete(keyOf(object), object);
    else this.#set(object);
  }

  #set(whole: T): void {
    const object = withoutManagedFields(whole);
    if (this.#deps.freeze === true) deepFreeze(object);
    const old = this.#indexer.set(object);
    for (const handler of this.#handlers) {
      if (old === undefined) handler.add?.(object, !this.#hasSynced);
      else handler.update?.(object, old);
    }
  }

  /** `last` is the state that the server saw last, when it said so. */
  #delete(key: string, last?: T): void {
    const old = this.#indexer.delete(key);
    if (old === undefined) return;
    const object = last === undefined ? old : withoutManagedFields(last);
    if (this.#deps.freeze === true) deepFreeze(object);
    for (const handler of this.#handlers) handler.delete?.(object);
  }
}

function isNamesake(a: KubeObject, b: KubeObject): boolean {
  return a.metadata?.uid !== b.metadata?.uid;
}

/** upstream: client-go/tools/cache TransformStripManagedFields */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _managers, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * A local, always current copy of a resource. One informer per resource and selector, shared by its users.
 * Objects are shared and readonly: copy before change. They come without managed fields, which are half of an object;
 * an update that says nothing of them leaves them as they are.
 */
import type { KubeObject } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";

export interface InformerHandler<T> {
  add?(object: T, isInitial: boolean): void;
  update?(object: T, old: T): void;
  /** `object` is the last known state. */
  delete?(object: T): void;
}

/** Reads of the copy. Keys are "namespace/name", or "name" for cluster-scoped objects. */
export interface Lister<T> {
  get(key: string): T | undefined;
  /** All, or those of one namespace. */
  list(namespace?: string): readonly T[];
  /** Objects that `index` (given to addIndex) filed under `value`. */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

export interface Informer<T extends KubeObject> {
  readonly ref: ResourceRef<T>;
  readonly lister: Lister<T>;
  /** The first complete list is in, and every handler has seen it. */
  readonly hasSynced: boolean;
  /** Resolves then. */
  readonly synced: Promise<void>;
  /** Calls are synchronous and in order; a handler only enqueues keys. A late handler gets adds for what is there. */
  addHandler(handler: InformerHandler<T>): void;
  /** Before start only. `keys` returns the values to file an object under. */
  addIndex(name: string, keys: (object: T) => readonly string[]): void;
}

export interface InformerQuery {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface InformerFactory {
  /** The same resource and query give the same informer. Asking after `start` starts it at once. */
  informer<T extends KubeObject>(ref: ResourceRef<T>, query?: InformerQuery): Informer<T>;
  /** Starts all; they list, watch, and resume after failures until the signal aborts. */
  start(signal: AbortSignal): void;
  /** Resolves when every informer asked for so far has synced, but for those of resources that `isExcused`. */
  waitForSync(signal: AbortSignal, isExcused?: (ref: ResourceRef) => boolean): Promise<void>;
}

/** A factory of its own. */
export interface OwnedInformers extends InformerFactory {
  /** Of the informers asked for so far, those that haven't synced. */
  unsynced(): readonly ResourceRef[];
}

/** The objects of a fake API: revisions, history, watchers. Everything in memory, every call at once. */
import { assert } from "#base/assert.ts";
import { Subscription } from "#base/subscription.ts";
import type { AnyObject, WatchEvent } from "#api/meta/object.ts";
import { expiredError } from "#api/meta/status.ts";
import { deepFreeze } from "../cache/freeze.ts";

export interface FakeCollection {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

interface Change {
  readonly revision: number;
  readonly collection: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: AnyObject;
  readonly old: AnyObject | undefined;
}

export type Matcher = (object: AnyObject) => boolean;

interface Watcher {
  readonly collection: string;
  readonly matches: Matcher;
  readonly events: Subscription<WatchEvent>;
}

const watchEventsMax = 100_000;

/** Versions of one resource are the same objects, so the version is left out. */
export const collectionKey = ({ group, resource }: FakeCollection): string => `${group}/${resource}`;
export const objectKey = (namespace: string, name: string): string => `${namespace}/${name}`;

export class FakeStore {
  readonly #collections = new Map<string, Map<string, AnyObject>>();
  readonly #watchers = new Set<Watcher>();
  #history: Change[] = [];
  #revision = 1000;
  #compacted = 0;

  get revision(): number {
    return this.#revision;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get(collection: string, key: string): AnyObject | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  /** In the order of their keys, as a real store answers. */
  list(collection: string, matches: Matcher): AnyObject[] {
    const objects = this.#collections.get(collection) ?? new Map<string, AnyObject>();
    return [...objects.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
      .filter(matches);
  }

  /** Stores a copy with the next revision. */
  put(collection: string, key: string, object: AnyObject): AnyObject {
    const old = this.get(collection, key);
    const stored = this.#stamp(object);
    let objects = this.#collections.get(collection);
    if (objects === undefined) {
      objects = new Map();
      this.#collections.set(collection, objects);
    }
    objects.set(key, stored);
    this.#record({ collection, type: old === undefined ? "ADDED" : "MODIFIED", object: stored, old });
    return stored;
  }

  remove(collection: string, key: string): AnyObject {
    const old = this.get(collection, key);
    assert(old !== undefined, `${collection} has no ${key}`);
    this.#collections.get(collection)?.delete(key);
    const last = this.#stamp(old);
    this.#record({ collection, type: "DELETED", object: last, old });
    return last;
  }

  /** Forgets the history: a watch from an older revision gets 410. */
  compact(): void {
    this.#history = [];
    this.#compacted = this.#revision;
  }

  /** Breaks every open watch. */
  disconnect(error: Error): void {
    for (const { events } of this.#watchers) events.fail(error);
  }

  /** Ends every open watch, as a server does after its timeout. */
  endWatches(): void {
    for (const { events } of this.#watchers) events.close();
  }

  /** Events after `revision`; with `undefined` the present state comes first. */
  watch(
    collection: string,
    matches: Matcher,
    from: { readonly revision: number | undefined; readonly bookmark: AnyObject | undefined },
    signal: AbortSignal | undefined,
  ): Subscription<WatchEvent> {
    if (from.revision !== undefined && from.revision < this.#compacted) {
      throw expiredError(`too old resource version: ${from.revision} (${this.#compacted})`);
    }
    const watcher: Watcher = {
      collection,
      matches,
      events: new Subscription<WatchEvent>({
        max: watchEventsMax,
        signal,
        onCancel: () => {
          this.#watchers.delete(watcher);
        },
      }),
    };
    if (from.revision === undefined) {
      for (const object of this.list(collection, matches)) watcher.events.push({ type: "ADDED", object });
      if (from.bookmark !== undefined) watcher.events.push({ type: "BOOKMARK", object: from.bookmark });
    } else {
      for (const change of this.#history) if (change.revision > from.revision) deliver(watcher, change);
    }
    if (signal?.aborted !== true) this.#watchers.add(watcher);
    return watcher.events;
  }

  #stamp(object: AnyObject): AnyObject {
    this.#revision += 1;
    const copy = structuredClone(object);
    copy.metadata = { ...copy.metadata, resourceVersion: String(this.#revision) };
    return deepFreeze(copy);
  }

  #record(change: Omit<Change, "revision">): void {
    const recorded = { ...change, revision: this.#revision };
    this.#history.push(recorded);
    for (const watcher of this.#watchers) deliver(watcher, recorded);
  }
}

/** An object that begins or ceases to match is added or deleted for this watcher. */
function deliver(watcher: Watcher, { collection, type, object, old }: Change): void {
  if (collection !== watcher.collection) return;
  const did = old !== undefined && watcher.matches(old);
  const does = type !== "DELETED" && watcher.matches(object);
  if (does) watcher.events.push({ type: did ? "MODIFIED" : "ADDED", object });
  else if (did) watcher.events.push({ type: "DELETED", object });
}

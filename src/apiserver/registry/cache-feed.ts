/**
 * One watch of the whole store feeds every resource's cache, so that all of them are always at the same revision.
 * A read that must see the newest write waits here until the feed has passed the store's revision: almost always no wait.
 */
import { CompactedError, type Entry, type ListResult, type Store, type StoreEvent } from "#store/store.ts";
import { resourceVersionTooLargeError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { CacheCounts } from "./cache-counts.ts";
import { RecentObjects } from "./decoded-objects.ts";
import { ResourceCache } from "./resource-cache.ts";
import { idOfKey, keptOf, keyOfId, registryPrefix, type KeyId } from "./store-keys.ts";
import { faultOf } from "./unreadable.ts";
import { UnreadWatch } from "./unread-watch.ts";

/** How long a request waits for a revision that this server hasn't seen yet. upstream: cacher blockTimeout */
const futureWaitMs = 3000;

interface Waiter {
  readonly revision: bigint;
  readonly resolve: () => void;
}

export interface CacheFeedDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class CacheFeed {
  readonly #deps: CacheFeedDeps;
  /** By "pods/", "services/specs/", "example.com/widgets/". */
  readonly #caches = new Map<string, ResourceCache>();
  readonly #recent = new RecentObjects();
  readonly #progress = new Set<() => void>();
  readonly #onLoaded: (() => void)[] = [];
  readonly #unread: UnreadWatch;
  /** Of caches that are made while the feed is running: what has come through it while the store was asked for the rest. */
  readonly #filling = new Map<ResourceCache, Set<string>>();
  /** So often something may have gone that the feed didn't tell of. */
  #gaps = 0;
  #waiters: Waiter[] = [];
  #revision = 0n;

  constructor(deps: CacheFeedDeps) {
    this.#deps = deps;
    this.#unread = new UnreadWatch({ ...deps, feed: this });
  }

  /** Every cache holds everything up to this revision. */
  get revision(): bigint {
    return this.#revision;
  }

  /** What couldn't be read may be readable now: other keys are there. */
  reread(): Promise<void> {
    return this.#unread.reread();
  }

  /** The cache of a key range below /registry/, for instance "pods". Before `run` for all that is stored already. */
  cache(path: string, namespaced: boolean): ResourceCache {
    let cache = this.#caches.get(`${path}/`);
    if (cache === undefined) {
      cache = new ResourceCache(`${registryPrefix}${path}/`, namespaced, this.#recent);
      cache.startRing(this.#revision);
      this.#caches.set(`${path}/`, cache);
    }
    return cache;
  }

  /** Calls back once the caches are filled at the start; caches that are made then are filled, too, before anybody reads. */
  onLoaded(run: () => void): void {
    this.#onLoaded.push(run);
  }

  /** A cache made while the feed is running: resolves once it holds what is stored. */
  async addCache(path: string, namespaced: boolean): Promise<ResourceCache> {
    const known = this.#caches.get(`${path}/`);
    if (known !== undefined) return known;
    const cache = this.cache(path, namespaced);
    try {
      await this.#fill(cache);
    } catch (error) {
      // Who comes again would take it for all that is stored.
      if (this.#caches.get(`${path}/`) === cache) this.dropCache(path);
      throw error;
    }
    return cache;
  }

  async #fill(cache: ResourceCache): Promise<void> {
    const changed = new Set<string>();
    this.#filling.set(cache, changed);
    try {
      const { revision, entries } = await this.#listedWhole(cache.prefix);
      for (const entry of entries) if (!changed.has(entry.key)) this.#loadOne(cache, entry);
      cache.counts.initializations += 1;
      cache.counts.storageLists.add(entries.length, entries.length);
      await this.reach(revision);
    } finally {
      this.#filling.delete(cache);
    }
  }

  async #listedWhole(prefix: string): Promise<ListResult> {
    for (;;) {
      const gaps = this.#gaps;
      const listed = await this.#deps.store.list(prefix);
      if (gaps === this.#gaps) return listed;
    }
  }

  /** Ends the watches of a cache and forgets it. */
  dropCache(path: string): void {
    this.#caches.get(`${path}/`)?.close();
    this.#caches.delete(`${path}/`);
  }

  /** Fills the caches, calls `filled`, then follows the store until the signal aborts. Rejects when the store fails. */
  async run(signal: AbortSignal, filled: () => void): Promise<void> {
    const { store } = this.#deps;
    const { revision, entries } = await store.list(registryPrefix);
    const filledCaches = new Set<ResourceCache>();
    this.#load(entries, filledCaches, revision);
    this.#advance(revision);
    for (const run of this.#onLoaded) run();
    if (this.#caches.size > filledCaches.size) this.#load(entries, filledCaches, revision);
    filled();
    try {
      await this.#followAll(signal);
    } finally {
      await this.#unread.close();
    }
  }

  async #followAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
        return;
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error;
        this.#refill(await this.#deps.store.list(registryPrefix));
      }
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const startRevision = this.#revision + 1n;
    for await (const batch of this.#deps.store.watch(registryPrefix, { startRevision, signal })) {
      for (const event of batch.events) this.#apply(event);
      this.#advance(batch.revision);
    }
  }

  /**
   * Others have compacted what this server hadn't read, cut off from the datastore for that long. What has changed in
   * between is told in the order of its revisions, what is gone last; a watch can't be resumed across the gap.
   */
  #refill({ revision, entries }: ListResult): void {
    const changed = entries.filter((entry) => entry.modRevision > this.#revision);
    const here = new Set(entries.map(({ key }) => key));
    for (const entry of changed.toSorted(byRevision)) {
      const { key, modRevision, createRevision } = entry;
      const place = this.#place(key);
      if (place === undefined) continue;
      const { cache, id } = place;
      // Another object of the same name.
      if (createRevision > this.#revision && cache.get(id.namespace, id.name) !== undefined) {
        cache.remove(id, createRevision);
      }
      this.#putOne(cache, entry, modRevision);
    }
    for (const cache of this.#caches.values()) {
      for (const { key } of cache.unreadable.objects) if (!here.has(key)) this.#unread.gone(cache, key);
      const gone = [...cache.objects("")].filter((object) => !here.has(keyOfId(cache, object)));
      for (const object of gone) cache.remove(object, revision);
      cache.startRing(revision);
      cache.counts.initializations += 1;
      cache.counts.storageLists.add(cache.size, cache.size);
    }
    this.#gaps += 1;
    this.#advance(revision);
  }

  /**
   * Undefined when the caches hold every write that is durable, other servers' included; otherwise resolves when they do.
   * upstream: KEP-2340, consistent reads from cache
   */
  fresh(waiter?: { readonly signal?: AbortSignal | undefined }): Promise<void> | undefined {
    const latest = this.#deps.store.latest();
    if (latest instanceof Promise) return latest.then((revision) => this.reach(revision, waiter?.signal));
    return latest > this.#revision ? this.reach(latest, waiter?.signal) : undefined;
  }

  /** Resolves at `revision`; throws "Too large resource version" when it doesn't come in time. */
  async reach(revision: bigint, signal?: AbortSignal): Promise<void> {
    if (this.#revision >= revision) return;
    const done = Promise.withResolvers<void>();
    const waiter = { revision, resolve: done.resolve };
    this.#waiters.push(waiter);
    const giveUp = (): void => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      done.reject(resourceVersionTooLargeError(revision, this.#revision));
    };
    const cancel = this.#deps.clock.after(futureWaitMs, giveUp);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      await done.promise;
    } finally {
      cancel();
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** The same, noted as the wait of a read of that cache; undefined is none. */
  async timed(waiting: Promise<void> | undefined, counts: CacheCounts): Promise<void> {
    if (waiting === undefined) {
      counts.waited(0);
      return;
    }
    const { clock } = this.#deps;
    const began = clock.monotonic();
    try {
      await waiting;
    } finally {
      counts.waited(clock.monotonic() - began);
    }
  }

  /** Calls back after each batch of the store has gone to every cache. */
  onProgress(run: () => void): () => void {
    this.#progress.add(run);
    return () => {
      this.#progress.delete(run);
    };
  }

  #load(entries: readonly Entry[], filled: Set<ResourceCache>, revision: bigint): void {
    for (const entry of entries) {
      const place = this.#place(entry.key);
      if (place === undefined || filled.has(place.cache)) continue;
      this.#loadOne(place.cache, entry);
    }
    for (const cache of this.#caches.values()) {
      if (filled.has(cache)) continue;
      cache.startRing(revision);
      cache.counts.initializations += 1;
      cache.counts.storageLists.add(cache.size, cache.size);
      filled.add(cache);
    }
  }

  #apply(event: StoreEvent): void {
    const place = this.#place(event.key);
    if (place === undefined) return;
    if (event.type === "put") this.#putOne(place.cache, event.entry, event.revision);
    else {
      this.#filling.get(place.cache)?.add(event.key);
      this.#unread.gone(place.cache, event.key);
      place.cache.remove(place.id, event.revision);
    }
  }

  #loadOne(cache: ResourceCache, entry: Entry): void {
    const { key, modRevision: revision } = entry;
    const fault = faultOf(entry);
    if (fault === undefined) cache.load(idOfKey(cache, key), keptOf(entry), revision);
    else this.#unread.found(cache, { key, fault, revision });
  }

  #putOne(cache: ResourceCache, entry: Entry, revision: bigint): void {
    const { key } = entry;
    this.#filling.get(cache)?.add(key);
    const fault = faultOf(entry);
    if (fault === undefined) {
      this.#unread.gone(cache, key);
      cache.put(idOfKey(cache, key), keptOf(entry), revision);
    } else {
      this.#unread.found(cache, { key, fault, revision });
    }
  }

  #advance(revision: bigint): void {
    if (revision > this.#revision) this.#revision = revision;
    if (this.#waiters.length > 0) {
      const due = this.#waiters.filter((waiter) => waiter.revision <= this.#revision);
      this.#waiters = this.#waiters.filter((waiter) => waiter.revision > this.#revision);
      for (const waiter of due) waiter.resolve();
    }
    for (const run of this.#progress) run();
  }

  #place(key: string): { readonly cache: ResourceCache; readonly id: KeyId } | undefined {
    const first = key.indexOf("/", registryPrefix.length);
    let cache = this.#caches.get(key.slice(registryPrefix.length, first + 1));
    if (cache === undefined) {
      const second = key.indexOf("/", first + 1);
      cache = this.#caches.get(key.slice(registryPrefix.length, second + 1));
    }
    return cache === undefined ? undefined : { cache, id: idOfKey(cache, key) };
  }
}

const byRevision = (a: Entry, b: Entry): number => (a.modRevision < b.modRevision ? -1 : 1);

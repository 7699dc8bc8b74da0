/**
 * Follows what can't be read, of all resources: says so in the log, ends the watches of a resource that has lost its whole
 * state, and tries again when there may be other keys, and otherwise from time to time, as what keeps them may be away.
 */
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Store } from "#store/store.ts";
import { idOfKey, keptOf } from "./store-keys.ts";
import type { ResourceCache } from "./resource-cache.ts";
import { faultOf, type UnreadableObject } from "./unreadable.ts";

export interface UnreadWatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly feed: { readonly revision: bigint };
}

/** Seldom: no event is missed in between. upstream's caches try every second */
const retries = { initialMs: 1000, maxMs: 30_000, factor: 2, jitter: 0.5 };

export class UnreadWatch {
  readonly #deps: UnreadWatchDeps;
  readonly #backoff: Backoff;
  /** Those that have any. */
  readonly #caches = new Set<ResourceCache>();
  #cancel: (() => void) | undefined;
  #reading = Promise.resolve();

  constructor(deps: UnreadWatchDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(retries, deps.random);
  }

  found(cache: ResourceCache, object: UnreadableObject): void {
    const { clock, log } = this.#deps;
    const { key, fault, revision } = object;
    cache.lose(idOfKey(cache, key), revision);
    if (cache.unreadable.isEmpty) log.error("an object can't be read", { key, reason: fault.message });
    cache.unreadable.add(object, clock.monotonic());
    this.#caches.add(cache);
    cache.close();
    this.#retryLater();
  }

  /** Tries no more. */
  close(): Promise<void> {
    this.#cancel?.();
    this.#caches.clear();
    return this.#reading;
  }

  /** It was overwritten or deleted. */
  gone(cache: ResourceCache, key: string): void {
    if (cache.unreadable.remove(key)) this.#whole(cache);
  }

  /** Tries at once. */
  reread(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#rereadAll());
    return this.#reading;
  }

  async #rereadAll(): Promise<void> {
    for (const cache of this.#caches) {
      for (const object of cache.unreadable.objects) {
        try {
          await this.#rereadOne(cache, object);
        } catch (error) {
          this.#deps.log.warn("the store can't be read", { key: object.key, reason: errorText(error) });
          return;
        }
      }
    }
  }

  async #rereadOne(cache: ResourceCache, object: UnreadableObject): Promise<void> {
    const { key, revision } = object;
    const { entry } = await this.#deps.store.get(key);
    // What was written meanwhile comes as an event.
    const isSame = entry?.modRevision === revision && cache.unreadable.has(object);
    if (!isSame || faultOf(entry) !== undefined) return;
    cache.regain(idOfKey(cache, key), keptOf(entry), revision);
    this.gone(cache, key);
  }

  #whole(cache: ResourceCache): void {
    this.#caches.delete(cache);
    // Who asks what happened since before must ask for the whole state.
    cache.startRing(this.#deps.feed.revision);
    cache.counts.initializations += 1;
    this.#deps.log.info("all objects can be read again", { prefix: cache.prefix });
    if (this.#caches.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#backoff.reset();
  }

  #retryLater(): void {
    this.#cancel ??= this.#deps.clock.after(this.#backoff.next(), () => {
      this.#cancel = undefined;
      void this.reread().then(() => {
        if (this.#caches.size > 0) this.#retryLater();
      });
    });
  }
}

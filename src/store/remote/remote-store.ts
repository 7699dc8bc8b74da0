/**
 * The store over a database that others write to as well. It decides, orders and keeps; here one feed of all its events
 * fills a ring and is fanned out to the watches, so that what a hundred watches ask for passes the network once.
 * `revision` is how far that feed has come; `latest` asks the database.
 */
import { assert } from "#base/assert.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Clock } from "#base/clock.ts";
import { Hub } from "../hub.ts";
import { contains, isWide, keyOfText, type KeyRange, prefixRange } from "../key-range.ts";
import { EventRing } from "../ring.ts";
import {
  CompactedError,
  type Entry,
  type EventBatch,
  type GetResult,
  KeyExistsError,
  type ListOptions,
  type ListResult,
  type Revision,
  RevisionMismatchError,
  type Store,
  StoreBusyError,
  StoreClosedError,
  type StoreEvent,
  StoreFullError,
  type WatchOptions,
} from "../store.ts";
import type { Following, RemoteDatabase } from "./remote-database.ts";

/** Watches that resume within this many events of the newest don't ask the database. */
const ringMax = { eventsMax: 10_000, bytesMax: 16 * 2 ** 20 };
/** Events a watch that is behind gets in one go. */
const archiveEventsMax = 4096;
/** A bound against runaway writers; thousands of requests fit. */
const writesMax = 65_536;
/**
 * A write is acknowledged when the feed has brought it, so that a writer finds it in every cache. A feed that is cut
 * off must not hold up writes that are durable: then they are told without.
 */
const feedWaitMs = 3000;

export interface RemoteStoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: RemoteDatabase;
}

interface Waiter {
  readonly revision: Revision;
  readonly resolve: () => void;
}

export class RemoteStore implements Store {
  readonly #deps: RemoteStoreDeps;
  readonly #ring: EventRing;
  /** Its keys, as the ring's, are binary strings; those of the entries are text. */
  readonly #hub: Hub<StoreEvent>;
  #following: Following;
  #revision: Revision;
  #compactRevision: Revision;
  /** Waiting for the feed. */
  #waiters: Waiter[] = [];
  /** The last write of each key that is on its way: writes of one key keep their order. */
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #writes = new Set<Promise<unknown>>();
  #asking: Promise<Revision> | undefined;
  #askingNext: Promise<Revision> | undefined;
  #writeFault: Error | undefined;
  #closing: Promise<void> | undefined;

  /** `at`: where the database is. Events from then on come through the feed. */
  constructor(at: { readonly revision: Revision; readonly compacted: Revision }, deps: RemoteStoreDeps) {
    this.#deps = deps;
    this.#revision = at.revision;
    this.#compactRevision = at.compacted;
    this.#ring = new EventRing(ringMax, at.revision + 1n);
    this.#hub = new Hub({
      ring: this.#ring,
      archive: { readEvents: (range, from, to) => this.#readEvents(range, from, to) },
      revision: () => this.#revision,
      compactRevision: () => this.#compactRevision,
    });
    this.#following = this.#follow();
  }

  get revision(): Revision {
    return this.#revision;
  }

  get writeFault(): Error | undefined {
    return this.#writeFault;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** Who asks while a question is on its way shares the next one: an answer to an older question could be too old. */
  async latest(): Promise<Revision> {
    this.#assertOpen();
    if (this.#asking === undefined) return this.#ask();
    this.#askingNext ??= this.#asking.then(
      () => this.#ask(),
      () => this.#ask(),
    );
    return this.#askingNext;
  }

  async get(key: string, revision?: Revision): Promise<GetResult> {
    this.#assertOpen();
    return this.#deps.database.get(key, revision);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#assertOpen();
    const { startKey = prefix } = options;
    assert(startKey.startsWith(prefix), `list of ${prefix} can't start at ${startKey}`);
    return this.#deps.database.list(prefix, options);
  }

  async count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }> {
    this.#assertOpen();
    return this.#deps.database.count(prefix);
  }

  async create(key: string, value: Buffer, author?: string): Promise<Entry> {
    assert(key !== "" && key.isWellFormed(), `key ${JSON.stringify(key)} is empty or no Unicode`);
    return this.#write(key, async () => {
      const entry = await this.#deps.database.create(key, value, author);
      await this.#reach(entry.modRevision);
      return entry;
    });
  }

  async update(key: string, value: Buffer, expected: Revision, author?: string): Promise<Entry> {
    return this.#write(key, async () => {
      const entry = await this.#deps.database.update(key, value, expected, author);
      await this.#reach(entry.modRevision);
      return entry;
    });
  }

  async delete(
    key: string,
    expected?: Revision,
    author?: string,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }> {
    return this.#write(key, async () => {
      const deleted = await this.#deps.database.delete(key, expected, author);
      await this.#reach(deleted.revision);
      return deleted;
    });
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<EventBatch> {
    this.#assertOpen();
    return this.#hub.watch(prefixRange(keyOfText(prefix)), { ...options, translate: asText });
  }

  async compact(revision: Revision): Promise<void> {
    this.#assertOpen();
    await this.#deps.database.compact(revision);
    if (revision > this.#compactRevision) this.#compactRevision = revision;
  }

  async size(): Promise<number> {
    this.#assertOpen();
    return this.#deps.database.size();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#writes);
    this.#following.stop();
    this.#hub.close();
    for (const { resolve } of this.#waiters.splice(0)) resolve();
    await this.#deps.database.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }

  async #ask(): Promise<Revision> {
    const asking = this.#deps.database.latest();
    this.#asking = asking;
    this.#askingNext = undefined;
    try {
      return await asking;
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  async #write<T>(key: string, run: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    if (this.#writes.size >= writesMax) throw new StoreBusyError(this.#writes.size);
    const before = this.#tails.get(key);
    const writing = this.#after(before, run);
    this.#tails.set(key, writing);
    this.#writes.add(writing);
    try {
      return await writing;
    } finally {
      this.#writes.delete(writing);
      if (this.#tails.get(key) === writing) this.#tails.delete(key);
    }
  }

  async #after<T>(before: Promise<unknown> | undefined, run: () => Promise<T>): Promise<T> {
    // How that one ended is for its own writer.
    if (before !== undefined) await before.catch(() => undefined);
    try {
      const result = await run();
      this.#writeFault = undefined;
      return result;
    } catch (error) {
      if (error instanceof StoreFullError) this.#writeFault = error;
      // Whoever learns of a newer state must find it in the caches.
      const isConflict = error instanceof KeyExistsError || error instanceof RevisionMismatchError;
      if (isConflict && error.current !== undefined) await this.#reach(error.current.modRevision);
      throw error;
    }
  }

  /** Resolves when the feed has come to `revision`, or has failed to for a while. */
  async #reach(revision: Revision): Promise<void> {
    if (this.#revision >= revision) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { revision, resolve };
    this.#waiters.push(waiter);
    const cancel = this.#deps.clock.after(feedWaitMs, () => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      resolve();
    });
    await promise;
    cancel();
  }

  #follow(): Following {
    return this.#deps.database.follow(this.#revision + 1n, {
      events: (events) => {
        this.#publish(events);
      },
      failed: (error) => {
        void this.#restart(error);
      },
    });
  }

  #publish(events: readonly StoreEvent[]): void {
    const inside = events.map(asBinary);
    for (const event of inside) this.#ring.push(event);
    this.#advance(events.at(-1)?.revision ?? this.#revision);
    this.#hub.publish(inside);
    this.#wake();
  }

  #advance(revision: Revision): void {
    assert(revision >= this.#revision, `the feed goes from revision ${this.#revision} back to ${revision}`);
    this.#revision = revision;
  }

  #wake(): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(({ revision }) => revision <= this.#revision);
    this.#waiters = this.#waiters.filter(({ revision }) => revision > this.#revision);
    for (const { resolve } of due) resolve();
  }

  /**
   * Others have compacted what the feed was to bring next: we were cut off for too long. Every watch that hasn't had
   * these events ends with CompactedError, as its reader has to begin with a list; the feed begins at the present.
   */
  async #restart(error: Error): Promise<void> {
    if (error instanceof StoreClosedError) return;
    const { log } = this.#deps;
    log.warn("the feed of the datastore has a gap, watches must begin anew", {
      from: this.#revision + 1n,
      error: errorText(error),
    });
    const revision = await this.#latestAtLast();
    if (revision === undefined) return;
    const compacted = error instanceof CompactedError ? error.compactRevision : revision;
    if (compacted > this.#compactRevision) this.#compactRevision = compacted;
    this.#ring.dropBefore(revision + 1n);
    this.#advance(revision);
    this.#hub.interrupt(new CompactedError(this.#compactRevision));
    this.#wake();
    this.#following = this.#follow();
  }

  /** Undefined when the store was closed meanwhile. The database has its own pauses between tries. */
  async #latestAtLast(): Promise<Revision | undefined> {
    while (this.#closing === undefined) {
      try {
        return await this.#deps.database.latest();
      } catch (error) {
        this.#deps.log.warn("the datastore's revision can't be had, will retry", { error: errorText(error) });
      }
    }
    return undefined;
  }

  /** Reads all keys' events: only so is it known how far one has come. */
  #readEvents(range: KeyRange, from: Revision, to: Revision): Promise<EventBatch> {
    return new Promise((resolve, reject) => {
      const found: StoreEvent[] = [];
      let seen = 0;
      const following = this.#deps.database.follow(from, {
        events: (events) => {
          let revision = from - 1n;
          for (const event of events) {
            if (event.revision > to) break;
            revision = event.revision;
            seen++;
            const inside = asBinary(event);
            if (contains(range, inside.key)) found.push(inside);
          }
          const last = events.at(-1)?.revision ?? revision;
          if (last < to && seen < archiveEventsMax) return;
          following.stop();
          resolve({ revision: last < to ? last : to, events: found });
        },
        failed: (error) => {
          if (error instanceof CompactedError && error.compactRevision > this.#compactRevision) {
            this.#compactRevision = error.compactRevision;
          }
          reject(error);
        },
      });
    });
  }
}

function asBinary(event: StoreEvent): StoreEvent {
  return isWide(event.key) ? { ...event, key: keyOfText(event.key) } : event;
}

function asText(batch: EventBatch): EventBatch {
  if (!batch.events.some(({ key }) => isWide(key))) return batch;
  return { ...batch, events: batch.events.map((event) => ({ ...event, key: event.entry.key })) };
}

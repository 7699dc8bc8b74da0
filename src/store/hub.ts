/**
 * Watch fan-out. A watch is *synced*: commits are pushed to it as they happen, into a short queue while its reader is
 * busy; or *behind*: it holds nothing, and its reader pulls from the ring or the archive until nothing is missing. A
 * reader so slow that the queue fills up falls behind; nobody waits for it, and it loses nothing.
 * Nothing polls: a synced watch without events costs no work.
 */
import { assert } from "#base/assert.ts";
import { contains, isPrefixRange, isSingleKey, type KeyRange } from "./key-range.ts";
import { emptyRevision } from "./log.ts";
import { PrefixTree } from "./prefix-tree.ts";
import type { EventRing } from "./ring.ts";
import { CompactedError, type EventsOf, type Revision, type StoreEvent, type WatchOptions } from "./store.ts";

/** Events a synced watch queues for a busy reader: some tens of milliseconds of writes at full speed. */
const queuedEventsMax = 2048;
/** Events of the ring a watch that is behind looks through in one go: well below a millisecond. */
const scanEventsMax = 4096;

export interface HubDeps<E extends StoreEvent> {
  readonly ring: EventRing<E>;
  /** As Archive has it. */
  readonly archive:
    | { readEvents(range: KeyRange, from: Revision, to: Revision): Promise<EventsOf<E>> }
    | undefined;
  readonly revision: () => Revision;
  readonly compactRevision: () => Revision;
}

/** The synced watches of one range. They share the batches they get. */
interface Group<E extends StoreEvent> {
  readonly range: KeyRange;
  readonly members: Set<Watcher<E>>;
  /** Of the commit that is being published. */
  events: E[];
}

export class Hub<E extends StoreEvent> {
  readonly #deps: HubDeps<E>;
  /** By the range's name. */
  readonly #groups = new Map<string, Group<E>>();
  readonly #prefixes = new PrefixTree<Group<E>>();
  readonly #singles = new Map<string, Group<E>>();
  /** Groups of any other range; few clients ask for one. */
  readonly #others = new Set<Group<E>>();
  readonly #watchers = new Set<Watcher<E>>();
  #isClosed = false;

  constructor(deps: HubDeps<E>) {
    this.#deps = deps;
  }

  watch(range: KeyRange, options: HubWatchOptions<E>): HubWatch<E> {
    const watcher = new Watcher<E>(range, options, { ...this.#deps, hub: this });
    if (this.#isClosed) watcher.close();
    else if (!watcher.hasEnded) this.#watchers.add(watcher);
    return watcher;
  }

  /** After a commit is part of the durable state. */
  publish(events: readonly E[]): void {
    if (events.length === 0) return;
    const revision = this.#deps.revision();
    for (const event of events) {
      this.#prefixes.visit(event.key, (group) => group.events.push(event));
      this.#singles.get(event.key)?.events.push(event);
      for (const group of this.#others) if (contains(group.range, event.key)) group.events.push(event);
    }
    const nothing: EventsOf<E> = { revision, events: [] };
    for (const group of this.#groups.values()) {
      const batch = group.events.length === 0 ? nothing : { revision, events: group.events };
      if (group.events.length > 0) group.events = [];
      for (const watcher of group.members) watcher.offer(batch);
    }
  }

  join(watcher: Watcher<E>): void {
    const { range } = watcher;
    const name = nameOf(range);
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { range, members: new Set(), events: [] };
      this.#groups.set(name, group);
      if (isSingleKey(range)) this.#singles.set(range.start, group);
      else if (isPrefixRange(range)) this.#prefixes.add(range.start, group);
      else this.#others.add(group);
    }
    group.members.add(watcher);
  }

  leave(watcher: Watcher<E>): void {
    const { range } = watcher;
    const name = nameOf(range);
    const group = this.#groups.get(name);
    if (group?.members.delete(watcher) !== true || group.members.size > 0) return;
    this.#groups.delete(name);
    if (isSingleKey(range)) this.#singles.delete(range.start);
    else if (isPrefixRange(range)) this.#prefixes.delete(range.start);
    else this.#others.delete(group);
  }

  forget(watcher: Watcher<E>): void {
    this.leave(watcher);
    this.#watchers.delete(watcher);
  }

  /** Events are missing that can't be had any more: every synced watch ends with `error`. */
  interrupt(error: Error): void {
    for (const { members } of this.#groups.values()) for (const watcher of members) watcher.fail(error);
  }

  /** Watches end after what they have queued. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.close();
  }
}

/** No key has a U+0100 in it. */
function nameOf({ start, end }: KeyRange): string {
  return `${start}\u0100${end ?? "\u0100"}`;
}

export interface HubWatch<E extends StoreEvent> extends AsyncIterableIterator<EventsOf<E>> {
  /** The reader gets an empty batch once everything up to now has gone to it. */
  askProgress(): void;
}

export interface HubWatchOptions<E extends StoreEvent> extends WatchOptions {
  /** Makes what the reader gets of each batch. */
  readonly translate?: ((batch: EventsOf<E>) => EventsOf<E>) | undefined;
}

class Watcher<E extends StoreEvent> implements HubWatch<E> {
  readonly range: KeyRange;
  readonly #deps: HubDeps<E> & { readonly hub: Hub<E> };
  readonly #signal: AbortSignal;
  readonly #wantsProgress: boolean;
  readonly #translate: ((batch: EventsOf<E>) => EventsOf<E>) | undefined;
  readonly #onAbort = (): void => {
    this.#end(undefined);
  };
  /** Everything up to here has gone to the reader. */
  #delivered: Revision;
  #isSynced = false;
  /** The reader hasn't been told yet that it has caught up. */
  #owesNews = true;
  #queue: EventsOf<E>[] = [];
  #queuedEvents = 0;
  #waiting: PromiseWithResolvers<IteratorResult<EventsOf<E>>> | undefined;
  #hasEnded = false;
  #error: Error | undefined;

  constructor(range: KeyRange, options: HubWatchOptions<E>, deps: HubDeps<E> & { readonly hub: Hub<E> }) {
    this.range = range;
    this.#translate = options.translate;
    this.#deps = deps;
    this.#signal = options.signal;
    this.#wantsProgress = options.progress ?? true;
    this.#delivered = options.startRevision === undefined ? deps.revision() : options.startRevision - 1n;
    if (this.#signal.aborted) this.#hasEnded = true;
    else this.#signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<EventsOf<E>>> {
    assert(this.#waiting === undefined, "a watch has one reader");
    for (;;) {
      const queued = this.#queue.shift();
      if (queued !== undefined) {
        this.#queuedEvents -= queued.events.length;
        return this.#deliver(queued);
      }
      if (this.#hasEnded) return this.#last();
      if (this.#isSynced) return this.#isNewsDue() ? this.#news() : this.#wait();
      const batch = await this.#pull();
      if (batch !== undefined) return this.#deliver(batch);
    }
  }

  askProgress(): void {
    this.#owesNews = true;
    if (this.#waiting === undefined || !this.#isSynced) return;
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(this.#news());
  }

  return(): Promise<IteratorResult<EventsOf<E>>> {
    this.#queue = [];
    this.#error = undefined;
    this.#end(undefined);
    return Promise.resolve({ value: undefined, done: true });
  }

  close(): void {
    const queue = this.#queue;
    this.#end(undefined);
    this.#queue = queue;
  }

  fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#end(waiting === undefined ? error : undefined);
    waiting?.reject(error);
  }

  /** A commit, while synced. */
  offer(batch: EventsOf<E>): void {
    if (batch.revision <= this.#delivered) return;
    const mine = (batch.events[0]?.revision ?? batch.revision) > this.#delivered ? batch : this.#cut(batch);
    if (this.#waiting !== undefined) {
      if (mine.events.length === 0 && !this.#wantsProgress) return;
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(this.#deliver(mine));
      return;
    }
    if (mine.events.length === 0) return;
    if (this.#queue.length > 0 && this.#queuedEvents + mine.events.length > queuedEventsMax) {
      this.#fallBehind();
      return;
    }
    this.#queue.push(mine);
    this.#queuedEvents += mine.events.length;
  }

  /** Only a watch from a future revision meets events below its start. */
  #cut(batch: EventsOf<E>): EventsOf<E> {
    return {
      revision: batch.revision,
      events: batch.events.filter(({ revision }) => revision > this.#delivered),
    };
  }

  #deliver(batch: EventsOf<E>): IteratorResult<EventsOf<E>> {
    this.#delivered = batch.revision;
    if (batch.events.length === 0) this.#owesNews &&= !this.#isSynced;
    return { value: this.#translate?.(batch) ?? batch, done: false };
  }

  #isNewsDue(): boolean {
    return this.#owesNews || (this.#wantsProgress && this.#delivered < this.#deps.revision());
  }

  #news(): IteratorResult<EventsOf<E>> {
    this.#owesNews = false;
    const revision = this.#deps.revision();
    if (revision > this.#delivered) this.#delivered = revision;
    return { value: { revision, events: [] }, done: false };
  }

  #wait(): Promise<IteratorResult<EventsOf<E>>> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** One step of catching up. Undefined when there was nothing for the reader in it. */
  async #pull(): Promise<EventsOf<E> | undefined> {
    const from = this.#delivered + 1n;
    if (from < this.#deps.compactRevision()) return this.#overtaken();
    if (from <= emptyRevision) {
      // There are no events up to here.
      this.#delivered = emptyRevision;
      return undefined;
    }
    if (from > this.#deps.revision()) {
      this.#isSynced = true;
      this.#deps.hub.join(this);
      return undefined;
    }
    const { ring, archive } = this.#deps;
    let batch: EventsOf<E>;
    if (from >= ring.first) batch = ring.scan(this.range, from, scanEventsMax);
    else {
      assert(archive !== undefined, `no archive for revision ${from}, the ring begins at ${ring.first}`);
      try {
        batch = await archive.readEvents(this.range, from, ring.first - 1n);
      } catch (error) {
        this.#end(error as Error);
        return undefined;
      }
      if (this.#hasEnded) return undefined;
      // Compaction may have taken rows from under the read.
      if (from < this.#deps.compactRevision()) return this.#overtaken();
    }
    assert(batch.revision >= from, `watch of ${this.range.start} is stuck at revision ${from}`);
    if (batch.events.length > 0) return batch;
    this.#delivered = batch.revision;
    return undefined;
  }

  #overtaken(): undefined {
    this.#end(new CompactedError(this.#deps.compactRevision()));
  }

  #fallBehind(): void {
    this.#queue = [];
    this.#queuedEvents = 0;
    this.#isSynced = false;
    this.#owesNews = true;
    this.#deps.hub.leave(this);
  }

  #last(): IteratorResult<EventsOf<E>> {
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { value: undefined, done: true };
  }

  #end(error: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#error = error;
    this.#queue = [];
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#deps.hub.forget(this);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ value: undefined, done: true });
  }
}

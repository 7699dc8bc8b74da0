/**
 * Watch fan-out. A watch is *synced*: commits are pushed to it as they happen, into a short queue while its reader is
 * busy; or *behind*: it holds nothing, and its reader pulls from the ring or the archive until nothing is missing. A
 * reader so slow that the queue fills up falls behind; nobody waits for it, and it loses nothing.
 * Nothing polls: a synced watch without events costs no work.
 */
import { assert } from "#base/assert.ts";
import type { Archive } from "./backend.ts";
import { emptyRevision } from "./log.ts";
import type { EventRing } from "./ring.ts";
import {
  CompactedError,
  type EventBatch,
  type Revision,
  type StoreEvent,
  type WatchOptions,
} from "./store.ts";

/** Events a synced watch queues for a busy reader: some tens of milliseconds of writes at full speed. */
const queuedEventsMax = 2048;
/** Events of the ring a watch that is behind looks through in one go: well below a millisecond. */
const scanEventsMax = 4096;

export interface HubDeps {
  readonly ring: EventRing;
  readonly archive: Pick<Archive, "readEvents"> | undefined;
  readonly revision: () => Revision;
  readonly compactRevision: () => Revision;
}

/** The synced watches of one prefix. They share the batches they get. */
interface Group {
  readonly prefix: string;
  readonly members: Set<Watcher>;
  /** The group with the longest prefix that is a proper prefix of this one's. */
  parent: Group | undefined;
  /** Of the commit that is being published. */
  events: StoreEvent[];
}

export class Hub {
  readonly #deps: HubDeps;
  /** Ascending by prefix. */
  #groups: Group[] = [];
  readonly #watchers = new Set<Watcher>();
  #isClosed = false;

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  watch(prefix: string, options: WatchOptions): AsyncIterableIterator<EventBatch> {
    const watcher = new Watcher(prefix, options, { ...this.#deps, hub: this });
    if (this.#isClosed) watcher.close();
    else if (!watcher.hasEnded) this.#watchers.add(watcher);
    return watcher;
  }

  /** After a commit is part of the durable state. */
  publish(events: readonly StoreEvent[]): void {
    const revision = this.#deps.revision();
    for (const event of events) {
      let group = this.#longest(event.key);
      for (; group !== undefined; group = group.parent) group.events.push(event);
    }
    const nothing: EventBatch = { revision, events: [] };
    for (const group of this.#groups) {
      const batch = group.events.length === 0 ? nothing : { revision, events: group.events };
      if (group.events.length > 0) group.events = [];
      for (const watcher of group.members) watcher.offer(batch);
    }
  }

  join(watcher: Watcher): void {
    let group = this.#groups.find(({ prefix }) => prefix === watcher.prefix);
    if (group === undefined) {
      group = { prefix: watcher.prefix, members: new Set(), parent: undefined, events: [] };
      this.#groups = [...this.#groups, group].toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1));
      this.#relate();
    }
    group.members.add(watcher);
  }

  leave(watcher: Watcher): void {
    const group = this.#groups.find(({ prefix }) => prefix === watcher.prefix);
    if (group?.members.delete(watcher) !== true || group.members.size > 0) return;
    this.#groups = this.#groups.filter((other) => other !== group);
    this.#relate();
  }

  forget(watcher: Watcher): void {
    this.leave(watcher);
    this.#watchers.delete(watcher);
  }

  /** Events are missing that can't be had any more: every synced watch ends with `error`. */
  interrupt(error: Error): void {
    for (const { members } of this.#groups) for (const watcher of members) watcher.fail(error);
  }

  /** Watches end after what they have queued. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.close();
  }

  /**
   * The group with the longest prefix of `key`; the others of `key` are its ancestors. Strings between a prefix of
   * the key and the key all begin with that prefix, so they are ancestors of the last group that isn't after the key.
   */
  #longest(key: string): Group | undefined {
    let low = 0;
    let high = this.#groups.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#groups[middle] as Group).prefix <= key) low = middle + 1;
      else high = middle;
    }
    let group = this.#groups[low - 1];
    while (group !== undefined && !key.startsWith(group.prefix)) group = group.parent;
    return group;
  }

  #relate(): void {
    const ancestors: Group[] = [];
    for (const group of this.#groups) {
      let parent = ancestors.at(-1);
      while (parent !== undefined && !group.prefix.startsWith(parent.prefix)) {
        ancestors.pop();
        parent = ancestors.at(-1);
      }
      group.parent = parent;
      ancestors.push(group);
    }
  }
}

class Watcher implements AsyncIterableIterator<EventBatch> {
  readonly prefix: string;
  readonly #deps: HubDeps & { readonly hub: Hub };
  readonly #signal: AbortSignal;
  readonly #wantsProgress: boolean;
  readonly #onAbort = (): void => {
    this.#end(undefined);
  };
  /** Everything up to here has gone to the reader. */
  #delivered: Revision;
  #isSynced = false;
  /** The reader hasn't been told yet that it has caught up. */
  #owesNews = true;
  #queue: EventBatch[] = [];
  #queuedEvents = 0;
  #waiting: PromiseWithResolvers<IteratorResult<EventBatch>> | undefined;
  #hasEnded = false;
  #error: Error | undefined;

  constructor(prefix: string, options: WatchOptions, deps: HubDeps & { readonly hub: Hub }) {
    this.prefix = prefix;
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

  async next(): Promise<IteratorResult<EventBatch>> {
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

  return(): Promise<IteratorResult<EventBatch>> {
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
  offer(batch: EventBatch): void {
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
  #cut(batch: EventBatch): EventBatch {
    return {
      revision: batch.revision,
      events: batch.events.filter(({ revision }) => revision > this.#delivered),
    };
  }

  #deliver(batch: EventBatch): IteratorResult<EventBatch> {
    this.#delivered = batch.revision;
    this.#owesNews &&= !this.#isSynced;
    return { value: batch, done: false };
  }

  #isNewsDue(): boolean {
    return this.#owesNews || (this.#wantsProgress && this.#delivered < this.#deps.revision());
  }

  #news(): IteratorResult<EventBatch> {
    this.#owesNews = false;
    const revision = this.#deps.revision();
    if (revision > this.#delivered) this.#delivered = revision;
    return { value: { revision, events: [] }, done: false };
  }

  #wait(): Promise<IteratorResult<EventBatch>> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** One step of catching up. Undefined when there was nothing for the reader in it. */
  async #pull(): Promise<EventBatch | undefined> {
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
    let batch: EventBatch;
    if (from >= ring.first) batch = ring.scan(this.prefix, from, scanEventsMax);
    else {
      assert(archive !== undefined, `no archive for revision ${from}, the ring begins at ${ring.first}`);
      try {
        batch = await archive.readEvents(this.prefix, from, ring.first - 1n);
      } catch (error) {
        this.#end(error as Error);
        return undefined;
      }
      if (this.#hasEnded) return undefined;
      // Compaction may have taken rows from under the read.
      if (from < this.#deps.compactRevision()) return this.#overtaken();
    }
    assert(batch.revision >= from, `watch of ${this.prefix} is stuck at revision ${from}`);
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

  #last(): IteratorResult<EventBatch> {
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

/**
 * One watch of one resource: what it starts with, then every change that concerns its selector.
 * Items wait in a bounded queue; a reader that falls too far behind loses the watch, never an event.
 */
import { expiredError } from "#api/meta/status.ts";
import { ChildAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { Subscription, SubscriptionOverflowError } from "#base/subscription.ts";
import { CompactedError, type Entry, type EventBatch, type Store } from "#store/store.ts";
import type { CacheFeed } from "./cache-feed.ts";
import { idOfKey, keptOf, registryPrefix } from "./store-keys.ts";
import { faultOf, walkedError } from "./unreadable.ts";
import type { Interest } from "./listeners.ts";
import { CacheEvent, type ResourceCache } from "./resource-cache.ts";
import type { ChangeType, StoredObject } from "./stored-object.ts";

export type WatchItem =
  | {
      readonly type: ChangeType;
      readonly object: StoredObject;
      /** Others may send the same line: worth keeping. */
      readonly isLive: boolean;
      /** See author.ts. Told only to who reads history. */
      readonly author?: string | undefined;
    }
  | { readonly type: "BOOKMARK"; readonly revision: bigint; readonly endsInitialEvents: boolean };

export interface WatchStart {
  readonly namespace: string;
  readonly matches: ((object: StoredObject) => boolean) | undefined;
  /** To be awaited before `matches` looks at these; undefined where nothing ever has to be waited for. */
  readonly prepare?: ((objects: readonly StoredObject[]) => Promise<void> | undefined) | undefined;
  /** What of the selector can be looked up. */
  readonly interest: Interest;
  /** Send what is there first, as ADDED. Otherwise only changes after `revision`. */
  readonly withState: boolean;
  readonly revision: bigint;
  /** A bookmark with the mark of the end of initial events follows the state. */
  readonly markEnd: boolean;
  readonly bookmarks: boolean;
  /** The watch ends by itself after this. */
  readonly timeoutMs: number;
  /** And when it has told everything up to here, if given: for who reads history, who is told of authors, too. */
  readonly until?: bigint | undefined;
  readonly signal: AbortSignal;
}

/** Items that may wait for one reader. A burst of 10,000 changes in one commit must still fit. */
const waitingMax = 20_000;
/** Bytes of changed objects that may: who doesn't read holds on to all of them, which nobody else may need any more. */
const waitingBytesMax = 64 * 1024 * 1024;

const bytesOf = (item: WatchItem): number =>
  item.type !== "BOOKMARK" && item.isLive ? item.object.length : 0;

export interface WatcherDeps {
  readonly cache: ResourceCache;
  readonly feed: CacheFeed;
  readonly store: Store;
  readonly clock: Clock;
  /** Calls back about once a minute. */
  readonly onBookmark: (run: () => void) => () => void;
}

/** Starts at once. A revision that can't be resumed ends the loop with 410 Expired. */
export function openWatch(start: WatchStart, deps: WatcherDeps): Subscription<WatchItem> {
  const watcher = new Watcher(start, deps);
  watcher.begin();
  return watcher.items;
}

interface Step {
  readonly objects: readonly StoredObject[];
  readonly run: () => void;
}

class Watcher {
  readonly items: Subscription<WatchItem>;
  readonly #start: WatchStart;
  readonly #deps: WatcherDeps;
  readonly #stops: (() => void)[] = [];
  /** What can't be done yet, in order: something it looks at is being prepared. */
  readonly #steps: Step[] = [];

  constructor(start: WatchStart, deps: WatcherDeps) {
    this.#start = start;
    this.#deps = deps;
    this.items = new Subscription<WatchItem>({
      max: waitingMax + (start.withState ? deps.cache.count(start.namespace) + 1 : 0),
      weightMax: waitingBytesMax,
      weightOf: bytesOf,
      signal: start.signal,
      onCancel: () => {
        for (const stop of this.#stops) stop();
      },
    });
  }

  begin(): void {
    const { withState, revision, timeoutMs } = this.#start;
    this.#stops.push(
      this.#deps.clock.after(timeoutMs, () => {
        this.items.close();
      }),
    );
    if (withState) this.#sendState();
    else if (!this.#catchUp(revision)) void this.#replay(revision);
  }

  onEvent(event: CacheEvent, author?: string): void {
    if (event.revision > (this.#start.until ?? event.revision)) return;
    if (this.#start.prepare === undefined) {
      this.#tell(event, author);
      return;
    }
    const { current, previous } = event;
    this.#inOrder(
      [current, previous].filter((each) => each !== undefined),
      () => {
        this.#tell(event, author);
      },
    );
  }

  onClosed(): void {
    this.#inOrder([], () => {
      this.items.close();
    });
  }

  #tell(event: CacheEvent, author: string | undefined): void {
    const item = itemFor(event, this.#start, author);
    if (item === undefined) return;
    const hasEnded = this.items.ended;
    if (!this.items.push(item) && !hasEnded) this.#deps.cache.counts.terminated += 1;
  }

  /** At once, unless these, or what came before, have to be prepared. */
  #inOrder(objects: readonly StoredObject[], run: () => void): void {
    if (this.#steps.length > waitingMax) {
      this.items.fail(new SubscriptionOverflowError(waitingMax));
      return;
    }
    if (this.#steps.length > 0) {
      this.#steps.push({ objects, run });
      return;
    }
    const waiting = this.#start.prepare?.(objects);
    if (waiting === undefined) {
      run();
      return;
    }
    this.#steps.push({ objects, run });
    void this.#takeSteps(waiting);
  }

  async #takeSteps(first: Promise<void>): Promise<void> {
    try {
      let waiting: Promise<void> | undefined = first;
      for (let step = this.#steps[0]; step !== undefined; step = this.#steps[0]) {
        if (waiting !== undefined) await waiting;
        if (this.items.ended) break;
        step.run();
        this.#steps.shift();
        waiting = this.#start.prepare?.(this.#steps[0]?.objects ?? []);
      }
    } catch (error) {
      this.items.fail(error instanceof Error ? error : new Error("it can't be converted", { cause: error }));
    }
    this.#steps.length = 0;
  }

  #sendState(): void {
    const { namespace, matches, markEnd, prepare } = this.#start;
    const { revision } = this.#deps.feed;
    const { counts } = this.#deps.cache;
    const objects = this.#deps.cache.objects(namespace);
    const send = (state: Iterable<StoredObject>): void => {
      for (const object of state) {
        if (matches?.(object) === false) continue;
        this.items.push({ type: "ADDED", object, isLive: false });
        counts.initEvents += 1;
      }
      if (markEnd) this.items.push({ type: "BOOKMARK", revision, endsInitialEvents: true });
    };
    if (prepare === undefined) send(objects);
    else {
      const state = [...objects];
      this.#inOrder(state, () => {
        send(state);
      });
    }
    this.#follow();
  }

  /**
   * True when the ring reached back to `revision`: from here on the watch is live. Never for who reads history: only
   * the store knows authors.
   */
  #catchUp(revision: bigint): boolean {
    if (this.#start.until !== undefined) return false;
    const events = this.#deps.cache.eventsAfter(revision);
    if (events === undefined) return false;
    for (const event of events) this.onEvent(event);
    this.#deps.cache.counts.initEvents += events.length;
    this.#follow();
    return true;
  }

  #isTold(revision: bigint): boolean {
    const { until } = this.#start;
    return until !== undefined && revision >= until;
  }

  #follow(): void {
    if (this.items.ended) return;
    this.#stops.push(this.#deps.cache.listen(this, this.#start.interest));
    if (!this.#start.bookmarks) return;
    this.#stops.push(
      this.#deps.onBookmark(() => {
        const { revision } = this.#deps.feed;
        this.#inOrder([], () => {
          this.items.push({ type: "BOOKMARK", revision, endsInitialEvents: false });
        });
      }),
    );
  }

  /**
   * From the store's log until the ring takes over. All of the store is read, as only then the last revision before
   * the ring is certain to come by.
   */
  async #replay(revision: bigint): Promise<void> {
    using reading = new ChildAbort(this.#start.signal);
    this.#stops.push(() => {
      reading.abort();
    });
    try {
      const startRevision = revision + 1n;
      const batches = this.#deps.store.watch(registryPrefix, { startRevision, signal: reading.signal });
      for await (const batch of batches) {
        for (const { event, author } of changesOf(this.#deps.cache, batch)) this.onEvent(event, author);
        if (this.#isTold(batch.revision)) break;
        if (this.items.ended || this.#catchUp(batch.revision)) return;
      }
      this.onClosed();
    } catch (error) {
      this.items.fail(
        error instanceof CompactedError
          ? expiredError(`too old resource version: ${revision} (${error.compactRevision})`)
          : error instanceof Error
            ? error
            : new Error("the store's watch failed", { cause: error }),
      );
    }
  }
}

interface Change {
  readonly event: CacheEvent;
  readonly author: string | undefined;
}

function* changesOf(cache: ResourceCache, batch: EventBatch): IterableIterator<Change> {
  for (const { key, type, revision, entry, previous: before, author } of batch.events) {
    if (!key.startsWith(cache.prefix)) continue;
    const id = idOfKey(cache, key);
    const previous = before ?? (type === "delete" ? entry : undefined);
    const event = new CacheEvent(
      revision,
      type === "put" ? cache.passing(id, keptOf(readable(entry)), revision) : undefined,
      previous === undefined
        ? undefined
        : cache.passing(id, keptOf(readable(previous)), previous.modRevision),
    );
    yield { event, author };
  }
}

/** Throws 500 for what isn't: nothing after it can be told. */
function readable(entry: Entry): Entry {
  const fault = faultOf(entry);
  if (fault !== undefined) throw walkedError({ key: entry.key, fault });
  return entry;
}

/** What a change means to a watch with a selector: objects come and go with it. */
function itemFor(
  event: CacheEvent,
  { namespace, matches }: WatchStart,
  author: string | undefined,
): WatchItem | undefined {
  const { current, previous } = event;
  const subject = current ?? previous;
  if (subject === undefined || (namespace !== "" && subject.namespace !== namespace)) return undefined;
  const wasIn = previous !== undefined && (matches === undefined || matches(previous));
  if (current !== undefined && (matches === undefined || matches(current))) {
    return { type: wasIn ? "MODIFIED" : "ADDED", object: current, isLive: true, author };
  }
  const { departed } = event;
  if (!wasIn || departed === undefined) return undefined;
  return { type: "DELETED", object: departed, isLive: true, author };
}

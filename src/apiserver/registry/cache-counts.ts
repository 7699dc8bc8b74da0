/** What one resource's cache has done: plain numbers, which nobody reads until metrics are asked for. */
import { Tally } from "#base/tally.ts";

/** In seconds. upstream: storage/cacher/metrics, WatchCacheReadWait */
const readWaitBuckets: readonly number[] = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3];

/** Of lists: how many, the objects looked at for them, and those that were answered. */
export class ListCounts {
  lists = 0;
  fetched = 0;
  returned = 0;

  add(fetched: number, returned: number): void {
    this.lists += 1;
    this.fetched += fetched;
    this.returned += returned;
  }
}

export class CacheCounts {
  /** Filled from the store: at the start, and after the store's log no longer went back far enough. */
  initializations = 0;
  received = 0;
  dispatched = 0;
  /** Sent to watches as they began. */
  initEvents = 0;
  /** Watches whose reader was too slow. */
  terminated = 0;
  /** Values that aren't what the API stores. */
  decodeErrors = 0;
  readonly cacheLists = new ListCounts();
  readonly storageLists = new ListCounts();
  readonly consistentReads = { succeeded: 0, failed: 0 };
  readonly readWaits = new Tally(readWaitBuckets);

  /** A read has waited so long until the cache was new enough. */
  waited(ms: number): void {
    this.readWaits.observe(ms / 1000);
  }
}

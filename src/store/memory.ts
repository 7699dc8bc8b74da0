/** The store without a disk: for tests, and for clusters that need not outlive their process. */
import type { Backend } from "./backend.ts";
import { StoreCore, type StoreDeps } from "./core.ts";
import { emptyRevision, MvccLog } from "./log.ts";
import { MvccStore } from "./mvcc-store.ts";
import { SortedMap } from "#base/sorted-map.ts";

/** The ring is all the history there is, so only compaction takes from it. */
const unbounded = { eventsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };

const nowhere: Backend = {
  commit: () => Promise.resolve(),
  compact: () => Promise.resolve(),
  sweep: () => Promise.resolve(false),
  size: () => Promise.resolve(0),
  close: () => Promise.resolve(),
};

export function openMemoryStore(deps: StoreDeps): MvccStore {
  const mvcc = new MvccLog(
    { revision: emptyRevision, compactRevision: 0n, current: new SortedMap(), ringFirst: emptyRevision },
    unbounded,
  );
  // Nothing to wait for: every write settles within the turn of the event loop it was asked in.
  const timing = { defer: queueMicrotask, acknowledgeMax: Number.POSITIVE_INFINITY };
  return new MvccStore(new StoreCore({ ...deps, ...timing, mvcc, backend: nowhere, leases: [], alarms: 0n }));
}

/** What a store's durable side does for the MVCC core. In memory there is nothing to it. */
import type { Entry, EventBatch, Revision, StoreEvent } from "./store.ts";

export interface Backend {
  /** Absent when the ring holds everything that isn't compacted. */
  readonly archive?: Archive;
  /** Resolves when all events are durable, in one step: after a crash all are there, or none. One call at a time. */
  commit(events: readonly StoreEvent[]): Promise<void>;
  /** Makes it durable that revisions below `revision` are gone. Frees nothing yet. */
  compact(revision: Revision): Promise<void>;
  /** Frees a bounded amount of what was compacted. False when nothing is left to free. */
  sweep(): Promise<boolean>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Revisions older than the ring. Callers see to it that what they ask for isn't compacted, before and after. */
export interface Archive {
  /** Some events under `prefix` from `from` on, none left out; `revision` says how far it came. Never goes past `to`. */
  readEvents(prefix: string, from: Revision, to: Revision): Promise<EventBatch>;
  /** The same without values. */
  readChanges(prefix: string, from: Revision, to: Revision): Promise<ChangeBatch>;
  /** Entries by their modRevision. */
  readEntries(at: readonly KeyAt[]): Promise<Entry[]>;
}

export interface ChangeBatch {
  readonly revision: Revision;
  /** In revision order. */
  readonly changes: readonly Change[];
}

export interface Change {
  readonly key: string;
  /** The key's modRevision before; 0 when it wasn't there. */
  readonly previous: Revision;
}

export interface KeyAt {
  readonly key: string;
  readonly modRevision: Revision;
}

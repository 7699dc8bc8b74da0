/** What a store's durable side does for the MVCC core. In memory there is nothing to it. */
import type { KeyRange } from "./key-range.ts";
import type { KeyEvent, KeyEventBatch, KeyValue, LeaseId } from "./kv.ts";
import type { Revision, StoreCopy } from "./store.ts";

export interface Backend {
  /** Absent when the ring holds everything that isn't compacted. */
  readonly archive?: Archive;
  /**
   * Resolves when all changes are durable, in one step: after a crash all are there, or none. Called again before that,
   * it makes them durable in the order of the calls; when one fails, all called before it was heard fail with it.
   */
  commit(changes: Changes): Promise<void>;
  /** Makes it durable that revisions below `revision` are gone. Frees nothing yet. */
  compact(revision: Revision): Promise<void>;
  /** Frees a bounded amount of what was compacted. False when nothing is left to free. */
  sweep(): Promise<boolean>;
  size(): Promise<number>;
  /** See Store.copy. */
  copy?(): Promise<StoreCopy>;
  close(): Promise<void>;
}

export interface Changes {
  readonly events: readonly KeyEvent[];
  /** In order; they make no revision. */
  readonly notes: readonly Note[];
}

/** What is kept beside the keys: the newest of each counts. */
export type Note =
  | { readonly kind: "lease"; readonly lease: StoredLease }
  | { readonly kind: "no lease"; readonly id: LeaseId }
  | { readonly kind: "alarms"; readonly bits: bigint };

export interface StoredLease {
  readonly id: LeaseId;
  readonly grantedSeconds: bigint;
  /** As of the last time it was noted. Never less than what it then had. */
  readonly remainingMs: bigint;
}

/** Revisions older than the ring. Callers see to it that what they ask for isn't compacted, before and after. */
export interface Archive {
  /** Some events in `range` from `from` on, none left out; `revision` says how far it came. Never goes past `to`. */
  readEvents(range: KeyRange, from: Revision, to: Revision): Promise<KeyEventBatch>;
  /** The same without values. */
  readChanges(range: KeyRange, from: Revision, to: Revision): Promise<ChangeBatch>;
  /** Entries by where they were written. */
  readEntries(at: readonly Place[]): Promise<KeyValue[]>;
}

export interface ChangeBatch {
  readonly revision: Revision;
  /** In the order of writing. */
  readonly changes: readonly Change[];
}

export interface Change {
  readonly key: string;
  /** Where the key was written before; absent when it wasn't there. */
  readonly previous: Place | undefined;
}

export interface Place {
  readonly revision: Revision;
  readonly operation: number;
}

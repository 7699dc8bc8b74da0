/**
 * The store: bytes and revisions, with etcd's MVCC semantics. The apiserver alone uses it.
 *
 * Promises, held by every implementation and tested by one suite (testing/store.suite.ts):
 * - one revision counter for the whole store; each write makes exactly one new revision, none is ever reused,
 *   not even after kill -9; an empty store is at revision 1 (etcd's first revision);
 * - a write resolves only when it is durable; reads that start after that see it;
 * - a watch delivers every event of its range once, in revision order, batched by revision.
 */
import type { KeptBytes } from "#base/kept-bytes.ts";

export type Revision = bigint;

export interface Entry {
  readonly key: string;
  /** Made anew each time when it is packed: ask once. */
  readonly value: Buffer;
  /** The value where the store keeps it. Who else keeps it shall keep this, and may pack it. */
  readonly kept?: KeptBytes | undefined;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  /** Number of writes since the key was created; 1 for a new key. */
  readonly version: bigint;
  /** Why the value can't be read, where something before the store makes it plain: then `value` is what is stored. */
  readonly fault?: Error | undefined;
}

/** Without making it. */
export const valueLengthOf = (entry: Entry): number => entry.kept?.length ?? entry.value.length;

export interface GetResult {
  /** The store's revision when it answered. */
  readonly revision: Revision;
  readonly entry: Entry | undefined;
}

export interface ListOptions {
  /** At most this many entries; absent means all. */
  readonly limit?: number | undefined;
  /** Start at this key (inclusive) instead of at the prefix. Must begin with the prefix. */
  readonly startKey?: string | undefined;
  /** State as of this revision; absent means now. */
  readonly revision?: Revision | undefined;
}

export interface ListResult {
  readonly revision: Revision;
  /** Sorted by the bytes of the key. */
  readonly entries: readonly Entry[];
  /** More entries follow the last one. */
  readonly more: boolean;
  /** All entries under the prefix from startKey on, at that revision, whatever the limit. */
  readonly count: number;
}

export interface StoreEvent {
  readonly type: "put" | "delete";
  readonly key: string;
  /** The revision of this write, also for a delete. */
  readonly revision: Revision;
  /** What was written; for a delete what was there before. */
  readonly entry: Entry;
  /** What was there before; absent when the key was created. */
  readonly previous: Entry | undefined;
  /** Who made it, as the writer said; durable with the write, and there as long as its revision can be read. */
  readonly author?: string | undefined;
}

export interface EventBatch {
  /** Everything up to this revision has now been delivered to this watch. */
  readonly revision: Revision;
  /** Empty in a progress notification. */
  readonly events: readonly StoreEvent[];
}

/** A batch of a richer kind of event. */
export interface EventsOf<E extends StoreEvent> extends EventBatch {
  readonly events: readonly E[];
}

export interface WatchOptions {
  /** First revision to deliver; absent means everything after the current one. May lie in the future. */
  readonly startRevision?: Revision | undefined;
  /**
   * Deliver an empty batch also when commits held nothing for this watch and its reader waits. Default true.
   * Without it a watch says only once, when it has first caught up, how far it is.
   */
  readonly progress?: boolean | undefined;
  readonly signal: AbortSignal;
}

/** A database file as it was at one revision, while its store goes on. */
export interface StoreCopy extends AsyncDisposable {
  readonly revision: Revision;
  readonly bytes: number;
  /** All of the file, in order. Once. */
  read(): AsyncIterable<Buffer>;
}

/**
 * Values are handed on, not copied: neither who writes a value nor who reads it may change its bytes.
 * A write that can't be made durable rejects with StoreFullError or StoreWriteError; reads go on, and later writes
 * are tried anew. StoreBusyError: more writes wait than the store is ready to hold.
 * A conflict is reported only once the write that caused it is durable.
 */
export interface Store {
  /** The newest durable revision. */
  readonly revision: Revision;
  /** Everything below was compacted away, as far as is known here. 0 when nothing was. */
  readonly compactRevision: Revision;
  /** The newest durable revision of all: where other processes write to the same database, `revision` may lag. At once where no other process does. */
  latest(): Revision | Promise<Revision>;

  get(key: string, revision?: Revision): Promise<GetResult>;
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }>;

  /** Throws KeyExistsError. `author` goes into the event; so it does below. */
  create(key: string, value: Buffer, author?: string): Promise<Entry>;
  /** Replaces the value if the key still is at `expected`. Throws RevisionMismatchError (its `current` may be absent). */
  update(key: string, value: Buffer, expected: Revision, author?: string): Promise<Entry>;
  /** Deletes if the key still is at `expected`, or unconditionally. Throws RevisionMismatchError, KeyNotFoundError. */
  delete(
    key: string,
    expected?: Revision,
    author?: string,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }>;

  /**
   * Events of keys under `prefix`, from the moment of the call. The loop ends when the signal aborts or the store
   * closes. Throws CompactedError when startRevision was compacted. A slow reader never loses an event: it is fed
   * from the log until it has caught up, or gets CompactedError when compaction overtook it.
   * The first batch after catching up comes at once, empty if need be: from there on the watch is live.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<EventBatch>;

  /** Forgets superseded revisions below `revision`. Throws CompactedError, FutureRevisionError. */
  compact(revision: Revision): Promise<void>;
  /** Why the last write failed for want of the disk, or of what is in its place; undefined when writes work. */
  readonly writeFault?: Error | undefined;
  /** Size in bytes on disk (0 in memory). */
  size(): Promise<number>;
  /** Absent when the store is no file of ours. One at a time: a second one waits for the first one's end. */
  readonly copy?: (() => Promise<StoreCopy>) | undefined;
  /** Waits for pending writes, then lets go of everything. Later calls throw StoreClosedError. */
  close(): Promise<void>;
}

export class KeyExistsError extends Error {
  override readonly name = "KeyExistsError";
  readonly code = "KEY_EXISTS";
  readonly current: Entry;
  constructor(current: Entry) {
    super(`key ${current.key} exists at revision ${current.modRevision}`);
    this.current = current;
  }
}

export class KeyNotFoundError extends Error {
  override readonly name = "KeyNotFoundError";
  readonly code = "KEY_NOT_FOUND";
  readonly key: string;
  constructor(key: string) {
    super(`key ${key} does not exist`);
    this.key = key;
  }
}

export class RevisionMismatchError extends Error {
  override readonly name = "RevisionMismatchError";
  readonly code = "REVISION_MISMATCH";
  readonly expected: Revision;
  readonly current: Entry | undefined;
  constructor(key: string, expected: Revision, current: Entry | undefined) {
    super(`key ${key} is at revision ${current?.modRevision ?? "none"}, expected ${expected}`);
    this.expected = expected;
    this.current = current;
  }
}

export class CompactedError extends Error {
  override readonly name = "CompactedError";
  readonly code = "COMPACTED";
  readonly compactRevision: Revision;
  constructor(compactRevision: Revision) {
    super(`revisions below ${compactRevision} are compacted`);
    this.compactRevision = compactRevision;
  }
}

export class FutureRevisionError extends Error {
  override readonly name = "FutureRevisionError";
  readonly code = "FUTURE_REVISION";
  readonly current: Revision;
  constructor(asked: Revision, current: Revision) {
    super(`revision ${asked} is in the future, the store is at ${current}`);
    this.current = current;
  }
}

export class StoreClosedError extends Error {
  override readonly name = "StoreClosedError";
  readonly code = "STORE_CLOSED";
  constructor() {
    super("the store is closed");
  }
}

/** The disk, or the quota, is full. */
export class StoreFullError extends Error {
  override readonly name = "StoreFullError";
  readonly code = "NO_SPACE";
  /** What clients are told: the datastore's own words, or etcd's, which they may know. */
  readonly said: string;
  constructor(path: string, options?: ErrorOptions & { readonly said?: string }) {
    super(`no space left to write to the database ${path}`, options);
    this.said = options?.said ?? "etcdserver: mvcc: database space exceeded";
  }
}

/** The write isn't known to be durable. It may have been made if the store dies right after. */
export class StoreWriteError extends Error {
  override readonly name = "StoreWriteError";
  readonly code = "WRITE_FAILED";
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`can't write to the database ${path}: ${reason}`, options);
  }
}

/** The datastore can't be reached. A write that rejects with this was not made. */
export class StoreUnreachableError extends Error {
  override readonly name = "StoreUnreachableError";
  readonly code = "UNREACHABLE";
  constructor(datastore: string, reason: string, options?: ErrorOptions) {
    super(`can't reach the datastore ${datastore}: ${reason}`, options);
  }
}

export class StoreBusyError extends Error {
  override readonly name = "StoreBusyError";
  readonly code = "BUSY";
  constructor(waiting: number) {
    super(`${waiting} writes are waiting already`);
  }
}

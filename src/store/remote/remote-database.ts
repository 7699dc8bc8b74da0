/** What a database on the other end of a connection does for RemoteStore. */
import type { Entry, GetResult, ListOptions, ListResult, Revision, StoreEvent } from "../store.ts";

/**
 * Errors are those of the Store interface. A write that may or may not have been made rejects with StoreWriteError and
 * is never made a second time; what can't be read rejects with StoreUnreachableError.
 */
export interface RemoteDatabase {
  /** The newest revision of all, whoever wrote it. */
  latest(): Promise<Revision>;
  get(key: string, revision?: Revision): Promise<GetResult>;
  list(prefix: string, options: ListOptions): Promise<ListResult>;
  count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }>;
  create(key: string, value: Buffer, author: string | undefined): Promise<Entry>;
  update(key: string, value: Buffer, expected: Revision, author: string | undefined): Promise<Entry>;
  delete(
    key: string,
    expected: Revision | undefined,
    author: string | undefined,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }>;
  /** Every event of every key from revision `from` on; goes on by itself after a lost connection. */
  follow(from: Revision, follower: Follower): Following;
  compact(revision: Revision): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Follower {
  /** In revision order, each once; a revision's events come together. */
  readonly events: (events: readonly StoreEvent[]) => void;
  /** Nothing comes after it. CompactedError: what should come next is gone. */
  readonly failed: (error: Error) => void;
}

export interface Following {
  readonly stop: () => void;
}

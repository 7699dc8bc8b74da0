/** Rows of the log, and what they say. */
import type { Entry, Revision, StoreEvent } from "../store.ts";

export const putOperation = 1;
export const deleteOperation = 2;

/** A put, as it is selected. */
export interface EntryRow {
  readonly name: Buffer;
  readonly revision: Revision;
  readonly created: Revision;
  readonly version: bigint;
  readonly value: Buffer | null;
}

/** A write with what was there before. */
export interface EventRow extends EntryRow {
  readonly operation: number;
  readonly author: string | null;
  readonly previous: Revision;
  readonly previous_created: Revision | null;
  readonly previous_version: bigint | null;
  readonly previous_value: Buffer | null;
}

export function entryOf({ name, revision, created, version, value }: EntryRow): Entry {
  return {
    key: name.toString("utf8"),
    value: value ?? Buffer.alloc(0),
    createRevision: created,
    modRevision: revision,
    version,
  };
}

export function eventOf(row: EventRow): StoreEvent {
  const key = row.name.toString("utf8");
  const previous =
    row.previous === 0n || row.previous_created === null || row.previous_version === null
      ? undefined
      : {
          key,
          value: row.previous_value ?? Buffer.alloc(0),
          createRevision: row.previous_created,
          modRevision: row.previous,
          version: row.previous_version,
        };
  const { revision } = row;
  const author = row.author ?? undefined;
  if (row.operation === putOperation) {
    return { type: "put", key, revision, entry: entryOf(row), previous, author };
  }
  if (previous === undefined) throw new Error(`the log has a deletion of ${key} at ${revision} of nothing`);
  return { type: "delete", key, revision, entry: previous, previous, author };
}

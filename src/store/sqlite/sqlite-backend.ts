/** The backend over the SQLite worker: packs what goes there, unpacks what comes back. */
import { stat } from "node:fs/promises";
import { assert } from "#base/assert.ts";
import { errorCode } from "#base/files.ts";
import { errorText } from "#base/log.ts";
import type { Archive, Backend, Change, ChangeBatch, Changes, Place } from "../backend.ts";
import { KeptEntry } from "../kept-entry.ts";
import type { KeyRange } from "../key-range.ts";
import type { KeyEvent, KeyEventBatch, KeyValue } from "../kv.ts";
import { type Revision, type StoreCopy, StoreFullError, StoreWriteError, valueLengthOf } from "../store.ts";
import { noteRow } from "./notes.ts";
import type { Packed, ReadRow } from "./records.ts";
import { readRecords, RecordWriter } from "./records.ts";
import { operationOf, operations, pageBytes, positionOf, revisionOf } from "./schema.ts";
import { SqliteFailure, type WorkerClient } from "./worker-client.ts";

/** Old entries asked of the worker at once, so that a commit needn't wait long behind them. */
const entriesMax = 500;
/** Pages of a copy read at once: half a megabyte, a tenth of a millisecond of the worker's. */
const copyPages = 64;

export class SqliteBackend implements Backend, Archive {
  readonly #client: WorkerClient;
  readonly #path: string;
  #copying: Promise<void> = Promise.resolve();
  /** Of the commits that rest on the same failures: see protocol.ts. */
  #epoch = 0;

  constructor(client: WorkerClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  get archive(): Archive {
    return this;
  }

  async commit(changes: Changes): Promise<void> {
    const rows = pack(changes);
    const epoch = this.#epoch;
    try {
      await this.#write(this.#client.call({ kind: "commit", rows, epoch }, [rows.buffer]));
    } catch (error) {
      if (epoch === this.#epoch) this.#epoch++;
      throw error;
    }
  }

  async compact(revision: Revision): Promise<void> {
    await this.#write(this.#client.call({ kind: "compact", revision }));
  }

  async sweep(): Promise<boolean> {
    const reply = await this.#write(this.#client.call({ kind: "sweep" }));
    assert(reply.kind === "swept", `sweep was answered with ${reply.kind}`);
    return reply.more;
  }

  async readEvents(range: KeyRange, from: Revision, to: Revision): Promise<KeyEventBatch> {
    const { revision, rows } = await this.#read({ kind: "events", range, from, to });
    const records = readRecords(rows).values();
    const events: KeyEvent[] = [];
    for (let row = records.next().value; row !== undefined; row = records.next().value) {
      const before = row.previous === 0n ? undefined : records.next().value;
      assert(before?.position === (row.previous === 0n ? undefined : row.previous), "rows are out of step");
      events.push(eventOf(row, before === undefined ? undefined : entryOf(before)));
    }
    return { revision, events };
  }

  async readChanges(range: KeyRange, from: Revision, to: Revision): Promise<ChangeBatch> {
    const { revision, rows } = await this.#read({ kind: "changes", range, from, to });
    const changes: Change[] = [];
    for (const { key, previous } of readRecords(rows)) {
      changes.push({ key, previous: previous === 0n ? undefined : placeOf(previous) });
    }
    return { revision, changes };
  }

  async readEntries(at: readonly Place[]): Promise<KeyValue[]> {
    const entries: KeyValue[] = [];
    for (let start = 0; start < at.length; start += entriesMax) {
      const wanted = at.slice(start, start + entriesMax);
      const positions = new BigUint64Array(
        wanted.map((place) => positionOf(place.revision, place.operation)),
      );
      const { rows } = await this.#read({ kind: "entries", positions });
      for (const row of readRecords(rows)) entries.push(entryOf(row));
    }
    return entries;
  }

  /** The database and its write-ahead log. By name: an open and close of the file would give up SQLite's lock. */
  async size(): Promise<number> {
    const sizes = await Promise.all([sizeOf(this.#path), sizeOf(`${this.#path}-wal`)]);
    return sizes[0] + sizes[1];
  }

  async copy(): Promise<StoreCopy> {
    const before = this.#copying;
    const ended = Promise.withResolvers<void>();
    this.#copying = ended.promise;
    await before;
    const end = async (): Promise<void> => {
      try {
        await this.#client.call({ kind: "endCopy" });
      } finally {
        ended.resolve();
      }
    };
    try {
      const begun = await this.#client.call({ kind: "beginCopy" });
      assert(begun.kind === "copying", `beginCopy was answered with ${begun.kind}`);
      const { revision, pages } = begun;
      const read = (): AsyncIterable<Buffer> => this.#readCopy(pages);
      return { revision, bytes: pages * pageBytes, read, [Symbol.asyncDispose]: end };
    } catch (error) {
      ended.resolve();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async *#readCopy(pages: number): AsyncGenerator<Buffer, void, undefined> {
    const ask = async (page: number): Promise<Buffer> => {
      const count = Math.min(copyPages, pages - page);
      const reply = await this.#client.call({ kind: "readCopy", page, count });
      assert(reply.kind === "copied", `readCopy was answered with ${reply.kind}`);
      return Buffer.from(reply.pages.buffer, reply.pages.byteOffset, reply.pages.byteLength);
    };
    for (let page = 0; page < pages; page += copyPages) yield await ask(page);
  }

  async #read(
    request: Extract<Parameters<WorkerClient["call"]>[0], { kind: "events" | "changes" | "entries" }>,
  ): Promise<{ revision: Revision; rows: Packed }> {
    const reply = await this.#client.call(request);
    assert(reply.kind === "read", `${request.kind} was answered with ${reply.kind}`);
    return reply;
  }

  async #write<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      const isFull = error instanceof SqliteFailure && error.code === "SQLITE_FULL";
      throw isFull ? new StoreFullError(this.#path) : new StoreWriteError(this.#path, errorText(error));
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}

function pack({ events, notes }: Changes): Packed {
  let capacity = 0;
  for (const { key, entry, author } of events) {
    capacity += RecordWriter.roomFor(key, valueLengthOf(entry), author);
  }
  const writer = new RecordWriter(capacity);
  for (const event of events) {
    const { key, entry, previous } = event;
    const isPut = event.type === "put";
    writer.write({
      position: positionOf(event.revision, event.operation),
      previous: previous === undefined ? 0n : positionOf(previous.modRevision, previous.operation),
      created: entry.createRevision,
      version: isPut ? entry.version : 0n,
      lease: isPut ? entry.lease : 0n,
      operation: isPut ? operations.put : operations.delete,
      key,
      value: isPut ? entry.value : undefined,
      author: event.author,
    });
  }
  for (const note of notes) writer.write(noteRow(note));
  return writer.finish();
}

function placeOf(position: bigint): Place {
  return { revision: revisionOf(position), operation: operationOf(position) };
}

export function entryOf(row: ReadRow): KeyValue {
  return new KeptEntry({
    key: row.key,
    value: row.value,
    createRevision: row.created,
    modRevision: revisionOf(row.position),
    version: row.version,
    lease: row.lease,
    operation: operationOf(row.position),
  });
}

function eventOf(row: ReadRow, previous: KeyValue | undefined): KeyEvent {
  const { key, author } = row;
  const { revision, operation } = placeOf(row.position);
  if (row.operation === operations.put) {
    return { type: "put", key, revision, operation, entry: entryOf(row), previous, author };
  }
  assert(previous !== undefined, `the delete of ${key} at ${revision} has nothing before it`);
  return { type: "delete", key, revision, operation, entry: previous, previous, author };
}

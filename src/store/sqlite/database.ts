/** The database file and every statement on it. Synchronous: runs in the worker. */
import { contains, type KeyRange } from "../key-range.ts";
import { BulkInsert } from "./bulk-insert.ts";
import { CurrentTable } from "./current-table.ts";
import type { Connection, SqlValue, Statement } from "./driver.ts";
import { openDurable, setQuota } from "./durable-connection.ts";
import { corruptError } from "./open-errors.ts";
import { NotesTable } from "./notes.ts";
import { PageCopy } from "./page-copy.ts";
import type { DatabaseOptions } from "./protocol.ts";
import { type Packed, readRecords, RecordWriter } from "./records.ts";
import { checksumOf, isNote, operations, positionOf, revisionOf } from "./schema.ts";

/**
 * Pages in SQLite's log after which a checkpoint is due between two commits. Twice as many make it last 5 ms instead of
 * 3, for which 128 writers wait, and save a twentieth of what a row costs.
 */
const checkpointPages = 250n;
/** Rows a sweep looks at before it deletes what they replaced, in the order of the file. */
const sweepRowsMax = 1024;
/** A slice of a sweep deletes this much at most: what is scattered dirties a page per row, what isn't, one for many. */
const sweepDeletesMax = 250;
const sweepPagesMax = 32;
/** Rows further apart than this don't share a page, unless they are small. */
const sweepNeighbours = 8n;
/** What a sweep may use beyond the quota. */
const sweepHeadroomBytes = 16 * 2 ** 20;
/** Rows looked at per read or sweep: 1 to 3 ms, which is how long a commit may have to wait for it. */
const sliceRowsMax = 500;
const sliceBytesMax = 2 ** 20;
const loadBytes = 2 ** 20;
/** Free pages are reused; only when they are more than a quarter of a file of some size they go back to the disk. */
const freePagesMin = 256n;
const vacuumPages = 64;
/** Before a sweep there is no commit to ride in. */
const foldKeys = 256;

export interface Slice {
  /** Everything up to this revision is in the slice. */
  readonly revision: bigint;
  readonly rows: Packed;
}

export class Database {
  readonly notes: NotesTable;
  /** For a snapshot. */
  readonly copy: PageCopy;
  readonly #path: string;
  readonly #connection: Connection;
  readonly #quotaBytes: number | undefined;
  readonly #log: BulkInsert;
  /** For most rows: puts without lease and author. Each value handed to SQLite costs a row 3 % more. */
  readonly #plainPuts: BulkInsert;
  readonly #current: CurrentTable;
  readonly #changes: Statement;
  readonly #row: Statement;
  readonly #sweepRows: Statement;
  readonly #deleteLog: Statement;
  readonly #setMeta: Statement;
  #compacted: bigint;
  /** Every row below this position has been looked at by a sweep. */
  #swept: bigint;
  /** Positions of rows to delete, the last first, and where #swept will be once they are gone. */
  #garbage: bigint[] = [];
  #garbageUpTo = 0n;
  readonly #walState: Statement;
  /** With so many pages in it. More than usual after one that failed. */
  #checkpointAt: bigint = checkpointPages;

  constructor(options: DatabaseOptions) {
    this.#path = options.path;
    this.#connection = openDurable(options);
    this.#quotaBytes = options.quotaBytes;
    this.notes = new NotesTable(this.#connection);
    this.copy = new PageCopy(this.#connection, options.path);
    const prepare = (sql: string): Statement => this.#connection.prepare(sql);
    this.#log = new BulkInsert(this.#connection, "INSERT INTO log", "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    const plain = `(?, ?, ${operations.put}, ?, ?, ?, ?, ?, 0, NULL)`;
    this.#plainPuts = new BulkInsert(this.#connection, "INSERT INTO log", plain);
    const { generationKeys } = options;
    this.#current = new CurrentTable(this.#connection, { folded: this.#meta("folded"), generationKeys });
    this.#changes = prepare(
      `SELECT position, name, operation, previous, created, version, lease FROM log
       WHERE position >= ? AND position < ? ORDER BY position LIMIT ?`,
    );
    this.#row = prepare(`SELECT ${rowColumns} FROM log WHERE position = ?`);
    this.#sweepRows = prepare(
      `SELECT position, operation, previous FROM log
       WHERE position >= ? AND position < ? ORDER BY position LIMIT ${sweepRowsMax}`,
    );
    this.#deleteLog = prepare("DELETE FROM log WHERE position = ?");
    this.#walState = prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#setMeta = prepare("UPDATE meta SET value = ? WHERE name = ?");
    this.#compacted = this.#meta("compacted");
    this.#swept = this.#meta("swept");
  }

  get compacted(): bigint {
    return this.#compacted;
  }

  /** 0 when nothing was ever written. */
  get revision(): bigint {
    return revisionOf(this.#current.newest);
  }

  /** What the settings really are, as SQLite tells it. */
  pragma(name: string): SqlValue | undefined {
    return this.#connection.pragma(name);
  }

  /** The current state, each value checked, in pieces of about a megabyte, nearly in the order of keys. */
  *load(): Generator<Packed, void, undefined> {
    let writer = new RecordWriter(loadBytes);
    for (const record of this.#present()) {
      if (
        writer.length > 0 &&
        writer.length + RecordWriter.roomFor(record.key, record.value.length, undefined) > loadBytes
      ) {
        yield writer.finish();
        writer = new RecordWriter(loadBytes);
      }
      writer.write(record);
    }
    yield writer.finish();
  }

  commit(packed: Packed): void {
    const rows = readRecords(packed);
    const folding = this.#current.due();
    this.#transaction(() => {
      this.#log.begin();
      this.#plainPuts.begin();
      for (const row of rows) {
        if (this.notes.write(row)) continue;
        const { position, previous, operation, key, created, version, lease, value, author = null } = row;
        const checksum = BigInt(checksumOf(key, value));
        if (operation === operations.put && lease === 0n && author === null) {
          this.#plainPuts.add(position, key, previous, created, version, checksum, value);
          continue;
        }
        const stored = operation === operations.delete ? null : value;
        this.#log.add(position, key, operation, previous, created, version, checksum, stored, lease, author);
      }
      this.#log.flush();
      this.#plainPuts.flush();
      this.#current.fold(folding);
    });
    this.#current.drop(folding);
    for (const { key, position, operation } of rows) {
      if (isNote(operation)) continue;
      this.#current.follow(key, position, operation === operations.delete);
    }
  }

  /** After a commit was acknowledged, so that its writers don't wait for it. Returns whether one was made. */
  checkpointIfDue(): boolean {
    if (this.copy.isRunning) return false;
    const [, logged, moved] = this.#walState.get() as [bigint, bigint, bigint];
    if (logged - moved < this.#checkpointAt) return false;
    const isDone = this.#checkpoint("PASSIVE");
    this.#checkpointAt = isDone ? checkpointPages : this.#checkpointAt + checkpointPages;
    return isDone;
  }

  /** Events of `range` in [from, to]: the event's row, then its predecessor's. */
  events(range: KeyRange, from: bigint, to: bigint): Slice {
    const writer = new RecordWriter();
    const slice = this.#scan(range, from, to, ([position, , , previous]) => {
      writer.write(this.#at(position as bigint));
      if (previous !== 0n) writer.write(this.#at(previous as bigint));
      return writer.length < sliceBytesMax;
    });
    return { revision: slice, rows: writer.finish() };
  }

  /** The same without predecessors and values. */
  changes(range: KeyRange, from: bigint, to: bigint): Slice {
    const writer = new RecordWriter();
    const slice = this.#scan(range, from, to, (row) => {
      const [position, key, operation, previous, created, version, lease] = row as [...LogHead, bigint];
      const absent = { value: undefined, author: undefined };
      writer.write({ position, key, operation, previous, created, version, lease, ...absent });
      return true;
    });
    return { revision: slice, rows: writer.finish() };
  }

  entries(positions: BigUint64Array): Packed {
    const writer = new RecordWriter();
    for (const position of positions) writer.write(this.#at(position));
    return writer.finish();
  }

  compact(revision: bigint): void {
    this.#setMeta.run(revision, "compacted");
    this.#compacted = revision;
  }

  /**
   * Frees some of what is compacted: the predecessor of each write below the compacted revision, and the deletes
   * below it. What the write at that revision replaced stays, for a watch that starts there.
   */
  sweep(): boolean {
    if (this.#quotaBytes === undefined) return this.#sweep();
    // To free space takes a little space first.
    setQuota(this.#connection, this.#quotaBytes + sweepHeadroomBytes);
    try {
      return this.#sweep();
    } finally {
      setQuota(this.#connection, this.#quotaBytes);
    }
  }

  /** A checkpoint is a slice of its own: no write is to wait for both. */
  #sweep(): boolean {
    if (this.checkpointIfDue()) return true;
    const needed = positionOf(this.#compacted);
    const { folded, newest } = this.#current;
    if (folded < newest && folded < needed) return this.#foldForSweep();
    if (this.#garbageUpTo > this.#swept) this.#dropGarbage();
    else if (!this.#collectGarbage(needed)) return this.#vacuum();
    return true;
  }

  close(): void {
    this.#checkpoint("TRUNCATE");
    this.#connection.close();
    this.copy.close();
  }

  /** False when there is nothing left to look at. */
  #collectGarbage(end: bigint): boolean {
    const rows = this.#sweepRows.all(this.#swept, end);
    const last = rows.at(-1)?.[0];
    if (typeof last !== "bigint") return false;
    const positions: bigint[] = [];
    for (const [position, operation, previous] of rows as [bigint, bigint, bigint][]) {
      if (previous !== 0n) positions.push(previous);
      if (operation === operations.delete) positions.push(position);
    }
    this.#garbage = positions.toSorted((a, b) => Number(b - a));
    this.#garbageUpTo = last + 1n;
    return true;
  }

  #dropGarbage(): void {
    const left = this.#garbage;
    let pages = 0;
    let count = 0;
    for (let before = -1n; count < Math.min(left.length, sweepDeletesMax) && pages < sweepPagesMax; count++) {
      const revision = revisionOf(left[left.length - 1 - count] as bigint);
      if (before < 0n || revision - before > sweepNeighbours) pages++;
      before = revision;
    }
    this.#transaction(() => {
      for (let at = 1; at <= count; at++) this.#deleteLog.run(left[left.length - at] as bigint);
      if (count === left.length) this.#setMeta.run(this.#garbageUpTo, "swept");
    });
    left.length -= count;
    if (left.length === 0) this.#swept = this.#garbageUpTo;
  }

  /** A row must not go while `current` still points to it. */
  #foldForSweep(): boolean {
    const keys = this.#current.take(foldKeys);
    this.#transaction(() => {
      this.#current.fold(keys);
    });
    this.#current.drop(keys);
    return true;
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): boolean {
    try {
      this.#connection.pragma(`wal_checkpoint(${mode})`);
      return true;
    } catch {
      // A full disk. All is safe in the write-ahead log; the next checkpoint tries again.
      return false;
    }
  }

  #vacuum(): boolean {
    const free = this.#connection.pragma("freelist_count") as bigint;
    const pages = this.#connection.pragma("page_count") as bigint;
    if (free < freePagesMin || free * 4n < pages) return false;
    this.#connection.exec(`PRAGMA incremental_vacuum(${vacuumPages})`);
    return true;
  }

  /** Everything `current` knows, then what the end of the log says since. */
  *#present(): Generator<LogRow, void, undefined> {
    const rows = this.#connection
      .prepare(
        `SELECT l.position, c.name, l.operation, l.previous, l.created, l.version, l.checksum, l.value, l.lease, NULL
         FROM current c LEFT JOIN log l ON l.position = c.position ORDER BY c.name`,
      )
      .iterate();
    for (const row of rows) {
      const key = String(row[1]);
      if (this.#current.isUnfolded(key)) continue;
      if (row[0] === null) throw corruptError(this.#path, `the newest write of ${key} is missing`);
      yield this.#record(row);
    }
    for (const position of this.#current.unfolded()) yield this.#at(position);
  }

  /** Hands rows of `range` to `take` until it has enough or the slice is full; returns how far it came. */
  #scan(range: KeyRange, from: bigint, to: bigint, take: (row: SqlValue[]) => boolean): bigint {
    let isEnough = false;
    let revision = from - 1n;
    const rows = this.#slice(from, to);
    for (const row of rows.whole) {
      const at = revisionOf(row[0] as bigint);
      // Never in the middle of a revision.
      if (isEnough && at > revision) return revision;
      revision = at;
      if (contains(range, row[1] as string) && !take(row)) isEnough = true;
    }
    return rows.isLast && !isEnough ? to : revision;
  }

  /** The next rows from a revision on, each revision whole. */
  #slice(from: bigint, to: bigint): { readonly whole: SqlValue[][]; readonly isLast: boolean } {
    const rows = this.#changes.all(positionOf(from), positionOf(to + 1n), BigInt(sliceRowsMax));
    const last = rows.at(-1)?.[0];
    if (rows.length < sliceRowsMax || typeof last !== "bigint") return { whole: rows, isLast: true };
    const cut = revisionOf(last);
    const whole = rows.filter(([position]) => revisionOf(position as bigint) < cut);
    if (whole.length > 0) return { whole, isLast: false };
    return { whole: this.#changes.all(positionOf(cut), positionOf(cut + 1n), -1n), isLast: false };
  }

  #at(position: bigint): LogRow {
    const row = this.#row.get(position);
    if (row === undefined) throw corruptError(this.#path, `revision ${revisionOf(position)} is missing`);
    return this.#record(row);
  }

  #record(row: SqlValue[]): LogRow {
    const [position, key, operation, previous, created, version, checksum, bytes, lease, author] =
      row as LogColumns;
    const value = bytes ?? noBytes;
    if (BigInt(checksumOf(key, value)) !== checksum) {
      const what = `the value of ${key} at revision ${revisionOf(position)} doesn't match its checksum`;
      throw corruptError(this.#path, what);
    }
    return {
      position,
      key,
      operation,
      previous,
      created,
      version,
      lease,
      value,
      author: author ?? undefined,
    };
  }

  #meta(name: string): bigint {
    const value = this.#connection.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.[0];
    if (typeof value !== "bigint") throw corruptError(this.#path, `its ${name} revision is missing`);
    return value;
  }

  #transaction(run: () => void): void {
    this.#connection.exec("BEGIN IMMEDIATE");
    try {
      run();
      this.#connection.exec("COMMIT");
    } catch (error) {
      if (this.#connection.inTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    }
  }
}

const rowColumns = "position, name, operation, previous, created, version, checksum, value, lease, author";
const noBytes = new Uint8Array(0);

type LogHead = [
  position: bigint,
  key: string,
  operation: bigint,
  previous: bigint,
  created: bigint,
  version: bigint,
];
type LogColumns = [
  ...LogHead,
  checksum: bigint,
  value: Uint8Array | null,
  lease: bigint,
  author: string | null,
];

interface LogRow {
  readonly position: bigint;
  readonly key: string;
  readonly operation: bigint;
  readonly previous: bigint;
  readonly created: bigint;
  readonly version: bigint;
  readonly lease: bigint;
  readonly value: Uint8Array;
  readonly author: string | undefined;
}

/** The database file and every statement on it. Synchronous: runs in the worker. */
import { contains, type KeyRange } from "../key-range.ts";
import { BulkInsert } from "./bulk-insert.ts";
import type { Connection, SqlValue, Statement } from "./driver.ts";
import { openDurable, setQuota } from "./durable-connection.ts";
import { corruptError } from "./open-errors.ts";
import { NotesTable } from "./notes.ts";
import { PageCopy } from "./page-copy.ts";
import type { DatabaseOptions } from "./protocol.ts";
import { type Packed, readRecords, type ReadRow, RecordWriter } from "./records.ts";
import { checksumOf, operations, pageBytes, positionOf, revisionOf } from "./schema.ts";

/** Pages of log after which a checkpoint is due between two commits. More makes the slowest commits slower. */
const checkpointPages = 250;
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
/**
 * `current` follows the log in generations of this many keys: folded in key order, many rows share a page, and a key
 * written often is folded once. It also bounds what a start has to read from the log's end: about two generations.
 */
const generationKeys = 8192;
/** The same for keys that are written over and over, which never become so many. */
const generationRows = 32_768;
/** A commit takes a fold along after this many rows, of twice as many keys: done before the next generation is full. */
const foldEveryRows = 128;
const foldKeysPerRow = 2;
/** Rows of `current` on a page, with keys of some length. */
const foldedPerPage = 100;
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
  readonly #current: BulkInsert;
  readonly #deleteCurrent: Statement;
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
  #dirtyPages = 0;
  /** The newest position in the log, or the newest folded one. */
  #newest: bigint;
  /** `current` knows everything up to here. */
  #folded: bigint;
  /** The newest position of each key that `current` doesn't know yet; a deleted key is absent there. */
  #unfolded = new Map<string, FoldTarget>();
  /** The generation before, being folded, last key first. */
  #folding: [string, FoldTarget][] = [];
  /** Where #folded will be once #folding is empty. */
  #foldingUpTo = 0n;
  #rowsSinceFold = 0;
  /** Keys there are now, as far as was loaded. */
  #keys = 0;
  #rowsSinceGeneration = 0;

  constructor(options: DatabaseOptions) {
    this.#path = options.path;
    this.#connection = openDurable(options);
    this.#quotaBytes = options.quotaBytes;
    this.notes = new NotesTable(this.#connection);
    this.copy = new PageCopy(this.#connection, options.path);
    const prepare = (sql: string): Statement => this.#connection.prepare(sql);
    this.#log = new BulkInsert(this.#connection, "INSERT INTO log", 10);
    this.#current = new BulkInsert(this.#connection, "REPLACE INTO current", 2);
    this.#deleteCurrent = prepare("DELETE FROM current WHERE name = ?");
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
    this.#setMeta = prepare("UPDATE meta SET value = ? WHERE name = ?");
    this.#compacted = this.#meta("compacted");
    this.#swept = this.#meta("swept");
    this.#folded = this.#meta("folded");
    this.#newest = this.#folded;
    this.#readUnfolded();
  }

  get compacted(): bigint {
    return this.#compacted;
  }

  /** 0 when nothing was ever written. */
  get revision(): bigint {
    return revisionOf(this.#newest);
  }

  /** What the settings really are, as SQLite tells it. */
  pragma(name: string): SqlValue | undefined {
    return this.#connection.pragma(name);
  }

  /** The current state, each value checked, in pieces of about a megabyte, nearly in the order of keys. */
  *load(): Generator<Packed, void, undefined> {
    let writer = new RecordWriter(loadBytes);
    for (const record of this.#present()) {
      this.#keys++;
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

  commit(rows: Packed): void {
    const written: ReadRow[] = [];
    const folded = this.#nextFold();
    this.#transaction(() => {
      this.#log.begin();
      for (const row of readRecords(rows)) {
        if (this.notes.write(row)) continue;
        const { position, previous, operation, key, created, version, lease, value, author = null } = row;
        const stored = operation === operations.delete ? null : value;
        const checksum = BigInt(checksumOf(key, value));
        this.#log.add(position, key, operation, previous, created, version, checksum, stored, lease, author);
        written.push(row);
      }
      this.#log.flush();
      this.#fold(folded);
    });
    this.#dropFolded(folded.length);
    for (const { key, position, operation, previous } of written) {
      const isDelete = operation === operations.delete;
      if (isDelete) this.#keys--;
      else if (previous === 0n) this.#keys++;
      this.#unfolded.set(key, { position, isDelete });
      this.#newest = position;
    }
    this.#rowsSinceFold += written.length;
    this.#rowsSinceGeneration += written.length;
    this.#dirtyPages += Math.ceil(rows.length / pageBytes) + this.#pagesOfFold(folded.length) + 1;
  }

  /** After a commit was acknowledged, so that its writers don't wait for it. */
  checkpointIfDue(): void {
    if (this.#dirtyPages < checkpointPages || this.copy.isRunning) return;
    this.#dirtyPages = 0;
    this.#checkpoint("PASSIVE");
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

  #sweep(): boolean {
    const needed = positionOf(this.#compacted);
    if (this.#folded < this.#newest && this.#folded < needed) return this.#foldForSweep();
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
    this.#dirtyPages += pages;
  }

  /** After the transaction that folded them. */
  #dropFolded(count: number): void {
    if (count === 0) return;
    this.#folding.length -= count;
    if (this.#folding.length === 0) this.#folded = this.#foldingUpTo;
  }

  /** A row must not go while `current` still points to it. */
  #foldForSweep(): boolean {
    if (this.#folding.length === 0) this.#startGeneration();
    const keys = this.#folding.slice(-foldKeys);
    this.#transaction(() => {
      this.#fold(keys);
    });
    this.#dropFolded(keys.length);
    this.#dirtyPages += this.#pagesOfFold(keys.length);
    return true;
  }

  #checkpoint(mode: "PASSIVE" | "TRUNCATE"): void {
    try {
      this.#connection.pragma(`wal_checkpoint(${mode})`);
    } catch {
      // A full disk. All is safe in the write-ahead log; the next checkpoint tries again.
    }
  }

  #vacuum(): boolean {
    const free = this.#connection.pragma("freelist_count") as bigint;
    const pages = this.#connection.pragma("page_count") as bigint;
    if (free < freePagesMin || free * 4n < pages) return false;
    this.#connection.exec(`PRAGMA incremental_vacuum(${vacuumPages})`);
    this.#dirtyPages += vacuumPages;
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
      if (this.#unfolded.has(key)) continue;
      if (row[0] === null) throw corruptError(this.#path, `the newest write of ${key} is missing`);
      yield this.#record(row);
    }
    for (const { position, isDelete } of this.#unfolded.values()) if (!isDelete) yield this.#at(position);
  }

  /** After a start: what was committed but not folded. */
  #readUnfolded(): void {
    const rows = this.#connection
      .prepare("SELECT position, name, operation FROM log WHERE position > ? ORDER BY position")
      .iterate(this.#newest);
    for (const [position, key, operation] of rows) {
      this.#newest = position as bigint;
      this.#rowsSinceGeneration++;
      this.#unfolded.set(key as string, {
        position: this.#newest,
        isDelete: operation === operations.delete,
      });
    }
  }

  /** What the next commit takes along; mostly nothing. */
  #nextFold(): [string, FoldTarget][] {
    if (this.#rowsSinceFold < foldEveryRows) return [];
    const isDue = this.#unfolded.size >= generationKeys || this.#rowsSinceGeneration >= generationRows;
    if (isDue && this.#folding.length === 0) this.#startGeneration();
    const keys = this.#rowsSinceFold * foldKeysPerRow;
    this.#rowsSinceFold = 0;
    return this.#folding.slice(-keys);
  }

  #startGeneration(): void {
    this.#folding = [...this.#unfolded].toSorted(([a], [b]) => (a < b ? 1 : -1));
    this.#foldingUpTo = this.#newest;
    this.#unfolded = new Map();
    this.#rowsSinceGeneration = 0;
  }

  /** How many pages of `current` so many keys of a generation touch: they lie side by side, or apart from each other. */
  #pagesOfFold(keys: number): number {
    const spread = Math.max(1, this.#keys / generationKeys);
    return Math.min(keys, Math.ceil((keys * spread) / foldedPerPage));
  }

  /** Within a transaction. Doing it twice does no harm. */
  #fold(keys: readonly [string, FoldTarget][]): void {
    if (keys.length === 0) return;
    this.#current.begin();
    for (const [key, { position, isDelete }] of keys) {
      if (isDelete) this.#deleteCurrent.run(key);
      else this.#current.add(key, position);
    }
    this.#current.flush();
    if (keys.length === this.#folding.length) this.#setMeta.run(this.#foldingUpTo, "folded");
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

interface FoldTarget {
  readonly position: bigint;
  readonly isDelete: boolean;
}

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

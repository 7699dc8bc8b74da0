/** The database file and every statement on it. Synchronous: runs in the worker. */
import { crc32 } from "node:zlib";
import { assert } from "#base/assert.ts";
import { type Connection, openConnection, type SqlValue, type Statement } from "./driver.ts";
import { corruptError, notDurableError } from "./open-errors.ts";
import type { DatabaseOptions } from "./protocol.ts";
import { type Packed, readRecords, RecordWriter } from "./records.ts";
import { operations, positionOf, prepareSchema, revisionOf } from "./schema.ts";

/** A restarted server may meet the last moments of its predecessor. */
const lockWaitMs = 1000;
/** SQLite checkpoints within a commit at this many pages of log; see `checkpointIfDue` for the usual way. */
const autoCheckpointPages = 500;
/** Pages of log after which a checkpoint is due between two commits. More makes the slowest commits slower. */
const checkpointPages = 250;
const pageBytes = 4096;
/** A log that a large transaction blew up shrinks to this again. */
const walBytesMax = 8 * 2 ** 20;
/** Rows looked at per read or sweep: 1 to 3 ms, which is how long a commit may have to wait for it. */
const sliceRowsMax = 500;
const sliceBytesMax = 2 ** 20;
const loadBytes = 2 ** 20;
/** Free pages are reused; only when they are more than a quarter of a file of some size they go back to the disk. */
const freePagesMin = 1024n;
const vacuumPages = 256;

export interface Slice {
  /** Everything up to this revision is in the slice. */
  readonly revision: bigint;
  readonly rows: Packed;
}

export class Database {
  readonly #path: string;
  readonly #connection: Connection;
  readonly #insertLog: Statement;
  readonly #insertCurrent: Statement;
  readonly #updateCurrent: Statement;
  readonly #deleteCurrent: Statement;
  readonly #changes: Statement;
  readonly #row: Statement;
  readonly #sweepRows: Statement;
  readonly #deleteLog: Statement;
  readonly #setMeta: Statement;
  #compacted: bigint;
  /** Every row below this position has been looked at by a sweep. */
  #swept: bigint;
  #dirtyPages = 0;

  constructor(options: DatabaseOptions) {
    this.#path = options.path;
    this.#connection = open(options);
    const prepare = (sql: string): Statement => this.#connection.prepare(sql);
    this.#insertLog = prepare("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#insertCurrent = prepare("INSERT INTO current VALUES (?, ?)");
    this.#updateCurrent = prepare("UPDATE current SET position = ? WHERE name = ?");
    this.#deleteCurrent = prepare("DELETE FROM current WHERE name = ?");
    this.#changes = prepare(
      `SELECT position, name, operation, previous, created, version FROM log
       WHERE position >= ? AND position < ? ORDER BY position LIMIT ${sliceRowsMax}`,
    );
    this.#row = prepare(`SELECT ${rowColumns} FROM log WHERE position = ?`);
    this.#sweepRows = prepare(
      `SELECT position, operation, previous FROM log
       WHERE position >= ? AND position < ? ORDER BY position LIMIT ${sliceRowsMax}`,
    );
    this.#deleteLog = prepare("DELETE FROM log WHERE position = ?");
    this.#setMeta = prepare("UPDATE meta SET value = ? WHERE name = ?");
    this.#compacted = this.#meta("compacted");
    this.#swept = this.#meta("swept");
  }

  get compacted(): bigint {
    return this.#compacted;
  }

  /** 0 when nothing was ever written. */
  get revision(): bigint {
    const [newest] = this.#connection.prepare("SELECT max(position) FROM log").get() ?? [];
    return typeof newest === "bigint" ? revisionOf(newest) : 0n;
  }

  /** What the settings really are, as SQLite tells it. */
  pragma(name: string): SqlValue | undefined {
    return this.#connection.pragma(name);
  }

  /** The current state in key order, each value checked, in pieces of about a megabyte. */
  *load(): Generator<Packed, void, undefined> {
    const rows = this.#connection
      .prepare(
        `SELECT l.position, c.name, l.operation, l.previous, l.created, l.version, l.checksum, l.value
         FROM current c LEFT JOIN log l ON l.position = c.position ORDER BY c.name`,
      )
      .iterate();
    let writer = new RecordWriter(loadBytes);
    for (const row of rows) {
      if (row[0] === null) throw corruptError(this.#path, `the newest write of ${String(row[1])} is missing`);
      const record = this.#record(row);
      if (writer.length > 0 && writer.length + RecordWriter.roomFor(record.key, record.value) > loadBytes) {
        yield writer.finish();
        writer = new RecordWriter(loadBytes);
      }
      writer.write(record);
    }
    yield writer.finish();
  }

  commit(rows: Packed): void {
    let count = 0;
    this.#transaction(() => {
      for (const row of readRecords(rows)) {
        const { position, previous, operation, key, created, version } = row;
        const value = operation === operations.delete ? null : row.value;
        const checksum = BigInt(checksumOf(key, row.value));
        this.#insertLog.run(position, key, operation, previous, created, version, checksum, value);
        let changed = 1;
        if (operation === operations.delete) changed = this.#deleteCurrent.run(key);
        else if (previous === 0n) this.#insertCurrent.run(key, position);
        else changed = this.#updateCurrent.run(position, key);
        assert(changed === 1, `${key} at ${revisionOf(position)} isn't in the table of current state`);
        count++;
      }
    });
    // The log grows at its end; of the other table, each row may be on a page of its own.
    this.#dirtyPages += Math.ceil(rows.length / pageBytes) + count + 1;
  }

  /** After a commit was acknowledged, so that its writers don't wait for it. */
  checkpointIfDue(): void {
    if (this.#dirtyPages < checkpointPages) return;
    this.#dirtyPages = 0;
    try {
      this.#connection.pragma("wal_checkpoint(PASSIVE)");
    } catch {
      // A full disk. All is safe in the write-ahead log; the next checkpoint tries again.
    }
  }

  /** Events of `prefix` in [from, to]: the event's row, then its predecessor's. */
  events(prefix: string, from: bigint, to: bigint): Slice {
    const writer = new RecordWriter();
    const slice = this.#scan(prefix, from, to, ([position, , , previous]) => {
      writer.write(this.#at(position as bigint));
      if (previous !== 0n) writer.write(this.#at(previous as bigint));
      return writer.length < sliceBytesMax;
    });
    return { revision: slice, rows: writer.finish() };
  }

  /** The same without predecessors and values. */
  changes(prefix: string, from: bigint, to: bigint): Slice {
    const writer = new RecordWriter();
    const slice = this.#scan(prefix, from, to, (row) => {
      const [position, key, operation, previous, created, version] = row as LogHead;
      writer.write({ position, key, operation, previous, created, version, value: undefined });
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
    const rows = this.#sweepRows.all(this.#swept, positionOf(this.#compacted));
    const last = rows.at(-1)?.[0];
    if (typeof last !== "bigint") return this.#vacuum();
    this.#transaction(() => {
      for (const [position = null, operation, previous = null] of rows) {
        if (previous !== 0n) this.#deleteLog.run(previous);
        if (operation === operations.delete) this.#deleteLog.run(position);
      }
      this.#setMeta.run(last + 1n, "swept");
    });
    this.#swept = last + 1n;
    this.#dirtyPages += rows.length / 2;
    return true;
  }

  close(): void {
    try {
      this.#connection.pragma("wal_checkpoint(TRUNCATE)");
    } finally {
      this.#connection.close();
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

  /** Hands rows of `prefix` to `take` until it has enough or the slice is full; returns how far it came. */
  #scan(prefix: string, from: bigint, to: bigint, take: (row: SqlValue[]) => boolean): bigint {
    const rows = this.#changes.all(positionOf(from), positionOf(to + 1n));
    for (const row of rows) {
      if ((row[1] as string).startsWith(prefix) && !take(row)) return revisionOf(row[0] as bigint);
    }
    const last = rows.at(-1)?.[0];
    return rows.length === sliceRowsMax && typeof last === "bigint" ? revisionOf(last) : to;
  }

  #at(position: bigint): LogRow {
    const row = this.#row.get(position);
    if (row === undefined) throw corruptError(this.#path, `revision ${revisionOf(position)} is missing`);
    return this.#record(row);
  }

  #record(row: SqlValue[]): LogRow {
    const [position, key, operation, previous, created, version, checksum, bytes] = row as LogColumns;
    const value = bytes ?? noBytes;
    if (BigInt(checksumOf(key, value)) !== checksum) {
      const what = `the value of ${key} at revision ${revisionOf(position)} doesn't match its checksum`;
      throw corruptError(this.#path, what);
    }
    return { position, key, operation, previous, created, version, value };
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

const rowColumns = "position, name, operation, previous, created, version, checksum, value";
const noBytes = new Uint8Array(0);

type LogHead = [
  position: bigint,
  key: string,
  operation: bigint,
  previous: bigint,
  created: bigint,
  version: bigint,
];
type LogColumns = [...LogHead, checksum: bigint, value: Uint8Array | null];

interface LogRow {
  readonly position: bigint;
  readonly key: string;
  readonly operation: bigint;
  readonly previous: bigint;
  readonly created: bigint;
  readonly version: bigint;
  readonly value: Uint8Array;
}

/** Of what SQLite's own checks don't cover: a value that was changed on the disk. */
function checksumOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

function open(options: DatabaseOptions): Connection {
  const { path, nativeBinding, quotaBytes } = options;
  const connection = openConnection({ path, nativeBinding, lockWaitMs });
  try {
    // One process per file. It also keeps the index of the write-ahead log out of shared memory.
    connection.exec("PRAGMA locking_mode = EXCLUSIVE");
    prepareFile(connection, path);
    connection.exec(`PRAGMA wal_autocheckpoint = ${autoCheckpointPages}; PRAGMA cache_size = -4096`);
    connection.exec(`PRAGMA journal_size_limit = ${walBytesMax}`);
    if (quotaBytes !== undefined) {
      connection.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(quotaBytes / pageBytes))}`);
    }
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function prepareFile(connection: Connection, path: string): void {
  prepareSchema(connection, path, () => {
    const mode = connection.pragma("journal_mode = WAL");
    if (mode !== "wal") throw notDurableError(path, `its journal mode stays ${String(mode)}`);
    // In WAL mode this build of SQLite defaults to NORMAL, which loses acknowledged writes with the power.
    connection.exec("PRAGMA synchronous = FULL");
    const level = connection.pragma("synchronous");
    if (level !== 2n) throw notDurableError(path, `synchronous stays at ${String(level)}`);
  });
}

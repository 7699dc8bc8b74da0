/** The little of SQLite the store needs, so that another binding can take its place. Rows are arrays. */
import Database from "better-sqlite3";

export type SqlValue = bigint | string | Uint8Array | null;

export interface Statement {
  /** The number of rows changed. */
  run(...values: SqlValue[]): number;
  get(...values: SqlValue[]): SqlValue[] | undefined;
  all(...values: SqlValue[]): SqlValue[][];
  iterate(...values: SqlValue[]): IterableIterator<SqlValue[]>;
}

export interface Connection {
  /** A statement failed and SQLite has not rolled back by itself. */
  readonly inTransaction: boolean;
  exec(sql: string): void;
  /** The first column of the first row. */
  pragma(text: string): SqlValue | undefined;
  prepare(sql: string): Statement;
  close(): void;
}

export interface ConnectionOptions {
  readonly path: string;
  /** Where the native addon lies; absent means where npm put it. */
  readonly nativeBinding?: string | undefined;
  /** How long to wait for another process to let go of the file. */
  readonly lockWaitMs: number;
  /** Nothing is written, nor are files made beside it. */
  readonly isReadOnly?: boolean | undefined;
}

export function openConnection(options: ConnectionOptions): Connection {
  const database = new Database(options.path, {
    timeout: options.lockWaitMs,
    readonly: options.isReadOnly === true,
    ...(options.nativeBinding === undefined
      ? {}
      : { nativeBinding: loadAddon(options.nativeBinding) as string }),
  });
  database.defaultSafeIntegers(true);
  return {
    get inTransaction() {
      return database.inTransaction;
    },
    exec: (sql) => {
      database.exec(sql);
    },
    pragma: (text) => database.pragma(text, { simple: true }) as SqlValue | undefined,
    prepare: (sql) => prepare(database, sql),
    close: () => {
      database.close();
    },
  };
}

function prepare(database: Database.Database, sql: string): Statement {
  const statement = database.prepare<SqlValue[], SqlValue[]>(sql);
  if (statement.reader) statement.raw(true);
  return {
    run: (...values) => statement.run(...values).changes,
    get: (...values) => statement.get(...values),
    all: (...values) => statement.all(...values),
    iterate: (...values) => statement.iterate(...values),
  };
}

/** In the one executable `require` knows no files, but the addon can be loaded from any path, /proc/self/fd/N too. */
function loadAddon(path: string): unknown {
  const addon = { exports: {} };
  process.dlopen(addon, path);
  return addon.exports;
}

/** SQLITE_FULL, SQLITE_BUSY, SQLITE_IOERR_WRITE and so on; undefined when the error isn't SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/**
 * What the database file looks like. docs/storage.md explains it.
 * A row of the log is addressed by its position: the revision and, below it, the number of the operation within that
 * revision, so that the order of positions is that of events. Keys are binary strings (../key-range.ts).
 */
import { crc32 } from "node:zlib";
import { isWide, keyOfText } from "../key-range.ts";
import type { Connection } from "./driver.ts";
import { foreignFileError, newerSchemaError } from "./open-errors.ts";

/** "mk8s": what `file` and SQLite see in the header. */
const applicationId = 0x6d6b3873n;
/** Raise it with each change of the tables, and add the step from the version before to `migrations`. */
const schemaVersion = 3n;

/** Two or three pods fit on a page. With 4 KiB it is one, and a third of the page stays empty. */
export const pageBytes = 8192;

/** Room for a million operations per revision, and for 8 × 10^12 revisions. */
const operationBits = 20n;

export function positionOf(revision: bigint, operation: number = 0): bigint {
  return operation === 0 ? revision << operationBits : (revision << operationBits) + BigInt(operation);
}

export function operationOf(position: bigint): number {
  return Number(BigInt.asUintN(Number(operationBits), position));
}

export function revisionOf(position: bigint): bigint {
  return position >> operationBits;
}

/**
 * Put or delete: rows of the log. A deleted key's row has no value; what was there is at `previous`.
 * The others are notes, which travel with the rows but are kept in tables of their own.
 */
export const operations = { put: 1n, delete: 2n, lease: 3n, noLease: 4n, alarms: 5n } as const;

/** Whether an operation is that of a note. */
export function isNote(operation: bigint): boolean {
  return operation > operations.delete;
}

/** Of what SQLite's own checks don't cover: a value that was changed on the disk. */
export function checksumOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

/** Step N brings a file of version N to N + 1. No other code knows older versions. */
const migrations: readonly ((connection: Connection) => void)[] = [
  (connection) => {
    connection.exec(version1);
  },
  (connection) => {
    connection.exec(version2);
    renameWideKeys(connection);
  },
  (connection) => {
    connection.exec("ALTER TABLE log ADD COLUMN author TEXT");
  },
];

const version1 = `
   CREATE TABLE log (
     position INTEGER PRIMARY KEY,
     name TEXT NOT NULL,
     operation INTEGER NOT NULL,
     previous INTEGER NOT NULL,
     created INTEGER NOT NULL,
     version INTEGER NOT NULL,
     checksum INTEGER NOT NULL,
     value BLOB
   ) STRICT;
   CREATE TABLE current (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   INSERT INTO meta VALUES ('compacted', 0), ('swept', 0), ('folded', 0);`;

const version2 = `
   ALTER TABLE log ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE lease (id INTEGER PRIMARY KEY, seconds INTEGER NOT NULL, remaining INTEGER NOT NULL) STRICT;
   INSERT INTO meta VALUES ('alarms', 0);`;

/** Version 1 had the texts themselves as names: the same as now, but for those beyond ASCII. */
function renameWideKeys(connection: Connection): void {
  const update = connection.prepare("UPDATE log SET name = ?, checksum = ? WHERE position = ?");
  const rows = connection
    .prepare("SELECT position, name, value FROM log WHERE length(CAST(name AS BLOB)) > length(name)")
    .all();
  for (const [position, name, value] of rows as [bigint, string, Uint8Array | null][]) {
    const key = keyOfText(name);
    update.run(key, BigInt(checksumOf(key, value ?? new Uint8Array(0))), position);
  }
  const rename = connection.prepare("UPDATE current SET name = ? WHERE name = ?");
  for (const [name] of connection.prepare("SELECT name FROM current").all() as [string][]) {
    if (isWide(name)) rename.run(keyOfText(name), name);
  }
}

/**
 * Creates or upgrades the tables; throws, and leaves the file as it is, when it is another program's or a newer
 * version's. `configure` sets what must be set before the first write.
 */
export function prepareSchema(connection: Connection, path: string, configure: () => void): void {
  const id = connection.pragma("application_id");
  const found = connection.pragma("user_version") as bigint;
  const isEmpty = connection.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined;
  if (isEmpty ? found !== 0n : id !== applicationId) throw foreignFileError(path);
  if (found > schemaVersion) throw newerSchemaError(path, found, schemaVersion);
  // Neither can be changed once there are tables. The second lets the file shrink after compaction.
  if (isEmpty) connection.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`);
  configure();
  if (found === schemaVersion) return;
  connection.exec("BEGIN IMMEDIATE");
  for (const step of migrations.slice(Number(found))) step(connection);
  connection.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; COMMIT`);
}

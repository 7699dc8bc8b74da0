/**
 * What the database file looks like. docs/storage.md explains it.
 * A row of the log is addressed by its position: the revision and, below it, the number of the operation within that
 * revision (always 0 as long as a write makes a revision of its own), so that the order of positions is that of events.
 */
import type { Connection } from "./driver.ts";
import { foreignFileError, newerSchemaError } from "./open-errors.ts";

/** "mk8s": what `file` and SQLite see in the header. */
const applicationId = 0x6d6b3873n;
/** Raise it with each change of the tables, and add the step from the version before to `migrations`. */
const schemaVersion = 1n;

/** Two or three pods fit on a page. With 4 KiB it is one, and a third of the page stays empty. */
export const pageBytes = 8192;

/** Room for a million operations per revision, and for 8 × 10^12 revisions. */
const operationBits = 20n;

export function positionOf(revision: bigint): bigint {
  return revision << operationBits;
}

export function revisionOf(position: bigint): bigint {
  return position >> operationBits;
}

/** Put or delete. A deleted key's row has no value; what was there is at `previous`. */
export const operations = { put: 1n, delete: 2n } as const;

/** Step N brings a file of version N to N + 1. No other code knows older versions. */
const migrations: readonly string[] = [
  `CREATE TABLE log (
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
   INSERT INTO meta VALUES ('compacted', 0), ('swept', 0), ('folded', 0);`,
];

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
  for (const step of migrations.slice(Number(found))) connection.exec(step);
  connection.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}; COMMIT`);
}

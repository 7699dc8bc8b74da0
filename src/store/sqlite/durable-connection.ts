/** A connection on which a finished COMMIT means that the data is on the disk, and that nobody else writes. */
import { type Connection, openConnection } from "./driver.ts";
import { notDurableError } from "./open-errors.ts";
import type { DatabaseOptions } from "./protocol.ts";
import { pageBytes, prepareSchema } from "./schema.ts";

/** A restarted server may meet the last moments of its predecessor. */
const lockWaitMs = 250;
/** SQLite checkpoints within a commit at this many pages of log; Database.checkpointIfDue is the usual way. */
const autoCheckpointPages = 500;
/** A log that a large transaction blew up shrinks to this again. */
const walBytesMax = 8 * 2 ** 20;

export function openDurable(options: DatabaseOptions): Connection {
  const { path, nativeBinding, quotaBytes } = options;
  const connection = openConnection({ path, nativeBinding, lockWaitMs });
  try {
    // One process per file. It also keeps the index of the write-ahead log out of shared memory.
    connection.exec("PRAGMA locking_mode = EXCLUSIVE");
    prepareFile(connection, path);
    connection.exec(`PRAGMA wal_autocheckpoint = ${autoCheckpointPages}; PRAGMA cache_size = -4096`);
    connection.exec(`PRAGMA journal_size_limit = ${walBytesMax}`);
    // Copies of pages, to undo a statement with: once they have filled 64 KiB they would be written to a file of their
    // own from then on, four times as much as the log itself.
    connection.exec("PRAGMA temp_store = MEMORY");
    if (quotaBytes !== undefined) setQuota(connection, quotaBytes);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The file may not grow beyond this, nor shrink below what it is. */
export function setQuota(connection: Connection, quotaBytes: number): void {
  connection.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(quotaBytes / pageBytes))}`);
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

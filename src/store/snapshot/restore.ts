/**
 * A database out of a snapshot. Its revisions go on above every one that was ever given, and all that was before is
 * compacted: clients that watch are told that their revision is gone, and read everything anew.
 * upstream: etcdutl snapshot restore --bump-revision --mark-compacted
 */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { openDurable } from "../sqlite/durable-connection.ts";
import { operations, positionOf } from "../sqlite/schema.ts";
import type { Revision } from "../store.ts";
import { readPages, type SnapshotInfo } from "./format.ts";

export interface RestoreOptions {
  readonly snapshot: string;
  /** Where the database shall be. Nothing may be there. */
  readonly path: string;
  /** The restored store's revision; at least the snapshot's. */
  readonly revision: (info: SnapshotInfo) => Revision;
  readonly nativeBinding?: string | undefined;
}

/** The database appears only when all of it is on the disk. Throws SnapshotError. */
export async function restoreDatabase(options: RestoreOptions): Promise<SnapshotInfo> {
  const { snapshot, path, nativeBinding } = options;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.restoring`;
  await removeDatabase(temporary);
  try {
    const info = await copyPages(snapshot, temporary);
    raiseRevision({ path: temporary, nativeBinding }, options.revision(info));
    await rename(temporary, path);
    await using folder = await open(dirname(path), "r");
    await folder.sync();
    return info;
  } catch (error) {
    await removeDatabase(temporary);
    throw error;
  }
}

async function copyPages(snapshot: string, path: string): Promise<SnapshotInfo> {
  await using file = await open(path, "wx", 0o600);
  const info = await readPages(snapshot, (chunk) => file.writeFile(chunk));
  await file.sync();
  return info;
}

function raiseRevision(
  file: { readonly path: string; readonly nativeBinding: string | undefined },
  to: Revision,
): void {
  const connection = openDurable(file);
  try {
    connection.exec(
      `BEGIN IMMEDIATE;
       DELETE FROM current;
       INSERT INTO current SELECT name, position
         FROM (SELECT name, max(position) AS position, operation FROM log GROUP BY name)
         WHERE operation = ${operations.put};
       UPDATE meta SET value = ${positionOf(to)} WHERE name = 'folded';
       UPDATE meta SET value = ${to} WHERE name = 'compacted';
       COMMIT;
       PRAGMA wal_checkpoint(TRUNCATE);`,
    );
  } finally {
    connection.close();
  }
}

/** With what SQLite keeps beside it. */
async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) await rm(`${path}${suffix}`, { force: true });
}

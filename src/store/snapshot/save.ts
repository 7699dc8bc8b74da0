/** A store's copy on its way into a snapshot: a file that is there whole or not at all, or a stream to a client. */
import { createHash } from "node:crypto";
import { type FileHandle, link, mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "#base/files.ts";
import type { Store } from "../store.ts";
import { encodeTrailer, SnapshotError, type SnapshotFacts, type SnapshotInfo } from "./format.ts";

/** The header's write and read version: 1 is "no write-ahead log", so that a reader doesn't look for one beside it. */
const versionsAt = 18;
const withoutLog = Buffer.from([1, 1]);
/** What the API stores. */
const objectPrefix = "/registry/";
/** As much is written between two waits for the disk: one long wait at the end would delay the store's own. */
const syncBytes = 16 * 2 ** 20;

/** The bytes of a snapshot; returns what it is. */
async function* snapshotOf(
  store: Store,
  facts: SnapshotFacts,
): AsyncGenerator<Buffer, SnapshotInfo, undefined> {
  if (store.copy === undefined) {
    throw new SnapshotError(
      "unsupported",
      "this datastore isn't a file of this server: back it up with its own tools",
    );
  }
  await using copy = await store.copy();
  const revision = copy.revision > 1n ? copy.revision : 1n;
  const { count } = await store.list(objectPrefix, { revision, limit: 1 });
  const hash = createHash("sha256");
  let isFirst = true;
  for await (const chunk of copy.read()) {
    if (isFirst) withoutLog.copy(chunk, versionsAt);
    isFirst = false;
    hash.update(chunk);
    yield chunk;
  }
  const info = { ...facts, revision, objects: count, bytes: copy.bytes, sha256: hash.digest("hex") };
  yield encodeTrailer(info);
  return info;
}

/** For a client that keeps it, or looks into it. */
export const streamSnapshot = (store: Store, facts: SnapshotFacts): AsyncIterable<Buffer> =>
  snapshotOf(store, facts);

/** Throws SnapshotError when there is one of that name. Readable for its owner only: it holds every secret. */
export async function saveSnapshot(store: Store, path: string, facts: SnapshotFacts): Promise<SnapshotInfo> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    await using file = await open(temporary, "w", 0o600);
    const info = await writeAll(file, snapshotOf(store, facts));
    await file.sync();
    // Unlike a rename this doesn't replace one of the same name.
    await link(temporary, path);
    await syncFolder(dirname(path));
    return info;
  } catch (error) {
    if (errorCode(error) === "EEXIST") {
      throw new SnapshotError(
        "exists",
        `there is a snapshot ${path} already: choose another name, or delete it`,
      );
    }
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** While one chunk is written the next one is read, and while the next ones are written the disk gets the last ones. */
async function writeAll(
  file: FileHandle,
  bytes: AsyncGenerator<Buffer, SnapshotInfo, undefined>,
): Promise<SnapshotInfo> {
  let writing = Promise.resolve();
  let syncing = Promise.resolve();
  let unsynced = 0;
  try {
    for (;;) {
      const next = await bytes.next();
      await writing;
      if (next.done === true) return next.value;
      writing = file.writeFile(next.value);
      unsynced += next.value.length;
      if (unsynced < syncBytes) continue;
      unsynced = 0;
      await syncing;
      syncing = file.datasync();
    }
  } finally {
    await bytes.return(undefined as never);
    await Promise.all([writing, syncing]);
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

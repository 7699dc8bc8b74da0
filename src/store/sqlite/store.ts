/** The store on a SQLite file: all of the present in memory, every write durable before it is acknowledged. */
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { assert } from "#base/assert.ts";
import { errorCode } from "#base/files.ts";
import { StoreCore, type StoreDeps } from "../core.ts";
import { everyKey } from "../key-range.ts";
import type { KeyEvent, KeyValue } from "../kv.ts";
import { emptyRevision, MvccLog } from "../log.ts";
import { MvccStore } from "../mvcc-store.ts";
import type { RingOptions } from "../ring.ts";
import { SortedMap } from "#base/sorted-map.ts";
import type { Revision } from "../store.ts";
import { openErrorOf } from "./open-errors.ts";
import type { DatabaseOptions } from "./protocol.ts";
import { readRecords } from "./records.ts";
import { entryOf, SqliteBackend } from "./sqlite-backend.ts";
import { WorkerClient } from "./worker-client.ts";

/** Watches that resume within this many events of the newest don't touch the disk. */
const ringDefault: RingOptions = { eventsMax: 10_000, bytesMax: 16 * 2 ** 20 };
/** How many of them are read back at the start. More would delay it by over 10 ms. */
const tailEventsMax = 1000n;

/** A quarter of a millisecond of the main thread. What they write next fills a commit of its own: see overlapRowsMin. */
const acknowledgeMax = 32;

export interface SqliteStoreOptions extends DatabaseOptions {
  readonly ring?: RingOptions | undefined;
}

export interface SqliteStoreDeps extends StoreDeps {
  /** Starts worker.ts. Absent means from the file beside this one; the one executable brings its own. */
  readonly spawnWorker?: (() => Worker) | undefined;
}

/** Rejects with StoreOpenError when the file is in use, damaged, or not one of ours. */
export async function openSqliteStore(
  options: SqliteStoreOptions,
  deps: SqliteStoreDeps,
): Promise<MvccStore> {
  const { path, nativeBinding, quotaBytes, generationKeys, ring = ringDefault } = options;
  const start = deps.clock.monotonic();
  const client = new WorkerClient((deps.spawnWorker ?? spawnWorker)(), path, deps.log);
  try {
    await createFile(path);
    const current = new SortedMap<KeyValue>();
    const opened = await client.call(
      { kind: "open", options: { path, nativeBinding, quotaBytes, generationKeys } },
      [],
      (rows) => {
        for (const row of readRecords(rows)) current.set(row.key, entryOf(row));
      },
    );
    assert(opened.kind === "opened", `open was answered with ${opened.kind}`);
    const revision = opened.revision > emptyRevision ? opened.revision : emptyRevision;
    const backend = new SqliteBackend(client, path);
    const tail = await readTail(backend, current, { revision, compacted: opened.compacted });
    const state = { revision, compactRevision: opened.compacted, current, ringFirst: tail.first };
    const mvcc = new MvccLog(state, ring);
    for (const event of tail.events) {
      mvcc.notice(event.key);
      mvcc.ring.push(event);
    }
    const ms = Math.round(deps.clock.monotonic() - start);
    deps.log.info("store open", { path, revision, keys: current.size, ms });
    const { leases, alarms } = opened;
    const timing = { defer: setImmediate, acknowledgeMax };
    return new MvccStore(new StoreCore({ ...deps, ...timing, mvcc, backend, leases, alarms }));
  } catch (error) {
    await client.terminate();
    throw error;
  }
}

function spawnWorker(): Worker {
  return new Worker(new URL("./worker.ts", import.meta.url), { name: "sqlite" });
}

/**
 * The file holds secrets: only its owner may read it. Only ever created here, never opened: closing a file gives up
 * all of the process's locks on it, SQLite's among them.
 */
async function createFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "ax", 0o600);
    await file.close();
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw openErrorOf(path, error, () => undefined);
  }
}

/** The newest events, sharing the entries that are current. */
async function readTail(
  backend: SqliteBackend,
  current: SortedMap<KeyValue>,
  at: { readonly revision: Revision; readonly compacted: Revision },
): Promise<{ first: Revision; events: KeyEvent[] }> {
  const earliest = at.compacted > emptyRevision ? at.compacted : emptyRevision;
  const wanted = at.revision - tailEventsMax + 1n;
  const first = wanted > earliest ? wanted : earliest;
  const events: KeyEvent[] = [];
  for (let from = first; from <= at.revision;) {
    const batch = await backend.readEvents(everyKey, from, at.revision);
    for (const event of batch.events) {
      const now = current.get(event.key);
      const isNow = event.type === "put" && now?.modRevision === event.revision;
      events.push(isNow ? { ...event, entry: now } : event);
    }
    from = batch.revision + 1n;
  }
  return { first, events };
}

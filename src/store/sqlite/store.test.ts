import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { RingOptions } from "../ring.ts";
import { keyValueSuite, type OpenedKeyValues } from "../testing/key-value.suite.ts";
import { storeSuite } from "../testing/store.suite.ts";
import type { MvccStore } from "../mvcc-store.ts";
import { openSqliteStore } from "./store.ts";

function opener(ring?: RingOptions): () => Promise<{ store: MvccStore; dispose: () => Promise<void> }> {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), "mini-k8s-store-"));
    const store = await openSqliteStore(
      { path: join(folder, "state.db"), ring },
      { clock: systemClock, log: silentLogger },
    );
    return { store, dispose: () => rm(folder, { recursive: true }) };
  };
}

storeSuite("SQLite store", opener());
// The same promises when nearly every old revision has to come from the file.
storeSuite("SQLite store with a ring of 3 events", opener({ eventsMax: 3, bytesMax: 1000 }), [
  "old revisions",
  "watch",
  "slow watchers",
  "compaction",
]);

function keyValueOpener(ring?: RingOptions): () => Promise<OpenedKeyValues> {
  return async () => {
    const { store, dispose } = await opener(ring)();
    const close = async (): Promise<void> => {
      await store.close();
      await dispose();
    };
    return { store: store.keyValues, dispose: close };
  };
}

keyValueSuite("SQLite store as key values", keyValueOpener());
keyValueSuite(
  "SQLite store as key values, with a ring of 3 events",
  keyValueOpener({ eventsMax: 3, bytesMax: 1000 }),
);

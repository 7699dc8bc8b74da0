import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import type { RingOptions } from "../ring.ts";
import { type OpenStore, storeSuite } from "../testing/store.suite.ts";
import { openSqliteStore } from "./store.ts";

function opener(ring?: RingOptions): OpenStore {
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

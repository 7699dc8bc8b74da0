/**
 * For store-scale.ts: `node bench/store-start.ts write FOLDER` writes 10,000 keys until nearly as many rows as there ever
 * are wait for being folded into the table of current keys (docs/storage.md), and kills itself; `open` says how many
 * milliseconds a start takes and is killed too, so that it can be asked again; `fold` leaves nothing to fold.
 */
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";
import type { Store } from "#store/store.ts";

const keyCount = 10_000;
/** One turn less than the 65,536 rows with which a fold begins. */
const turns = 6;
const value = Buffer.alloc(1024, 120);
const writers = 200;

async function fill(store: Store): Promise<void> {
  const writer = async (number: number): Promise<void> => {
    for (let at = number; at < keyCount; at += writers) {
      const key = `/registry/pods/ns-${at % 50}/pod-${String(at).padStart(6, "0")}`;
      let { modRevision } = await store.create(key, value);
      for (let turn = 1; turn < turns; turn++) {
        ({ modRevision } = await store.update(key, value, modRevision));
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, number) => writer(number)));
}

const [what, folder = ""] = process.argv.slice(2);
const begun = performance.now();
const store = await openSqliteStore(
  { path: join(folder, "state.db") },
  { clock: systemClock, log: silentLogger },
);
if (what === "write") await fill(store);
else console.log(performance.now() - begun);
if (what === "fold") {
  await store.compact(store.revision);
  await store.close();
} else process.kill(process.pid, "SIGKILL");

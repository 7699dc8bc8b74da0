/**
 * Writes, and says on standard output what was acknowledged: `power-writer.ts store|plain PATH`. Run under strace by
 * power-loss.test.ts. "plain" is what better-sqlite3 does when nobody tells it to be durable.
 */
import { writeSync } from "node:fs";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openConnection } from "#store/sqlite/driver.ts";
import { openSqliteStore } from "#store/sqlite/store.ts";

/** So many that two commits are on their way at once. */
const writers = 64;
const writesEach = 4;
const plainWrites = 48;
/** Larger than a page now and then: a write of several pages can be torn. */
const bytesOf = (at: number): Buffer => Buffer.alloc(100 + ((at * 977) % 12_000), 65 + (at % 26));

function acknowledge(key: string): void {
  writeSync(1, `acknowledged ${key}\n`);
}

async function writeStore(path: string): Promise<void> {
  const store = await openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let turn = 0; turn < writesEach; turn++) {
        const at = turn * writers + writer;
        await store.create(`/k/${at}`, bytesOf(at));
        acknowledge(`/k/${at}`);
      }
    }),
  );
  await store.close();
}

function writePlain(path: string): void {
  const connection = openConnection({ path, lockWaitMs: 0 });
  connection.exec("PRAGMA journal_mode = WAL; CREATE TABLE log (name TEXT PRIMARY KEY, value BLOB)");
  const insert = connection.prepare("INSERT INTO log VALUES (?, ?)");
  for (let at = 0; at < plainWrites; at++) {
    insert.run(`/k/${at}`, bytesOf(at));
    acknowledge(`/k/${at}`);
  }
  connection.close();
}

const [kind, path = ""] = process.argv.slice(2);
if (kind === "store") await writeStore(path);
else writePlain(path);

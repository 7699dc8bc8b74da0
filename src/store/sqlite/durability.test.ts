/** What kill -9 must not cost: an acknowledged write, an event somebody saw, a revision given twice. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Store } from "../store.ts";
import { crashRounds, CrashWriters, runAndKill } from "../testing/crash-rounds.ts";
import { Database } from "./database.ts";
import { StoreOpenError } from "./open-errors.ts";
import { openSqliteStore } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-durability-"));
after(() => rm(folder, { recursive: true }));

function open(path: string): Promise<Store> {
  return openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
}

test("kill -9 at random points loses nothing that was acknowledged or seen, and repeats no revision", async (context) => {
  const seed = Number(process.hrtime.bigint() % 1_000_000n);
  context.diagnostic(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const promises = await crashRounds({ path: join(folder, "crash.db"), rounds: 10, random });
  assert.ok(promises > 100, "the writers hardly wrote");
});

test("a commit is on the disk before it counts: WAL, synchronous=FULL, one process per file", () => {
  const database = new Database({ path: join(folder, "settings.db") });
  try {
    assert.equal(database.pragma("synchronous"), 2n);
    assert.equal(database.pragma("journal_mode"), "wal");
    assert.equal(database.pragma("locking_mode"), "exclusive");
  } finally {
    database.close();
  }
});

test("a file in use is refused by name of its holder, until that is gone", async () => {
  const path = join(folder, "locked.db");
  let refusal: Promise<void> | undefined;
  let pid = 0;
  await using writers = new CrashWriters();
  await runAndKill(writers.take(), { path, writers: 0, round: 0 }, (_news, child) => {
    pid = child.pid ?? 0;
    refusal = assert
      .rejects(open(path), (error) => {
        assert.ok(error instanceof StoreOpenError);
        assert.equal(error.fault, "locked");
        assert.match(error.message, new RegExp(`${path} is in use by process ${pid} \\(\\w+\\)`));
        return true;
      })
      .finally(() => child.kill("SIGKILL"));
    return false;
  });
  await refusal;
  const store = await open(path);
  await assert.rejects(open(path), /in use by this process/);
  await store.create("/a", Buffer.from("still works"));
  await store.close();
});

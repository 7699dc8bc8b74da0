/** What kill -9 must not cost: an acknowledged write, an event somebody saw, a revision given twice. */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Entry, Revision, Store } from "../store.ts";
import type { CrashWriterNews, CrashWriterOptions } from "../testing/crash-writer.ts";
import { Database } from "./database.ts";
import { StoreOpenError } from "./open-errors.ts";
import { openSqliteStore } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-durability-"));
after(() => rm(folder, { recursive: true }));

function open(path: string): Promise<Store> {
  return openSqliteStore({ path }, { clock: systemClock, log: silentLogger });
}

/** Calls back with each piece of news until that returns true, then kills it. */
async function runAndKill(
  options: CrashWriterOptions,
  isEnough: (news: CrashWriterNews, child: ChildProcess) => boolean,
): Promise<void> {
  const child = fork(new URL("../testing/crash-writer.ts", import.meta.url), { execArgv: [] });
  const exited = once(child, "exit");
  child.on("message", (news: CrashWriterNews) => {
    if (isEnough(news, child)) child.kill("SIGKILL");
  });
  child.send(options);
  const [, signal] = (await exited) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", "the writer ended by itself");
}

interface Promised {
  readonly key: string;
  readonly value: string | undefined;
}

test("kill -9 at random points loses nothing that was acknowledged or seen, and repeats no revision", async (context) => {
  const seed = Number(process.hrtime.bigint() % 1_000_000n);
  context.diagnostic(`seed ${seed}`);
  const random = new SeededRandom(seed);
  const path = join(folder, "crash.db");
  const promised = new Map<Revision, Promised>();
  let before = 1n;
  for (let round = 0; round < 10; round++) {
    const acknowledgedMax = Math.floor(random.next() * 600);
    let acknowledged = 0;
    await runAndKill({ path, writers: 1 + Math.floor(random.next() * 32), round }, (news) => {
      if (news.kind === "opened") {
        assert.equal(BigInt(news.revision), before);
        return acknowledgedMax === 0;
      }
      const revision = BigInt(news.revision);
      const known = promised.get(revision);
      assert.ok(revision > before, `round ${round} gives revision ${revision} again`);
      const { key, value } = news;
      if (known !== undefined) assert.deepEqual({ key, value }, known);
      promised.set(revision, { key, value });
      if (news.kind === "acknowledged") acknowledged++;
      return acknowledged >= acknowledgedMax;
    });
    before = await checkPromises(path, promised);
  }
  assert.ok(promised.size > 100, "the writers hardly wrote");
});

/**
 * Each promise is in the log, unless compacted; and what is there now is the last of each key's events.
 * Returns the store's revision.
 */
async function checkPromises(path: string, promised: ReadonlyMap<Revision, Promised>): Promise<Revision> {
  const store = await open(path);
  try {
    const newest = [...promised.keys()].reduce((a, b) => (a > b ? a : b), 1n);
    assert.ok(store.revision >= newest, `revision ${newest} was promised, the store is at ${store.revision}`);
    const logged = new Map<Revision, Promised>();
    const state = new Map<string, Entry>();
    const first = store.compactRevision;
    if (first > 0n) {
      for (const entry of (await store.list("/w/", { revision: first })).entries) state.set(entry.key, entry);
    }
    const { signal } = new AbortController();
    for await (const batch of store.watch("/w/", { startRevision: first, signal })) {
      for (const { type, key, revision, entry } of batch.events) {
        logged.set(revision, { key, value: type === "put" ? entry.value.toString() : undefined });
        if (type === "put") state.set(key, entry);
        else state.delete(key);
      }
      if (batch.revision >= store.revision) break;
    }
    for (const [revision, promise] of promised) {
      if (revision < first) continue;
      assert.deepEqual(logged.get(revision), promise, `revision ${revision} was promised`);
    }
    for (let revision = first > 2n ? first : 2n; revision <= store.revision; revision++) {
      assert.ok(logged.has(revision), `the log has a hole at ${revision}`);
    }
    const now = (await store.list("/w/")).entries;
    assert.deepEqual(
      now.map((entry) => [entry.key, entry.modRevision, entry.version]),
      [...state.values()]
        .map((entry) => [entry.key, entry.modRevision, entry.version] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
    return store.revision;
  } finally {
    await store.close();
  }
}

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
  await runAndKill({ path, writers: 0, round: 0 }, (_news, child) => {
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

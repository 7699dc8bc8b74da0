/** What a store on a file finds again when it is opened, and what it says when it can't. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, open as openFile, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { type Revision, type Store, StoreFullError, type StoreEvent, StoreWriteError } from "../store.ts";
import { bytes, eventsUpTo, history, neverAborted, put, shown, shownEvent } from "../testing/cases.ts";
import { openConnection } from "./driver.ts";
import { StoreOpenError, type StoreOpenFault } from "./open-errors.ts";
import { openSqliteStore, type SqliteStoreOptions } from "./store.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-recovery-"));
const opened: Store[] = [];
after(async () => {
  for (const store of opened) await store.close().catch(() => undefined);
  await rm(folder, { recursive: true });
});

async function open(name: string, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const path = join(folder, name);
  const store = await openSqliteStore({ path, ...options }, { clock: systemClock, log: silentLogger });
  opened.push(store);
  return store;
}

/** Rows of a table, counted from outside while no store has the file. */
function countRows(name: string, table: string): number {
  const connection = openConnection({ path: join(folder, name), lockWaitMs: 0 });
  try {
    return Number(connection.prepare(`SELECT count(*) FROM ${table}`).get()?.[0]);
  } finally {
    connection.close();
  }
}

async function everything(store: Store, from: Revision): Promise<StoreEvent[]> {
  return eventsUpTo(store.watch("", { startRevision: from, signal: neverAborted() }), store.revision);
}

test("an opened store has the revision, the state, the past and the events it was closed with", async () => {
  let store = await open("reopen.db");
  const states = await history(store);
  // The newest revision is a delete: nothing but the log knows of it.
  await put(store, "/h/a", "last");
  await store.delete("/h/a");
  await store.compact(12n);
  const { revision } = store;
  const before = {
    state: (await store.list("")).entries.map(shown),
    events: (await everything(store, 12n)).map(shownEvent),
  };
  await store.close();
  store = await open("reopen.db");
  assert.equal(store.revision, revision);
  assert.equal(store.compactRevision, 12n);
  assert.deepEqual((await store.list("")).entries.map(shown), before.state);
  assert.deepEqual((await everything(store, 12n)).map(shownEvent), before.events);
  for (const [at, state] of states) {
    if (at >= 12n) assert.deepEqual((await store.list("/h/", { revision: at })).entries.map(shown), state);
  }
  assert.equal((await store.create("/new", bytes("x"))).modRevision, revision + 1n);
  await store.close();
});

test("an empty store that is opened again is still at revision 1", async () => {
  await (await open("empty.db")).close();
  const store = await open("empty.db");
  assert.equal(store.revision, 1n);
  assert.equal((await store.create("/a", bytes("x"))).modRevision, 2n);
  await store.close();
});

test("the table of current state catches up with the log in generations; the log's end makes up for the rest", async () => {
  const random = new SeededRandom(7);
  let store = await open("fold.db", { generationKeys: 4000 });
  const expected = new Map<string, string>();
  for (let round = 0; round < 4; round++) {
    for (let wave = 0; wave < 12; wave++) {
      const writes: Promise<unknown>[] = [];
      for (const at of new Set(Array.from({ length: 600 }, () => Math.floor(random.next() * 9000)))) {
        const key = `/k/${at}`;
        if (!expected.has(key)) writes.push(store.create(key, bytes(`${round} ${wave}`)));
        else if (random.next() < 0.3) writes.push(store.delete(key));
        else {
          const { entry } = await store.get(key);
          writes.push(store.update(key, bytes(`${round} ${wave}`), entry?.modRevision ?? 0n));
        }
      }
      await Promise.all(writes);
      expected.clear();
      for (const entry of (await store.list("/k/")).entries) expected.set(entry.key, shown(entry) ?? "");
    }
    await store.close();
    store = await open("fold.db", { generationKeys: 4000 });
    assert.deepEqual(
      (await store.list("/k/")).entries.map((entry) => [entry.key, shown(entry)]),
      [...expected],
      `round ${round}`,
    );
  }
  await store.close();
  assert.ok(countRows("fold.db", "current") > 4000, "nothing was folded");
});

test("an interrupted compaction is finished at the next start, and a finished one leaves only what is needed", async () => {
  let store = await open("compact.db");
  for (let wave = 0; wave < 6; wave++) {
    await Promise.all(Array.from({ length: 1000 }, (_, at) => put(store, `/k/${at}`, `${wave}`)));
  }
  await Promise.all(Array.from({ length: 500 }, (_, at) => store.delete(`/k/${at}`)));
  const compacting = store.compact(store.revision);
  await Promise.all([compacting, store.close()]);
  const left = countRows("compact.db", "log");
  assert.ok(left > 1000, `${left} rows are left: the compaction was over before the close`);
  store = await open("compact.db");
  // Compacting a little more waits for what was left.
  await put(store, "/k/0", "again");
  await store.compact(store.revision);
  await store.close();
  // 500 live keys, the new one, and the last delete, which a watch from the compacted revision is told of.
  assert.ok(countRows("compact.db", "log") <= 502, `${countRows("compact.db", "log")} rows are left`);
});

test("space that compaction freed goes back to the disk", async () => {
  const store = await open("shrink.db");
  for (let wave = 0; wave < 12; wave++) {
    await Promise.all(Array.from({ length: 500 }, (_, at) => put(store, `/k/${at}`, `${wave}`.repeat(2000))));
  }
  const before = await store.size();
  await store.compact(store.revision);
  await store.close();
  const { size } = await stat(join(folder, "shrink.db"));
  assert.ok(size < before / 3, `${before} bytes became ${size}`);
});

test("a full database refuses writes, goes on reading, and writes again once there is space", async () => {
  const store = await open("full.db", { quotaBytes: 2 * 2 ** 20 });
  const value = Buffer.alloc(20_000, 1);
  let at = (await store.create("/a", value)).modRevision;
  let failure: unknown;
  while (failure === undefined) {
    try {
      at = (await store.update("/a", value, at)).modRevision;
    } catch (error) {
      failure = error;
    }
  }
  assert.ok(failure instanceof StoreFullError);
  assert.match(failure.message, /no space left .*full\.db/);
  assert.ok(at > 20n);
  // Decided on top of a write that fails, so it fails with it.
  const outcomes = await Promise.allSettled([store.update("/a", value, at), store.delete("/a")]);
  for (const outcome of outcomes) {
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof StoreFullError);
  }
  const { revision } = store;
  const { entry } = await store.get("/a");
  assert.equal(entry?.modRevision, revision);
  assert.equal((await everything(store, 1n)).at(-1)?.revision, revision);
  assert.ok((await store.get("/a", 10n)).revision === revision);
  await assert.rejects(store.create("/b", value), StoreFullError);
  assert.equal(store.revision, revision);
  await store.compact(revision);
  assert.equal((await store.create("/b", value)).modRevision, revision + 1n);
  await store.close();
  const again = await open("full.db");
  assert.deepEqual(
    (await again.list("")).entries.map((found) => found.key),
    ["/a", "/b"],
  );
  await again.close();
});

test("a worker that dies fails the writes, and reads go on", async () => {
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(new URL("./worker.ts", import.meta.url));
  const store = await openSqliteStore(
    { path: join(folder, "dies.db") },
    { clock: systemClock, log: silentLogger, spawnWorker: () => worker },
  );
  await store.create("/a", bytes("x"));
  const pending = store.create("/b", bytes("x"));
  await Promise.all([assert.rejects(pending, StoreWriteError), worker.terminate()]);
  await assert.rejects(store.create("/c", bytes("x")), /the SQLite worker ended/);
  assert.equal((await store.list("/")).count, 1);
  await store.close().catch(() => undefined);
});

test("only the owner may read the database", async () => {
  const store = await open("private/mode.db");
  await store.create("/a", bytes("secret"));
  for (const name of ["private/mode.db", "private/mode.db-wal"]) {
    assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
  }
  assert.equal((await stat(join(folder, "private"))).mode & 0o777, 0o700);
  await store.close();
});

/** Makes a store with some hundred keys, lets `damage` at its file, and tells how opening it fails. */
async function openDamaged(name: string, damage: (path: string) => Promise<void>): Promise<StoreOpenError> {
  const path = join(folder, name);
  const store = await open(name);
  await Promise.all(
    Array.from({ length: 300 }, (_, at) => store.create(`/k/${at}`, bytes(`value of ${at}`))),
  );
  await store.close();
  await damage(path);
  let found: StoreOpenError | undefined;
  await assert.rejects(open(name), (error) => {
    assert.ok(error instanceof StoreOpenError, String(error));
    assert.ok(error.message.includes(path), error.message);
    found = error;
    return true;
  });
  assert.ok(found !== undefined);
  return found;
}

async function execute(path: string, sql: string): Promise<void> {
  const connection = openConnection({ path, lockWaitMs: 0 });
  connection.exec(sql);
  connection.close();
  await Promise.resolve();
}

const damages: readonly [string, StoreOpenFault, RegExp, (path: string) => Promise<void>][] = [
  [
    "text instead of a database",
    "corrupt",
    /damaged .*restore a snapshot/,
    (path) => writeFile(path, "x".repeat(9000)),
  ],
  [
    "a file cut in the middle",
    "corrupt",
    /damaged/,
    async (path) => truncate(path, (await stat(path)).size / 2),
  ],
  [
    "pages of zeros",
    "corrupt",
    /damaged/,
    async (path) => {
      await using file = await openFile(path, "r+");
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size - 8192), 0, size - 8192, 8192);
    },
  ],
  [
    "a value with one bit turned",
    "corrupt",
    /value of \/k\/\d+ at revision \d+ doesn't match its checksum/,
    async (path) => {
      const content = await readFile(path);
      // Pages keep copies of what was moved away from them.
      for (
        let at = content.indexOf("value of 150");
        at !== -1;
        at = content.indexOf("value of 150", at + 1)
      ) {
        content[at] = (content[at] ?? 0) ^ 1;
      }
      await writeFile(path, content);
    },
  ],
  [
    "a missing row",
    "corrupt",
    /newest write of \/k\/\d+ is missing|revision \d+ is missing/,
    (path) =>
      execute(
        path,
        "REPLACE INTO current SELECT name, position FROM log; DELETE FROM log WHERE name = '/k/7'; UPDATE meta SET value = (SELECT max(position) FROM log) WHERE name = 'folded'",
      ),
  ],
  [
    "a newer schema",
    "newer",
    /has schema version 99, this program knows up to \d+/,
    (path) => execute(path, "PRAGMA user_version = 99"),
  ],
  [
    "another program's database",
    "foreign",
    /another program/,
    async (path) => {
      await rm(path);
      await execute(path, "CREATE TABLE kine (id INTEGER)");
    },
  ],
  [
    "a directory in its place",
    "unreadable",
    /can't open/,
    async (path) => {
      await rm(path);
      const { mkdir } = await import("node:fs/promises");
      await mkdir(path);
    },
  ],
];

for (const [what, fault, text, damage] of damages) {
  test(`${what} is found at the start, and named`, async () => {
    const error = await openDamaged(`${what.replaceAll(" ", "-")}.db`, damage);
    assert.equal(error.fault, fault, error.message);
    assert.match(error.message, text);
  });
}

test("a foreign database is left as it was", async () => {
  const path = join(folder, "foreign.db");
  await execute(path, "CREATE TABLE kine (id INTEGER); INSERT INTO kine VALUES (1)");
  const before = await readFile(path);
  await assert.rejects(open("foreign.db"), StoreOpenError);
  assert.deepEqual(await readFile(path), before);
});

test("a folder that can't be made is named", async () => {
  await writeFile(join(folder, "file"), "");
  await chmod(join(folder, "file"), 0o600);
  await assert.rejects(open("file/state.db"), (error) => {
    assert.ok(error instanceof StoreOpenError);
    assert.equal(error.fault, "unreadable");
    return true;
  });
});

test("a file of schema version 1 is brought up to date, keys beyond ASCII too", async () => {
  const path = join(folder, "version-1.db");
  const store = await open("version-1.db");
  await store.create("/a", bytes("1"));
  await store.create("/é\u{1f600}", bytes("2"));
  await store.update("/é\u{1f600}", bytes("3"), 3n);
  await store.close();
  const connection = openConnection({ path, lockWaitMs: 0 });
  const texts = connection.prepare("UPDATE log SET name = ?, checksum = ? WHERE position = ?");
  for (const [revision, text] of [
    [3n, "2"],
    [4n, "3"],
  ] as const) {
    const name = "/é\u{1f600}";
    texts.run(name, BigInt(crc32(bytes(text), crc32(name))), revision << 20n);
  }
  connection.exec(
    "ALTER TABLE log DROP COLUMN lease; ALTER TABLE log DROP COLUMN author; DROP TABLE lease; DELETE FROM meta WHERE name = 'alarms'; PRAGMA user_version = 1",
  );
  connection.close();
  const again = await open("version-1.db");
  assert.deepEqual(
    (await again.list("/")).entries.map(({ key, value }) => `${key}=${value.toString()}`),
    ["/a=1", "/é\u{1f600}=3"],
  );
  assert.equal((await again.get("/é\u{1f600}", 3n)).entry?.value.toString(), "2");
  await again.close();
});

test("who made a write outlives a restart, and goes with the revision", async () => {
  const store = await open("authors.db");
  await store.create("/a", bytes("1"), "jane");
  await store.update("/a", bytes("2"), 2n, "joe");
  await store.update("/a", bytes("3"), 3n, "jim");
  await store.close();
  const again = await open("authors.db");
  const authorsFrom = async (startRevision: bigint): Promise<unknown[]> => {
    for await (const { events } of again.watch("/", {
      startRevision,
      signal: new AbortController().signal,
    })) {
      return events.map(({ author }) => author);
    }
    return [];
  };
  assert.deepEqual(await authorsFrom(2n), ["jane", "joe", "jim"]);
  await again.compact(4n);
  assert.deepEqual(await authorsFrom(4n), ["jim"]);
  await again.close();
  const connection = openConnection({ path: join(folder, "authors.db"), lockWaitMs: 0 });
  assert.deepEqual(connection.prepare("SELECT author FROM log").all(), [["joe"], ["jim"]]);
  connection.close();
});

/** A snapshot is the store at one revision, whatever is written meanwhile; restored, it goes on above it. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "../memory.ts";
import { openSqliteStore } from "../sqlite/store.ts";
import { CompactedError, type Store } from "../store.ts";
import { SnapshotContents } from "./contents.ts";
import { readSnapshotInfo, SnapshotError, verifySnapshot, type SnapshotFacts } from "./format.ts";
import { restoreDatabase } from "./restore.ts";
import { saveSnapshot, streamSnapshot } from "./save.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-snapshot-"));
after(() => rm(folder, { recursive: true }));

const deps = { clock: systemClock, log: silentLogger };
const open = (name: string): Promise<Store> => openSqliteStore({ path: join(folder, name) }, deps);

const factsOf = (name: string): SnapshotFacts => ({
  name,
  time: "2026-01-01T00:00:00Z",
  cluster: "c0ffee",
  node: "n1",
  isScheduled: false,
  version: "0.0.0",
});

const keyOf = (at: number): string => `/registry/k/${at}`;

async function filled(name: string, keys: number): Promise<Store> {
  const store = await open(name);
  await Promise.all(
    Array.from({ length: keys }, (_, at) => store.create(keyOf(at), Buffer.from(`first ${at}`))),
  );
  await Promise.all(
    Array.from({ length: keys / 2 }, async (_, at) => {
      const { entry } = await store.get(keyOf(at));
      await store.update(keyOf(at), Buffer.from(`second ${at}`), entry?.modRevision ?? 0n);
    }),
  );
  await Promise.all(Array.from({ length: keys / 10 }, (_, at) => store.delete(keyOf(at * 10))));
  return store;
}

const shown = (entries: Iterable<{ key: string; modRevision: bigint; value: Buffer }>): string[] =>
  [...entries].map(({ key, modRevision, value }) => `${key}@${modRevision} ${value.toString()}`);

test("what is written while a snapshot is taken isn't in it, and isn't held up by it", async () => {
  await using stack = new AsyncDisposableStack();
  const store = stack.adopt(await filled("busy.db", 4000), (each) => each.close());
  const { revision, entries } = await store.list("");
  const stop = { now: false };
  let writes = 0;
  const writing = Promise.all(
    Array.from({ length: 16 }, async (_, writer) => {
      while (!stop.now) {
        await store.create(keyOf(100_000 + writes++ * 16 + writer), Buffer.alloc(2000, 1));
      }
    }),
  );
  const before = writes;
  const info = await saveSnapshot(store, join(folder, "busy"), factsOf("busy"));
  assert.ok(writes > before, "no write was acknowledged meanwhile");
  stop.now = true;
  await writing;
  assert.ok(info.revision >= revision);
  assert.deepEqual(await verifySnapshot(join(folder, "busy")), info);
  assert.equal((await stat(join(folder, "busy"))).mode & 0o777, 0o600);
  using contents = new SnapshotContents({ path: join(folder, "busy") });
  assert.deepEqual(contents.faults(), []);
  assert.deepEqual(shown(contents.state(revision)), shown(entries));
  const then = await store.list("", { revision: info.revision });
  assert.deepEqual(shown(contents.state()), shown(then.entries));
  assert.equal(info.objects, then.count);
  // The file shrinks to its usual size after: the log beside it is emptied again.
  await store.create("/after", Buffer.from("x"));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes("tmp")),
    [],
  );
});

test("a restored store has the same keys, a higher revision, and nothing of the past", async () => {
  const store = await filled("origin.db", 1000);
  const info = await saveSnapshot(store, join(folder, "origin"), factsOf("origin"));
  const { entries } = await store.list("");
  await store.close();
  const path = join(folder, "restored.db");
  const to = info.revision + 1000n;
  assert.deepEqual(
    await restoreDatabase({ snapshot: join(folder, "origin"), path, revision: () => to }),
    info,
  );
  let restored = await openSqliteStore({ path }, deps);
  assert.equal(restored.revision, to);
  assert.deepEqual(shown((await restored.list("")).entries), shown(entries));
  await assert.rejects(restored.list("", { revision: to - 1n }), CompactedError);
  const watch = restored.watch("", {
    startRevision: info.revision + 1n,
    signal: new AbortController().signal,
  });
  await assert.rejects(watch[Symbol.asyncIterator]().next(), CompactedError);
  assert.equal((await restored.create("/new", Buffer.from("x"))).modRevision, to + 1n);
  assert.equal((await restored.delete(keyOf(1))).revision, to + 2n);
  await restored.compact(to + 1n);
  await restored.close();
  restored = await openSqliteStore({ path }, deps);
  assert.equal(restored.revision, to + 2n);
  assert.equal((await restored.list("")).count, entries.length);
  await restored.close();
});

test("an empty store can be saved and restored", async () => {
  const store = await open("empty.db");
  await saveSnapshot(store, join(folder, "empty"), factsOf("empty"));
  await store.close();
  const path = join(folder, "empty-restored.db");
  await restoreDatabase({ snapshot: join(folder, "empty"), path, revision: ({ revision }) => revision + 5n });
  const restored = await openSqliteStore({ path }, deps);
  assert.equal(restored.revision, 6n);
  await restored.close();
});

test("a name that is taken is refused, and what was there stays", async () => {
  const store = await open("twice.db");
  const first = await saveSnapshot(store, join(folder, "twice"), factsOf("twice"));
  await store.create("/a", Buffer.from("x"));
  await assert.rejects(
    saveSnapshot(store, join(folder, "twice"), factsOf("twice")),
    /snapshot .*twice already/,
  );
  assert.deepEqual(await readSnapshotInfo(join(folder, "twice")), first);
  await store.close();
});

test("a store without a file says so", async () => {
  const store = openMemoryStore(deps);
  await assert.rejects(saveSnapshot(store, join(folder, "none"), factsOf("none")), /its own tools/);
  await store.close();
});

test("a stream is the same as the file; a reader that leaves doesn't keep the store from the next", async () => {
  const store = await filled("stream.db", 200);
  for await (const chunk of streamSnapshot(store, factsOf("left"))) {
    assert.ok(chunk.length > 0);
    break;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of streamSnapshot(store, factsOf("stream"))) chunks.push(chunk);
  await writeFile(join(folder, "stream"), Buffer.concat(chunks));
  assert.equal((await verifySnapshot(join(folder, "stream"))).objects, 180);
  await store.close();
});

const damages: readonly [string, RegExp, (path: string) => Promise<void>][] = [
  [
    "a missing end",
    /no snapshot, or its end is missing/,
    async (path) => truncate(path, (await stat(path)).size - 1),
  ],
  ["another file", /no snapshot/, (path) => writeFile(path, "text")],
  ["an empty file", /no snapshot/, (path) => writeFile(path, "")],
  [
    "one bit of a page",
    /pages don't match their SHA-256; use another one/,
    async (path) => {
      const content = await readFile(path);
      content[20_000] = (content[20_000] ?? 0) ^ 1;
      await writeFile(path, content);
    },
  ],
  [
    "one bit of the trailer",
    /damaged: its end doesn't match its checksum/,
    async (path) => {
      const content = await readFile(path);
      const at = content.length - 40;
      content[at] = (content[at] ?? 0) ^ 1;
      await writeFile(path, content);
    },
  ],
  [
    "a page cut out of the middle",
    /bytes of pages instead of/,
    async (path) => {
      const content = await readFile(path);
      await writeFile(path, Buffer.concat([content.subarray(0, 8192), content.subarray(16_384)]));
    },
  ],
];

test("damage is found, named, and never restored", async (context) => {
  const store = await filled("damage.db", 200);
  for (const [what, text, damage] of damages) {
    await context.test(what, async () => {
      const path = join(folder, what.replaceAll(" ", "-"));
      await saveSnapshot(store, path, factsOf(what));
      await damage(path);
      const target = join(folder, "never.db");
      const restoring = restoreDatabase({ snapshot: path, path: target, revision: () => 1n });
      await assert.rejects(restoring, (error) => {
        assert.ok(error instanceof SnapshotError);
        assert.match(error.message, text);
        assert.ok(error.message.includes(path), error.message);
        return true;
      });
      await assert.rejects(stat(target), /ENOENT/);
    });
  }
  await store.close();
});

/** RemoteStore over a database that is a store in memory: what holds without any network in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "../memory.ts";
import { CompactedError, StoreFullError, type Store } from "../store.ts";
import { bytes, eventsUpTo, neverAborted } from "../testing/cases.ts";
import { sharedChapters, storeSuite } from "../testing/store.suite.ts";
import type { Follower, RemoteDatabase } from "./remote-database.ts";
import { RemoteStore } from "./remote-store.ts";

interface Network {
  /** Followers hear nothing meanwhile. */
  isCut: boolean;
  readonly followers: Set<Follower>;
}

function databaseOn(store: Store, network: Network): RemoteDatabase {
  return {
    latest: async () => store.latest(),
    get: (key, revision) => store.get(key, revision),
    list: (prefix, options) => store.list(prefix, options),
    count: (prefix) => store.count(prefix),
    create: (key, value, author) => store.create(key, value, author),
    update: (key, value, expected, author) => store.update(key, value, expected, author),
    delete: (key, expected, author) => store.delete(key, expected, author),
    compact: (revision) => store.compact(revision),
    size: () => store.size(),
    follow: (from, follower) => {
      const stop = new AbortController();
      network.followers.add(follower);
      const run = async (): Promise<void> => {
        try {
          const batches = store.watch("", { startRevision: from, signal: stop.signal, progress: false });
          for await (const { events } of batches) {
            const isHeard = network.followers.has(follower) && !network.isCut;
            if (isHeard && events.length > 0) follower.events(events);
          }
        } catch (error) {
          if (network.followers.delete(follower)) follower.failed(error as Error);
        }
      };
      void run();
      return {
        stop: () => {
          network.followers.delete(follower);
          stop.abort();
        },
      };
    },
    close: () => store.close(),
  };
}

function open(clock = systemClock) {
  const inner = openMemoryStore({ clock, log: silentLogger });
  const network: Network = { isCut: false, followers: new Set() };
  const deps = { clock, log: silentLogger, database: databaseOn(inner, network) };
  return { inner, network, store: new RemoteStore({ revision: 1n, compacted: 0n }, deps) };
}

storeSuite(
  "remote store",
  () => Promise.resolve({ store: open().store, dispose: () => Promise.resolve() }),
  sharedChapters,
);

test("others' writes are seen, and latest knows them before the feed", async () => {
  const { inner, store } = open();
  await inner.create("/a", bytes("1"));
  assert.equal(await store.latest(), 2n);
  const events = await eventsUpTo(store.watch("/", { startRevision: 2n, signal: neverAborted() }), 2n);
  assert.equal(events[0]?.key, "/a");
  await store.close();
});

test("who asks for the revision while a question is on its way shares the next one", async () => {
  const { inner, store } = open();
  let asked = 0;
  const latest = inner.latest.bind(inner);
  inner.latest = () => {
    asked++;
    return latest();
  };
  await Promise.all(Array.from({ length: 50 }, () => store.latest()));
  assert.equal(asked, 2);
  await store.latest();
  assert.equal(asked, 3);
  await store.close();
});

test("a durable write is told though the feed is cut off, after a while", async () => {
  const clock = new ManualClock();
  const { store, network } = open(clock);
  network.isCut = true;
  let isTold = false;
  const writing = store.create("/a", bytes("1")).then(() => {
    isTold = true;
  });
  await settle();
  assert.equal(isTold, false);
  await clock.advance(3000);
  await writing;
  await store.close();
});

test("a feed with a gap ends the watches that have missed something, and goes on", async () => {
  const { inner, store, network } = open();
  await store.create("/a", bytes("1"));
  const reading = eventsUpTo(store.watch("/", { signal: neverAborted() }), 100n);
  await settle();
  network.isCut = true;
  await inner.create("/b", bytes("1"));
  await settle();
  network.isCut = false;
  const [follower] = network.followers;
  assert.ok(follower !== undefined);
  network.followers.delete(follower);
  follower.failed(new CompactedError(3n));
  await assert.rejects(reading, CompactedError);
  assert.equal(store.revision, 3n);
  assert.equal(store.compactRevision, 3n);
  const watch = store.watch("/", { signal: neverAborted() });
  const { modRevision } = await store.create("/c", bytes("1"));
  assert.deepEqual(
    (await eventsUpTo(watch, modRevision)).map(({ key }) => key),
    ["/c"],
  );
  await store.close();
});

test("a database that is full shows until a write works again", async () => {
  const { inner, store } = open();
  const create = inner.create.bind(inner);
  inner.create = () => Promise.reject(new StoreFullError("etcd"));
  await assert.rejects(store.create("/a", bytes("1")), StoreFullError);
  assert.match(store.writeFault?.message ?? "", /no space left/);
  inner.create = create;
  await store.create("/a", bytes("1"));
  assert.equal(store.writeFault, undefined);
  await store.close();
});

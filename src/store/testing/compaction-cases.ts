/** Compaction, and the end of a store. */
import assert from "node:assert/strict";
import { CompactedError, FutureRevisionError, StoreClosedError, type EventBatch } from "../store.ts";
import { type Case, bytes, eventsUpTo, history, neverAborted, put, shown, shownEvent } from "./cases.ts";

export const compactionCases: readonly Case[] = [
  [
    "revisions below the compacted one are refused, from it on all is as before",
    async (store) => {
      const states = await history(store);
      const last = store.revision;
      const events = await eventsUpTo(store.watch("", { startRevision: 1n, signal: neverAborted() }), last);
      for (const compacted of [10n, 11n, 30n, last]) {
        await store.compact(compacted);
        assert.equal(store.compactRevision, compacted);
        for (const [revision, state] of states) {
          if (revision < compacted) {
            await assert.rejects(store.list("/h/", { revision }), CompactedError);
            await assert.rejects(store.get("/h/a", revision), CompactedError);
          } else {
            assert.deepEqual((await store.list("/h/", { revision })).entries.map(shown), state);
          }
        }
        const watch = store.watch("", { startRevision: compacted, signal: neverAborted() });
        assert.deepEqual(
          (await eventsUpTo(watch, last)).map(shownEvent),
          events.filter((event) => event.revision >= compacted).map(shownEvent),
        );
      }
      assert.equal(store.revision, last);
    },
  ],

  [
    "compacting twice, backwards or into the future is refused",
    async (store) => {
      await history(store);
      await store.compact(20n);
      await assert.rejects(store.compact(20n), CompactedError);
      await assert.rejects(store.compact(19n), CompactedError);
      await assert.rejects(store.compact(0n), CompactedError);
      await assert.rejects(store.compact(store.revision + 1n), FutureRevisionError);
      assert.equal(store.compactRevision, 20n);
    },
  ],

  [
    "a watch from a compacted revision fails and says from where it could",
    async (store) => {
      await history(store);
      await store.compact(20n);
      const watch = store.watch("/h/", { startRevision: 19n, signal: neverAborted() });
      await assert.rejects(eventsUpTo(watch, 20n), (error) => {
        assert.ok(error instanceof CompactedError);
        assert.equal(error.compactRevision, 20n);
        return true;
      });
    },
  ],

  [
    "compaction doesn't disturb a live watch, and overtakes one that never read",
    async (store) => {
      const live = store.watch("/h/", { signal: neverAborted() });
      const left = store.watch("/h/", { startRevision: 1n, signal: neverAborted() })[Symbol.asyncIterator]();
      const reading = eventsUpTo(live, 62n);
      await history(store);
      await store.compact(40n);
      await put(store, "/other", "last");
      assert.equal((await reading).length, 48);
      await assert.rejects(left.next(), CompactedError);
    },
  ],

  [
    "an empty store can be compacted at its revision",
    async (store) => {
      await store.compact(1n);
      assert.equal(store.compactRevision, 1n);
      assert.equal(shown(await store.create("/a", bytes("1"))), "/a=1@2/2/1");
    },
  ],

  [
    "writers, watchers and readers go on while thousands of revisions are compacted",
    async (store) => {
      const reading = eventsUpTo(store.watch("/k/", { signal: neverAborted() }), 6001n);
      const write = async (writer: number): Promise<void> => {
        for (let at = 0; at < 750; at++) await put(store, `/k/${writer}/${at % 10}`, `${at}`);
      };
      const writing = Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
      while (store.revision < 2000n) await put(store, "/other", "x");
      await store.compact(1500n);
      await store.compact(store.revision);
      const at = store.revision;
      const before = (await store.list("/k/", { revision: at })).entries.map(shown);
      await writing;
      assert.deepEqual((await store.list("/k/", { revision: at })).entries.map(shown), before);
      while (store.revision < 6001n) await put(store, "/other", "x");
      const events = await reading;
      assert.equal(new Set(events.map((event) => event.revision)).size, events.length);
      assert.equal((await store.count("/k/")).count, 80);
      for (const { key, value, version } of (await store.list("/k/")).entries) {
        assert.equal(`${key} ${value.toString()}`, `${key} ${740 + Number(key.split("/")[3])}`);
        assert.equal(version, 75n);
      }
    },
  ],
];

export const closeCases: readonly Case[] = [
  [
    "close settles the writes that were accepted, then refuses everything",
    async (store) => {
      const writes = Array.from({ length: 200 }, (_, at) => store.create(`/a/${at}`, bytes("x")));
      const closing = store.close();
      await assert.rejects(store.create("/late", bytes("x")), StoreClosedError);
      assert.equal((await Promise.all(writes)).length, 200);
      await closing;
      await assert.rejects(store.get("/a/1"), StoreClosedError);
      await assert.rejects(store.list("/"), StoreClosedError);
      await assert.rejects(store.count("/"), StoreClosedError);
      await assert.rejects(store.delete("/a/1"), StoreClosedError);
      await assert.rejects(store.compact(2n), StoreClosedError);
      await assert.rejects(store.size(), StoreClosedError);
      assert.throws(() => store.watch("/", { signal: neverAborted() }), StoreClosedError);
    },
  ],

  [
    "close ends watches after what they were told, and can be called twice",
    async (store) => {
      const idle = store.watch("/", { signal: neverAborted() });
      const reading = eventsUpTo(idle, 1000n);
      const queued = store.watch("/", { signal: neverAborted() })[Symbol.asyncIterator]();
      await queued.next();
      await store.create("/a", bytes("x"));
      await Promise.all([store.close(), store.close()]);
      assert.equal((await reading).length, 1);
      const { value } = (await queued.next()) as { value: EventBatch };
      assert.equal(value.events.length, 1);
      assert.equal((await queued.next()).done, true);
    },
  ],
];

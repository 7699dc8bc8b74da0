/** Watching, with readers of every speed. */
import assert from "node:assert/strict";
import type { EventBatch, Revision, StoreEvent } from "../store.ts";
import { type Case, bytes, eventsUpTo, history, neverAborted, put, shownEvent } from "./cases.ts";

const authorOf = ({ author }: StoreEvent): string | undefined => author;

export const watchCases: readonly Case[] = [
  [
    "a watch tells each event once, in order, with what was there before",
    async (store) => {
      const abort = new AbortController();
      const watch = store.watch("/a", { signal: abort.signal });
      await store.create("/a", bytes("1"));
      await store.create("/b", bytes("x"));
      await store.update("/a", bytes("2"), 2n);
      await store.delete("/a");
      await store.create("/a/b", bytes("3"));
      assert.deepEqual((await eventsUpTo(watch, 6n)).map(shownEvent), [
        "2 put /a=1@2/2/1 was absent",
        "4 put /a=2@4/2/2 was /a=1@2/2/1",
        "5 delete /a=2@4/2/2 was /a=2@4/2/2",
        "6 put /a/b=3@6/6/1 was absent",
      ]);
    },
  ],

  [
    "who made a write is told with its event, now and from any revision on",
    async (store) => {
      const live = store.watch("/", { signal: neverAborted() });
      await store.create("/a", bytes("1"), "jane");
      await store.update("/a", bytes("2"), 2n, 'joe ("é\u{1f600}")');
      await store.update("/a", bytes("3"), 3n);
      await store.delete("/a", undefined, "jim");
      await store.create("/b", bytes(""), "jane");
      await assert.rejects(store.delete("/none", undefined, "jim"), { code: "KEY_NOT_FOUND" });
      await assert.rejects(store.create("/b", bytes("x"), "jim"), { code: "KEY_EXISTS" });
      await assert.rejects(store.update("/b", bytes("x"), 3n, "jim"), { code: "REVISION_MISMATCH" });
      assert.equal(await store.latest(), 6n);
      const authors = ["jane", 'joe ("é\u{1f600}")', undefined, "jim", "jane"];
      assert.deepEqual((await eventsUpTo(live, 6n)).map(authorOf), authors);
      for (const from of [2n, 4n, 6n]) {
        const again = store.watch("/", { startRevision: from, signal: neverAborted() });
        assert.deepEqual((await eventsUpTo(again, 6n)).map(authorOf), authors.slice(Number(from) - 2));
      }
    },
  ],

  [
    "a watch begins when it is asked for, not when it is read",
    async (store) => {
      const watch = store.watch("/", { signal: new AbortController().signal });
      await store.create("/a", bytes("1"));
      assert.deepEqual((await eventsUpTo(watch, 2n)).map(shownEvent), ["2 put /a=1@2/2/1 was absent"]);
    },
  ],

  [
    "a watch that has caught up says so at once",
    async (store) => {
      await store.create("/a", bytes("1"));
      for (const startRevision of [undefined, 3n, 2n, 9n]) {
        const abort = new AbortController();
        const revisions: Revision[] = [];
        const counts: number[] = [];
        for await (const batch of store.watch("/", {
          startRevision,
          signal: abort.signal,
          progress: false,
        })) {
          revisions.push(batch.revision);
          counts.push(batch.events.length);
          if (batch.revision === 2n && (startRevision !== 2n || counts.length === 2)) break;
        }
        assert.deepEqual(counts, startRevision === 2n ? [1, 0] : [0]);
      }
    },
  ],

  [
    "a watch resumes from any revision, whatever happened before or happens meanwhile",
    async (store) => {
      await history(store);
      const last = store.revision;
      const all = await eventsUpTo(store.watch("", { startRevision: 1n, signal: neverAborted() }), last);
      assert.deepEqual(
        all.map((event) => event.revision),
        Array.from({ length: Number(last) - 1 }, (_, at) => BigInt(at + 2)),
      );
      for (let start = 0n; start <= last; start += 5n) {
        const watch = store.watch("/h/", { startRevision: start, signal: neverAborted() });
        const next = put(store, "/h/a", `resumed ${start}`);
        const events = await eventsUpTo(watch, (await next).modRevision);
        const wanted = all.filter((event) => event.revision >= start && event.key.startsWith("/h/"));
        const old = events.filter((event) => event.revision <= last);
        assert.deepEqual(old.map(shownEvent), wanted.map(shownEvent));
        assert.equal(events.at(-1)?.entry.value.toString(), `resumed ${start}`);
      }
    },
  ],

  [
    "a watch from a future revision waits for it",
    async (store) => {
      const watch = store.watch("/", { startRevision: 5n, signal: neverAborted() });
      for (const key of ["/a", "/b", "/c", "/d", "/e"]) await store.create(key, bytes("x"));
      const events = await eventsUpTo(watch, 6n);
      assert.deepEqual(
        events.map((event) => event.key),
        ["/d", "/e"],
      );
    },
  ],

  [
    "a waiting reader hears of commits that held nothing for it, unless it doesn't want to",
    async (store) => {
      const watching = store.watch("/a", { signal: neverAborted() })[Symbol.asyncIterator]();
      const silent = store.watch("/a", { signal: neverAborted(), progress: false })[Symbol.asyncIterator]();
      assert.deepEqual((await watching.next()).value, { revision: 1n, events: [] });
      assert.deepEqual((await silent.next()).value, { revision: 1n, events: [] });
      const told = watching.next();
      const quiet = silent.next();
      await store.create("/b", bytes("x"));
      assert.deepEqual((await told).value, { revision: 2n, events: [] });
      await store.create("/a", bytes("x"));
      const { value } = (await quiet) as { value: EventBatch };
      assert.deepEqual(value.events.map(shownEvent), ["3 put /a=x@3/3/1 was absent"]);
      await watching.return?.();
      await silent.return?.();
    },
  ],

  [
    "watches of nested and neighbouring prefixes each get theirs",
    async (store) => {
      const prefixes = ["", "/", "/a", "/a/", "/a/b", "/ab", "/b/", "/zz"];
      const watches = prefixes.map((prefix) => store.watch(prefix, { signal: neverAborted() }));
      const keys = ["/a", "/a/b", "/a/bc", "/a/c", "/ab", "/abc", "/b", "/b/x", "/c"];
      for (const key of keys) await store.create(key, bytes("x"));
      for (const [at, watch] of watches.entries()) {
        const seen = (await eventsUpTo(watch, store.revision)).map((event) => event.key);
        assert.deepEqual(
          seen,
          keys.filter((key) => key.startsWith(prefixes[at] ?? "")),
        );
      }
    },
  ],

  [
    "an event is told before its write resolves to anyone reading the watch",
    async (store) => {
      const seen: Revision[] = [];
      const abort = new AbortController();
      const reading = (async (): Promise<void> => {
        for await (const batch of store.watch("/", { signal: abort.signal })) {
          for (const event of batch.events) seen.push(event.revision);
        }
      })();
      await Promise.all(Array.from({ length: 100 }, (_, at) => store.create(`/k/${at}`, bytes("x"))));
      const last = await store.create("/last", bytes("x"));
      await eventsUpTo(store.watch("/", { startRevision: last.modRevision, signal: neverAborted() }), 102n);
      abort.abort();
      await reading;
      assert.deepEqual(
        seen,
        Array.from({ length: 101 }, (_, at) => BigInt(at + 2)),
      );
    },
  ],

  [
    "abort ends a waiting watch, before and while it is read",
    async (store) => {
      const abort = new AbortController();
      const watch = store.watch("/", { signal: abort.signal })[Symbol.asyncIterator]();
      await watch.next();
      const waiting = watch.next();
      abort.abort();
      assert.equal((await waiting).done, true);
      assert.equal((await watch.next()).done, true);
      let count = 0;
      for await (const _ of store.watch("/", { startRevision: 1n, signal: abort.signal })) count++;
      assert.equal(count, 0);
    },
  ],

  [
    "leaving the loop ends the watch",
    async (store) => {
      const watch = store.watch("/", { signal: neverAborted() });
      for await (const batch of watch) if (batch.events.length === 0) break;
      await store.create("/a", bytes("1"));
      assert.equal((await watch[Symbol.asyncIterator]().next()).done, true);
    },
  ],
];

export const slowWatchCases: readonly Case[] = [
  [
    "a reader that doesn't read loses nothing, and the others don't wait for it",
    async (store) => {
      const slow = store.watch("/k/", { signal: neverAborted() })[Symbol.asyncIterator]();
      await slow.next();
      const fast = store.watch("/k/", { signal: neverAborted() });
      const reading = eventsUpTo(fast, 6001n);
      for (let wave = 0; wave < 6; wave++) {
        await Promise.all(
          Array.from({ length: 1000 }, (_, at) => store.create(`/k/${wave * 1000 + at}`, bytes("x"))),
        );
      }
      assert.equal((await reading).length, 6000);
      const seen: Revision[] = [];
      while (seen.length < 6000) {
        const { value } = (await slow.next()) as { value: EventBatch };
        for (const event of value.events) seen.push(event.revision);
        assert.equal(value.revision >= (seen.at(-1) ?? 0n), true);
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 6000 }, (_, at) => BigInt(at + 2)),
      );
      // It has caught up and is live again.
      const next = store.create("/k/next", bytes("x"));
      let live: EventBatch = { revision: 0n, events: [] };
      while (live.events.length === 0) live = (await slow.next()).value as EventBatch;
      assert.equal(live.events[0]?.revision, (await next).modRevision);
      await slow.return?.();
    },
  ],

  [
    "readers of every speed see the same events while writers write",
    async (store) => {
      const readers = [0, 1, 3, 50].map(async (pause) => {
        const seen: string[] = [];
        for await (const batch of store.watch("/k/", { startRevision: 1n, signal: neverAborted() })) {
          seen.push(...batch.events.map(shownEvent));
          if (batch.revision >= 4001n) break;
          for (let turn = 0; turn < pause; turn++) await new Promise(setImmediate);
        }
        return seen;
      });
      const write = async (writer: number): Promise<void> => {
        for (let at = 0; at < 500; at++) await store.create(`/k/${writer}/${at}`, bytes("x"));
      };
      await Promise.all(Array.from({ length: 8 }, (_, writer) => write(writer)));
      const [first = [], ...others] = await Promise.all(readers);
      assert.equal(first.length, 4000);
      for (const seen of others) assert.deepEqual(seen, first);
    },
  ],
];

/** Reading the present and the past. */
import assert from "node:assert/strict";
import { FutureRevisionError } from "../store.ts";
import { type Case, bytes, history, put, shown } from "./cases.ts";

export const readCases: readonly Case[] = [
  [
    "get answers with the store's revision, for a key that isn't there too",
    async (store) => {
      await store.create("/a", bytes("1"));
      await store.create("/b", bytes("2"));
      assert.deepEqual(await store.get("/c"), { revision: 3n, entry: undefined });
      const { revision, entry } = await store.get("/a");
      assert.equal(revision, 3n);
      assert.equal(shown(entry), "/a=1@2/2/1");
    },
  ],

  [
    "list is sorted by the bytes of the key and keeps to the prefix",
    async (store) => {
      // UTF-16 would put the last two the other way round.
      const keys = ["/p", "/p/", "/p/A", "/p/a", "/p/a/b", "/p/b", "/p/\u00e9", "/p/\uffee", "/p/\u{1f600}"];
      for (const key of [...keys, "/o", "/q"].toReversed()) await store.create(key, bytes("x"));
      const { entries, more, count } = await store.list("/p");
      assert.deepEqual(
        entries.map((entry) => entry.key),
        keys,
      );
      assert.equal(more, false);
      assert.equal(count, keys.length);
      assert.equal((await store.list("/p/a")).count, 2);
      assert.equal((await store.list("/none")).count, 0);
      assert.equal((await store.list("")).count, keys.length + 2);
    },
  ],

  [
    "list in pages: limit, startKey, more, and the count of what is left",
    async (store) => {
      const keys = Array.from({ length: 25 }, (_, at) => `/p/${String(at).padStart(2, "0")}`);
      await Promise.all(keys.map((key) => store.create(key, bytes(key))));
      await store.create("/q/1", bytes("x"));
      const seen: string[] = [];
      let startKey = "/p/";
      for (let left = 25; left > 0; left -= 10) {
        const page = await store.list("/p/", { limit: 10, startKey });
        assert.equal(page.count, left);
        assert.equal(page.more, left > 10);
        assert.equal(page.entries.length, Math.min(10, left));
        seen.push(...page.entries.map((entry) => entry.key));
        startKey = `${seen.at(-1)}\0`;
      }
      assert.deepEqual(seen, keys);
      const none = await store.list("/p/", { limit: 10, startKey });
      assert.deepEqual([none.count, none.more, none.entries.length], [0, false, 0]);
      assert.equal((await store.list("/p/", { limit: 25 })).more, false);
      assert.equal((await store.list("/p/", { limit: 24 })).more, true);
    },
  ],

  [
    "count follows creates and deletes",
    async (store) => {
      await Promise.all(Array.from({ length: 2000 }, (_, at) => store.create(`/c/${at}`, bytes("x"))));
      await store.create("/d", bytes("x"));
      assert.deepEqual(await store.count("/c/"), { revision: 2002n, count: 2000 });
      await Promise.all(Array.from({ length: 1990 }, (_, at) => store.delete(`/c/${at}`)));
      assert.equal((await store.count("/c/")).count, 10);
      assert.equal((await store.count("/c/199")).count, 10);
      assert.equal((await store.count("/")).count, 11);
    },
  ],

  [
    "a write is readable as soon as it resolves",
    async (store) => {
      for (let at = 0; at < 50; at++) {
        const entry = await store.create(`/a/${at}`, bytes("x"));
        assert.equal(store.revision, entry.modRevision);
        assert.equal(await store.latest(), entry.modRevision);
        assert.equal(shown((await store.get(`/a/${at}`)).entry), shown(entry));
        assert.equal((await store.list("/a/")).count, at + 1);
      }
    },
  ],
];

export const pastCases: readonly Case[] = [
  [
    "list and get at any revision give what was there",
    async (store) => {
      const states = await history(store);
      for (const [revision, state] of states) {
        const { entries, count, more } = await store.list("/h/", { revision });
        assert.deepEqual(entries.map(shown), state, `at ${revision}`);
        assert.deepEqual([count, more], [state.length, false]);
        for (const key of ["/h/a", "/h/b", "/h/c", "/h/d"]) {
          const { entry } = await store.get(key, revision);
          assert.equal(
            shown(entry),
            state.find((text) => text?.startsWith(`${key}=`)),
          );
        }
      }
    },
  ],

  [
    "pages at an old revision",
    async (store) => {
      const states = await history(store);
      for (const [revision, state] of states) {
        const seen: (string | undefined)[] = [];
        let startKey = "/h/";
        for (;;) {
          const page = await store.list("/h/", { revision, startKey, limit: 1 });
          assert.equal(page.count, state.length - seen.length);
          seen.push(...page.entries.map(shown));
          startKey = `${page.entries[0]?.key}\0`;
          if (!page.more) break;
        }
        assert.deepEqual(seen, state);
      }
    },
  ],

  [
    "pages at one revision stay one snapshot while others write",
    async (store) => {
      const keys = Array.from({ length: 300 }, (_, at) => `/p/${String(at).padStart(3, "0")}`);
      await Promise.all(keys.map((key) => store.create(key, bytes("old"))));
      const { revision } = store;
      const done = new AbortController();
      const disturb = async (): Promise<void> => {
        for (let at = 0; !done.signal.aborted; at = (at + 7) % 300) {
          await put(store, keys[at] ?? "", "new");
          await store.delete(keys[(at + 100) % 300] ?? "").catch(() => undefined);
          await put(store, `/p/${at}x`, "new");
        }
      };
      const disturbing = disturb();
      for (let round = 0; round < 3; round++) {
        const seen: string[] = [];
        let startKey = "/p/";
        for (;;) {
          const page = await store.list("/p/", { revision, startKey, limit: 20 });
          for (const entry of page.entries) assert.equal(entry.value.toString(), "old");
          assert.equal(page.count, 300 - seen.length);
          seen.push(...page.entries.map((entry) => entry.key));
          if (!page.more) break;
          startKey = `${seen.at(-1)}\0`;
        }
        assert.deepEqual(seen, keys);
      }
      done.abort();
      await disturbing;
    },
  ],

  [
    "a revision that hasn't happened yet is refused",
    async (store) => {
      await store.create("/a", bytes("1"));
      await assert.rejects(store.get("/a", 3n), FutureRevisionError);
      await assert.rejects(store.list("/", { revision: 3n }), FutureRevisionError);
      assert.equal((await store.list("/", { revision: 2n })).count, 1);
      assert.equal((await store.list("/", { revision: 1n })).count, 0);
    },
  ],
];

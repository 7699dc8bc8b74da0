/** Writing: revisions, preconditions, many writers. */
import assert from "node:assert/strict";
import { KeyExistsError, KeyNotFoundError, RevisionMismatchError } from "../store.ts";
import { type Case, bytes, shown } from "./cases.ts";

export const writeCases: readonly Case[] = [
  [
    "an empty store is at revision 1, and its first write makes 2",
    async (store) => {
      assert.equal(store.revision, 1n);
      assert.equal(store.compactRevision, 0n);
      assert.equal(shown(await store.create("/a", bytes("1"))), "/a=1@2/2/1");
      assert.equal(store.revision, 2n);
    },
  ],

  [
    "every write makes exactly one revision; version counts from the creation",
    async (store) => {
      await store.create("/a", bytes("1"));
      assert.equal(shown(await store.update("/a", bytes("2"), 2n)), "/a=2@3/2/2");
      await store.create("/b", bytes("x"));
      assert.equal(shown(await store.update("/a", bytes("3"), 3n)), "/a=3@5/2/3");
      const { revision, previous } = await store.delete("/a", 5n);
      assert.equal(revision, 6n);
      assert.equal(shown(previous), "/a=3@5/2/3");
      assert.equal(shown(await store.create("/a", bytes("4"))), "/a=4@7/7/1");
    },
  ],

  [
    "create refuses a key that exists and says what is there",
    async (store) => {
      await store.create("/a", bytes("1"));
      await assert.rejects(store.create("/a", bytes("2")), (error) => {
        assert.ok(error instanceof KeyExistsError);
        assert.equal(shown(error.current), "/a=1@2/2/1");
        return true;
      });
      assert.equal(store.revision, 2n);
    },
  ],

  [
    "update refuses another revision than the expected, and a key that isn't there",
    async (store) => {
      await store.create("/a", bytes("1"));
      await store.update("/a", bytes("2"), 2n);
      for (const expected of [0n, 1n, 2n, 4n]) {
        await assert.rejects(store.update("/a", bytes("3"), expected), (error) => {
          assert.ok(error instanceof RevisionMismatchError);
          assert.equal(shown(error.current), "/a=2@3/2/2");
          return true;
        });
      }
      await assert.rejects(store.update("/b", bytes("3"), 3n), (error) => {
        assert.ok(error instanceof RevisionMismatchError);
        assert.equal(error.current, undefined);
        return true;
      });
      assert.equal(store.revision, 3n);
    },
  ],

  [
    "delete with and without an expected revision",
    async (store) => {
      await store.create("/a", bytes("1"));
      await assert.rejects(store.delete("/a", 1n), RevisionMismatchError);
      await assert.rejects(store.delete("/b"), KeyNotFoundError);
      await assert.rejects(store.delete("/b", 2n), KeyNotFoundError);
      await store.delete("/a");
      assert.equal((await store.get("/a")).entry, undefined);
      await assert.rejects(store.delete("/a"), KeyNotFoundError);
      assert.equal(store.revision, 3n);
    },
  ],

  [
    "many writers on one key: exactly one of each round wins, the others learn who",
    async (store) => {
      let at = (await store.create("/a", bytes("0"))).modRevision;
      for (let round = 0; round < 10; round++) {
        const expected = at;
        const results = await Promise.allSettled(
          Array.from({ length: 32 }, (_, writer) => store.update("/a", bytes(`${writer}`), expected)),
        );
        const won = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
        assert.equal(won.length, 1);
        at = won[0]?.modRevision ?? 0n;
        for (const result of results) {
          if (result.status === "fulfilled") continue;
          assert.ok(result.reason instanceof RevisionMismatchError);
          assert.equal(result.reason.current?.modRevision, at);
        }
      }
      assert.equal(store.revision, 12n);
    },
  ],

  [
    "many creators of one key: one wins",
    async (store) => {
      const results = await Promise.allSettled(
        Array.from({ length: 32 }, (_, writer) => store.create("/a", bytes(`${writer}`))),
      );
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      assert.equal(store.revision, 2n);
    },
  ],

  [
    "a conflict with a write in the same commit is told after that write is readable",
    async (store) => {
      const first = store.create("/a", bytes("1"));
      const second = store.create("/a", bytes("2")).catch(async (error: unknown) => {
        assert.ok(error instanceof KeyExistsError);
        assert.equal(shown((await store.get("/a")).entry), "/a=1@2/2/1");
        return undefined;
      });
      await first;
      assert.equal(await second, undefined);
    },
  ],

  [
    "writes of one key build on writes that aren't durable yet, in the order of the calls",
    async (store) => {
      const results = await Promise.all([
        store.create("/a", bytes("1")),
        store.update("/a", bytes("2"), 2n),
        store.delete("/a", 3n),
        store.create("/a", bytes("3")),
      ]);
      assert.equal(shown(results[3]), "/a=3@5/5/1");
      assert.equal(shown((await store.get("/a")).entry), "/a=3@5/5/1");
      assert.equal(store.revision, 5n);
    },
  ],

  [
    "a thousand concurrent writers each get a revision of their own",
    async (store) => {
      const entries = await Promise.all(
        Array.from({ length: 1000 }, (_, writer) => store.create(`/w/${writer}`, bytes("x"))),
      );
      assert.equal(new Set(entries.map((entry) => entry.modRevision)).size, 1000);
      assert.equal(store.revision, 1001n);
      assert.equal((await store.count("/w/")).count, 1000);
    },
  ],

  [
    "values come back byte for byte, empty and large ones too",
    async (store) => {
      const values = [Buffer.alloc(0), Buffer.from([0, 255, 0, 1]), Buffer.alloc(1_500_000, 7)];
      for (const [at, value] of values.entries()) {
        await store.create(`/v/${at}`, value);
        const { entry } = await store.get(`/v/${at}`);
        assert.deepEqual(entry?.value, value);
      }
    },
  ],

  [
    "a key that is empty or no Unicode is refused",
    async (store) => {
      await assert.rejects(store.create("", bytes("1")));
      await assert.rejects(store.create("/a\ud800", bytes("1")));
      assert.equal(store.revision, 1n);
    },
  ],
];

/** What only a store with a single writer, this process, promises. */
export const singleWriterCases: readonly Case[] = [
  [
    "writes of different keys, too, are made in the order of the calls",
    async (store) => {
      const results = await Promise.all([
        store.create("/a", bytes("1")),
        store.create("/b", bytes("2")),
        store.update("/a", bytes("3"), 2n),
        store.create("/c", bytes("4")),
        store.update("/b", bytes("5"), 3n),
      ]);
      assert.deepEqual(results.map(shown), [
        "/a=1@2/2/1",
        "/b=2@3/3/1",
        "/a=3@4/2/2",
        "/c=4@5/5/1",
        "/b=5@6/3/2",
      ]);
      assert.equal(store.revision, 6n);
    },
  ],

  [
    "reads hand out the entry that was written, not a copy",
    async (store) => {
      const entry = await store.create("/a", bytes("x"));
      assert.equal((await store.get("/a")).entry, entry);
    },
  ],
];

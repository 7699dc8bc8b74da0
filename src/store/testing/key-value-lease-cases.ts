/** Leases and watches of ranges. */
import assert from "node:assert/strict";
import { type KeyRange, prefixRange, singleKey } from "../key-range.ts";
import {
  type KeyEvent,
  type KeyEventBatch,
  type KeyValueStore,
  LeaseExistsError,
  LeaseNotFoundError,
} from "../kv.ts";
import { CompactedError, type Revision } from "../store.ts";
import { bytes } from "./cases.ts";
import { type KeyValueCase, put, revisionNow, shownFrom } from "./key-value-cases.ts";

export const leaseCases: readonly KeyValueCase[] = [
  [
    "a lease holds keys until they are written without it",
    async (store) => {
      const base = await revisionNow(store);
      await store.grantLease(7n, 100n);
      await assert.rejects(store.grantLease(7n, 100n), LeaseExistsError);
      await store.put({ key: "a", value: bytes("1"), lease: 7n });
      await store.put({ key: "b", value: bytes("1"), lease: 7n });
      await store.put({ key: "c", value: bytes("1"), lease: 7n });
      await store.put({ key: "b", value: bytes("2") });
      await store.put({ key: "c", value: bytes("2"), keepsLease: true });
      await store.delete({ range: singleKey("a") });
      const found = await store.lease(7n);
      assert.deepEqual([found?.grantedSeconds, found?.keys.toSorted()], [100n, ["c"]]);
      const { entries } = await store.range({ range: { start: "\0", end: undefined } });
      assert.deepEqual(
        entries.map((entry) => shownFrom(base, entry)),
        ["b=2@4/2/2", "c=2@5/3/2 lease 7"],
      );
      await store.revokeLease(7n);
    },
  ],
  [
    "revoking a lease deletes its keys in one revision, in their order",
    async (store) => {
      const base = await revisionNow(store);
      await store.grantLease(8n, 100n);
      for (const key of ["b", "a", "c"]) await store.put({ key, value: bytes(key), lease: 8n });
      await store.put({ key: "d", value: bytes("d") });
      assert.equal((await store.revokeLease(8n)).revision, base + 5n);
      const events = await eventsOf(store, prefixRange(""), base + 5n, base + 5n);
      assert.deepEqual(
        events.map(({ type, key, revision }) => [type, key, revision - base]),
        [
          ["delete", "a", 5n],
          ["delete", "b", 5n],
          ["delete", "c", 5n],
        ],
      );
      await assert.rejects(store.revokeLease(8n), LeaseNotFoundError);
      await assert.rejects(store.put({ key: "x", value: bytes(""), lease: 8n }), LeaseNotFoundError);
      await assert.rejects(store.keepLeaseAlive(8n), LeaseNotFoundError);
      assert.equal(await store.lease(8n), undefined);
    },
  ],
  [
    "a lease without keys goes without a revision; leases are listed",
    async (store) => {
      const base = await revisionNow(store);
      await store.grantLease(21n, 500n);
      await store.grantLease(22n, 100n);
      assert.deepEqual(await store.leases(), [22n, 21n]);
      assert.equal(await store.keepLeaseAlive(21n), 500n);
      assert.equal((await store.revokeLease(21n)).revision, base);
      assert.deepEqual(await store.leases(), [22n]);
      await store.revokeLease(22n);
    },
  ],
];

async function collect(watch: AsyncIterable<KeyEventBatch>, upTo: Revision): Promise<KeyEvent[]> {
  const events: KeyEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch.events);
    if (batch.revision >= upTo) break;
  }
  return events;
}

async function eventsOf(
  store: KeyValueStore,
  range: KeyRange,
  startRevision: Revision,
  upTo: Revision,
): Promise<KeyEvent[]> {
  return collect(store.watch(range, { startRevision, signal: new AbortController().signal }), upTo);
}

const shownEvents = (base: Revision, events: readonly KeyEvent[]): string[] =>
  events.map(
    ({ type, entry, previous, revision }) =>
      `${revision - base} ${type} ${shownFrom(base, entry)} was ${shownFrom(base, previous) ?? "absent"}`,
  );

export const keyWatchCases: readonly KeyValueCase[] = [
  [
    "a watch tells the events of a transaction together, in the order of its operations",
    async (store) => {
      const base = await revisionNow(store);
      const ranges: readonly KeyRange[] = [
        { start: "\0", end: undefined },
        singleKey("b"),
        { start: "b", end: "d" },
        prefixRange("c"),
      ];
      const signal = new AbortController().signal;
      const watches = ranges.map((range) => store.watch(range, { startRevision: base + 1n, signal }));
      await store.put({ key: "b", value: bytes("0") });
      await store.transact({
        compare: [],
        success: [
          put("c", "1"),
          put("a", "2"),
          { kind: "delete", deletion: { range: singleKey("b") } },
          put("d", "3"),
        ],
        failure: [],
      });
      const c = "2 put c=1@2/2/1 was absent";
      const b1 = "1 put b=0@1/1/1 was absent";
      const b2 = "2 delete b=0@1/1/1 was b=0@1/1/1";
      const seen = await Promise.all(watches.slice(0, 3).map((watch) => collect(watch, base + 2n)));
      assert.deepEqual(
        seen.map((events) => shownEvents(base, events)),
        [
          [b1, c, "2 put a=2@2/2/1 was absent", b2, "2 put d=3@2/2/1 was absent"],
          [b1, b2],
          [b1, c, b2],
        ],
      );
      assert.deepEqual(
        shownEvents(base, await eventsOf(store, { start: "b", end: "d" }, base + 1n, base + 2n)),
        [b1, c, b2],
      );
    },
  ],
  [
    "a watch of hundreds of writes in one revision gets them all",
    async (store) => {
      const base = await revisionNow(store);
      const keys = Array.from({ length: 1200 }, (_, at) => `k${at.toString().padStart(4, "0")}`);
      for (let at = 0; at < keys.length; at += 100) {
        const success = keys.slice(at, at + 100).map((key) => put(key, "x"));
        await store.transact({ compare: [], success, failure: [] });
      }
      await store.delete({ range: prefixRange("k") });
      const events = await eventsOf(store, prefixRange("k"), base + 1n, base + 13n);
      assert.deepEqual(
        events.map(({ key }) => key),
        [...keys, ...keys],
      );
      assert.deepEqual(new Set(events.slice(1200).map(({ revision }) => revision - base)), new Set([13n]));
      const past = await store.range({ range: prefixRange("k"), revision: base + 12n });
      assert.equal(past.entries.length, 1200);
      assert.equal(past.entries[1199]?.modRevision, base + 12n);
    },
  ],
  [
    "a watch from a compacted revision is refused",
    async (store) => {
      const base = await revisionNow(store);
      for (const value of "123") await store.put({ key: "a", value: bytes(value) });
      await store.compact(base + 3n);
      await assert.rejects(eventsOf(store, singleKey("a"), base + 2n, base + 3n), CompactedError);
      assert.equal((await eventsOf(store, singleKey("a"), base + 3n, base + 3n)).length, 1);
    },
  ],
];

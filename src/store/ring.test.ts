import assert from "node:assert/strict";
import { test } from "node:test";
import { everyKey, singleKey } from "./key-range.ts";
import type { KeyEvent, KeyValue } from "./kv.ts";
import { EventRing } from "./ring.ts";

function event(revision: bigint, key: string, size = 1): KeyEvent {
  const entry = {
    key,
    value: Buffer.alloc(size),
    createRevision: revision,
    modRevision: revision,
    version: 1n,
    lease: 0n,
    operation: 0,
  };
  return { type: "put", key, revision, operation: 0, entry, previous: undefined };
}

function filled(options: { eventsMax: number; bytesMax: number }, count: number, size = 1): EventRing {
  const ring = new EventRing(options, 2n);
  for (let at = 0; at < count; at++) ring.push(event(BigInt(at + 2), at % 2 === 0 ? "/a" : "/b", size));
  return ring;
}

function putOf(entry: KeyValue, previous: KeyValue | undefined): KeyEvent {
  const { key, modRevision, operation } = entry;
  return { type: "put", key, revision: modRevision, operation, entry, previous };
}

const large = Number.POSITIVE_INFINITY;

test("ring: the oldest events go when there are too many, or too many bytes", () => {
  assert.equal(filled({ eventsMax: 10, bytesMax: large }, 10).first, 2n);
  assert.equal(filled({ eventsMax: 10, bytesMax: large }, 1000).first, 992n);
  assert.equal(filled({ eventsMax: large, bytesMax: 1000 }, 50, 100).first, 42n);
  const ring = filled({ eventsMax: large, bytesMax: 1000 }, 3, 2000);
  assert.equal(ring.first, 5n);
  assert.deepEqual(ring.scan(everyKey, 5n, 10), { revision: 4n, events: [] });
});

test("ring: a scan gives the prefix's events from a revision on and says how far it came", () => {
  const ring = filled({ eventsMax: 10, bytesMax: large }, 100);
  const { revision, events } = ring.scan(singleKey("/a"), 95n, 100);
  assert.equal(revision, 101n);
  assert.deepEqual(
    events.map((found) => found.revision),
    [96n, 98n, 100n],
  );
  assert.equal(ring.scan(singleKey("/a"), 95n, 3).revision, 97n);
  assert.throws(() => ring.scan(everyKey, 91n, 10), /begins at 92/);
});

test("ring: events of one revision stay together", () => {
  const ring = new EventRing({ eventsMax: 3, bytesMax: large }, 2n);
  for (const revision of [2n, 2n, 2n, 3n]) ring.push(event(revision, "/a"));
  assert.equal(ring.first, 3n);
  for (const revision of [4n, 4n]) ring.push(event(revision, "/a"));
  const { revision, events } = ring.scan(everyKey, 3n, 2);
  assert.deepEqual([revision, events.length], [4n, 3]);
});

test("ring: dropping up to a revision", () => {
  const ring = filled({ eventsMax: large, bytesMax: large }, 300);
  ring.dropBefore(200n);
  assert.equal(ring.first, 200n);
  assert.equal(ring.scan(everyKey, 200n, 1000).events.length, 102);
  ring.dropBefore(150n);
  assert.equal(ring.first, 200n);
  ring.dropBefore(400n);
  assert.deepEqual(ring.scan(everyKey, 400n, 10), { revision: 399n, events: [] });
});

test("ring: a put that its entry doesn't tell all of, and a delete, come back as they were pushed, like all others", () => {
  const plain = event(2n, "/a");
  const pushed: KeyEvent[] = [
    plain,
    { ...event(3n, "/a"), previous: plain.entry },
    { ...event(4n, "/a"), author: "somebody" },
    { ...event(5n, "/b"), entry: { ...event(5n, "/b").entry, key: "/text" } },
    { ...event(6n, "/a"), type: "delete", previous: plain.entry, entry: plain.entry },
    event(7n, "/c"),
  ];
  const ring = new EventRing({ eventsMax: 10, bytesMax: large }, 2n, putOf);
  for (const one of pushed) ring.push(one);
  assert.deepEqual(ring.scan(everyKey, 2n, 10), { revision: 7n, events: pushed });
  assert.deepEqual(ring.scan(singleKey("/b"), 2n, 10).events, [pushed[3]]);
  ring.dropBefore(6n);
  assert.deepEqual(ring.scan(everyKey, 6n, 10), { revision: 7n, events: pushed.slice(4) });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, toRfc3339 } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { EventExpiry, type Events } from "./event-expiry.ts";
import type { CacheEvent } from "./resource-cache.ts";
import type { StoredObject } from "./stored-object.ts";

const minuteMs = 60_000;

test("events go when nobody has written them for as long as they last; what was there is as old as it says", async () => {
  const clock = new ManualClock();
  const stored = (name: string, revision: bigint): StoredObject =>
    ({
      namespace: "default",
      name,
      revision,
      object: { metadata: { name, creationTimestamp: toRfc3339(clock.now() - minuteMs) } },
    }) as unknown as StoredObject;
  const gone: string[] = [];
  const listeners: ((event: CacheEvent) => void)[] = [];
  const tell = (name: string, revision: bigint): void => {
    const event = { current: stored(name, revision), previous: undefined } as CacheEvent;
    for (const listener of listeners) listener(event);
  };
  const events: Events = {
    cache: {
      objects: () => [stored("old", 1n)].values(),
      listen: (listener) => {
        listeners.push((event) => {
          listener.onEvent(event);
        });
        return () => undefined;
      },
    },
    discard: ({ name }) => {
      gone.push(name);
      return Promise.resolve();
    },
  };
  const expiry = new EventExpiry({ ttlMs: 10 * minuteMs }, events, { clock, log: silentLogger });
  const stop = expiry.start();
  tell("series", 2n);
  await clock.advance(8 * minuteMs);
  tell("series", 3n);
  await clock.advance(2 * minuteMs);
  assert.deepEqual(gone, ["old"]);
  await clock.advance(9 * minuteMs);
  assert.deepEqual(gone, ["old", "series"]);
  stop();
  assert.equal(clock.waiting, 0);
});

const saying = (name: string, revision: bigint, lastTimestamp: string): StoredObject =>
  ({
    namespace: "default",
    name,
    revision,
    object: { metadata: { name }, lastTimestamp },
  }) as unknown as StoredObject;

test("no event keeps others by what it says, and one that couldn't be removed is tried again", async () => {
  const clock = new ManualClock();
  const old = toRfc3339(clock.now() - minuteMs);
  const tried: string[] = [];
  let isAway = true;
  const events: Events = {
    cache: {
      objects: () => [saying("future", 1n, "9999-01-01T00:00:00Z"), saying("old", 2n, old)].values(),
      listen: () => () => undefined,
    },
    discard: ({ name }) => {
      tried.push(name);
      return isAway ? Promise.reject(new Error("away")) : Promise.resolve();
    },
  };
  const expiry = new EventExpiry({ ttlMs: 10 * minuteMs }, events, { clock, log: silentLogger });
  const stop = expiry.start();
  await clock.advance(9.5 * minuteMs);
  assert.deepEqual(tried, ["old"]);
  isAway = false;
  await clock.advance(minuteMs);
  assert.deepEqual(tried, ["old", "future"]);
  await clock.advance(10 * minuteMs);
  assert.deepEqual(tried, ["old", "future", "old"]);
  stop();
  assert.equal(clock.waiting, 0);
});

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

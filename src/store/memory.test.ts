import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "./memory.ts";
import { keyValueSuite } from "./testing/key-value.suite.ts";
import { storeSuite } from "./testing/store.suite.ts";

const deps = { clock: new ManualClock(), log: silentLogger };

storeSuite("memory store", () =>
  Promise.resolve({ store: openMemoryStore(deps), dispose: () => Promise.resolve() }),
);

keyValueSuite("memory store as key values", () => {
  const store = openMemoryStore(deps);
  return Promise.resolve({ store: store.keyValues, dispose: () => store.close() });
});

test("everything settles without I/O, so that tests on a manual clock can count on it", async () => {
  const store = openMemoryStore(deps);
  let isDone = false;
  void (async (): Promise<void> => {
    for (let at = 0; at < 100; at++) await store.create(`/a/${at}`, Buffer.from("x"));
    await store.compact(50n);
    isDone = true;
  })();
  await settle();
  assert.equal(isDone, true);
  assert.equal(await store.size(), 0);
});

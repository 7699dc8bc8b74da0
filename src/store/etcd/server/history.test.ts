/** What a snapshot and a hash hold of a history that is compacted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "../../memory.ts";
import { historyRows } from "./history.ts";

test("of compacted revisions a snapshot has all that can still be read, a hash only what is present", async () => {
  const opened = openMemoryStore({ clock: systemClock, log: silentLogger });
  const store = opened.keyValues;
  const value = Buffer.from("x");
  await store.put({ key: "a", value, lease: 0n }); // 2
  await store.put({ key: "b", value, lease: 0n }); // 3
  await store.compact(3n);
  await store.put({ key: "a", value, lease: 0n }); // 4
  assert.deepEqual(await revisionsOf(), [2n, 3n, 4n]);
  assert.deepEqual(await revisionsOf({ only: "present" }), [3n, 4n]);
  await store.delete({ range: { start: "a", end: undefined } }); // 5
  // As upstream: a hash of a revision without keys leaves out nothing that is in the file.
  assert.deepEqual(await revisionsOf({ only: "present" }), [2n, 3n, 4n, 5n, 5n]);
  await opened.close();

  async function revisionsOf(options?: { only: "present" }): Promise<bigint[]> {
    const revisions = [];
    for await (const { key } of historyRows(store, store.revision, options)) {
      revisions.push(key.readBigInt64BE(0));
    }
    return revisions;
  }
});

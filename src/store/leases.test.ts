/** Time in the life of a lease. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { singleKey } from "./key-range.ts";
import { LeaseNotFoundError } from "./kv.ts";
import { openMemoryStore } from "./memory.ts";
import type { MvccStore } from "./mvcc-store.ts";
import { openSqliteStore } from "./sqlite/store.ts";

const folder = await mkdtemp(join(tmpdir(), "mini-k8s-leases-"));
after(() => rm(folder, { recursive: true }));

const value = Buffer.from("x");

async function remaining(store: MvccStore, id: bigint): Promise<number | undefined> {
  return (await store.keyValues.lease(id))?.remainingMs;
}

test("a lease ends when its time is over, and takes its keys along", async () => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  const { keyValues } = store;
  await keyValues.grantLease(1n, 10n);
  await keyValues.grantLease(2n, 20n);
  await keyValues.put({ key: "a", value, lease: 1n });
  await keyValues.put({ key: "b", value, lease: 2n });
  await clock.advance(9_999);
  assert.equal((await keyValues.range({ range: singleKey("a") })).count, 1);
  await clock.advance(1);
  assert.equal((await keyValues.range({ range: singleKey("a") })).count, 0);
  assert.deepEqual(await keyValues.leases(), [2n]);
  await assert.rejects(keyValues.keepLeaseAlive(1n), LeaseNotFoundError);
  await store.close();
});

test("a lease that is kept alive goes on, and ends when nobody does any more", async () => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  await store.keyValues.grantLease(1n, 10n);
  for (let at = 0; at < 5; at++) {
    await clock.advance(8_000);
    assert.equal(await store.keyValues.keepLeaseAlive(1n), 10n);
  }
  assert.equal(await remaining(store, 1n), 10_000);
  await clock.advance(10_000);
  assert.deepEqual(await store.keyValues.leases(), []);
  await store.close();
});

test("a thousand leases wait on two timers: for the first to end, and for the next note", async () => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  const before = clock.waiting;
  await Promise.all(
    Array.from({ length: 1000 }, (_, at) => store.keyValues.grantLease(BigInt(at + 1), BigInt(1000 - at))),
  );
  assert.equal(clock.waiting - before, 2);
  await clock.advance(500_000);
  assert.equal((await store.keyValues.leases()).length, 500);
  await store.close();
});

/** Wall and monotonic time apart, as after somebody has set the clock. */
class SetClock extends ManualClock {
  offsetMs = 0;
  override now(): number {
    return super.now() + this.offsetMs;
  }
}

test("setting the wall clock ends no lease, while running and over a restart", async () => {
  const clock = new SetClock();
  const path = join(folder, "clock.db");
  const open = (): Promise<MvccStore> => openSqliteStore({ path }, { clock, log: silentLogger });
  const store = await open();
  await store.keyValues.grantLease(1n, 100n);
  clock.offsetMs = 86_400_000;
  await clock.advance(30_000);
  assert.equal(await remaining(store, 1n), 70_000);
  await store.close();
  clock.offsetMs = -86_400_000;
  await clock.advance(3_600_000);
  const again = await open();
  assert.equal(await remaining(again, 1n), 70_000);
  await again.close();
});

test("a lease survives with its keys, and what it has left is noted every five minutes", async () => {
  const path = join(folder, "survives.db");
  const copy = join(folder, "copy.db");
  const clock = new ManualClock();
  const open = (at: string): Promise<MvccStore> =>
    openSqliteStore({ path: at }, { clock, log: silentLogger });
  const store = await open(path);
  await store.keyValues.grantLease(-5n, 3600n);
  await store.keyValues.put({ key: "a", value, lease: -5n });
  await clock.advance(400_000);
  // Goes through the pipeline after the note.
  await store.keyValues.put({ key: "b", value });
  // What a crash would leave.
  await copyAsCrash(path, copy);
  await store.close();
  const crashed = await open(copy);
  assert.equal(await remaining(crashed, -5n), 3_300_000);
  assert.deepEqual((await crashed.keyValues.lease(-5n))?.keys, ["a"]);
  // Kept alive, it has all of its time again, and a crash doesn't take that back.
  assert.equal(await crashed.keyValues.keepLeaseAlive(-5n), 3600n);
  const second = join(folder, "second.db");
  await copyAsCrash(copy, second);
  await crashed.close();
  const revived = await open(second);
  assert.equal(await remaining(revived, -5n), 3_600_000);
  await revived.keyValues.revokeLease(-5n);
  await revived.close();
  const last = await open(second);
  assert.deepEqual(await last.keyValues.leases(), []);
  assert.equal((await last.keyValues.range({ range: singleKey("a") })).count, 0);
  await last.close();
});

async function copyAsCrash(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await copyFile(`${from}-wal`, `${to}-wal`);
}

test("a store that closes lets its process end", async () => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  await store.keyValues.grantLease(1n, 10n);
  await store.close();
  assert.equal(clock.waiting, 0);
});

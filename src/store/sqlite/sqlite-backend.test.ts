/** Commits sent one behind the other, and between them a sweep, to the real worker and file. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { silentLogger } from "#base/log.ts";
import { SortedMap } from "#base/sorted-map.ts";
import { everyKey } from "../key-range.ts";
import { MvccLog } from "../log.ts";
import { StoreFullError } from "../store.ts";
import { SqliteBackend } from "./sqlite-backend.ts";
import { WorkerClient } from "./worker-client.ts";

test("a commit behind one that fails is refused, though there would be room for it; the next one is made", async () => {
  const { backend, mvcc, folder } = await begin(2 ** 20);
  const first = mvcc.create("/a", Buffer.from("1"));
  await backend.commit({ events: [first], notes: [] });
  const tooLarge = mvcc.create("/b", Buffer.alloc(2 ** 20));
  const onTopOfIt = mvcc.create("/c", Buffer.from("1"));
  const outcomes = await Promise.allSettled([
    backend.commit({ events: [tooLarge], notes: [] }),
    backend.commit({ events: [onTopOfIt], notes: [] }),
  ]);
  const reasons = outcomes.map((outcome) =>
    outcome.status === "rejected" ? String(outcome.reason) : "made",
  );
  assert.ok(outcomes[0].status === "rejected" && outcomes[0].reason instanceof StoreFullError);
  assert.match(reasons[1] ?? "", /a write before it, on which it rests, has failed/);
  mvcc.commit([first]);
  mvcc.rollback();
  const next = mvcc.create("/d", Buffer.from("1"));
  assert.equal(next.revision, tooLarge.revision);
  await backend.commit({ events: [next], notes: [] });
  const { events } = await backend.readEvents(everyKey, 1n, 10n);
  assert.deepEqual(
    events.map(({ key, revision }) => `${key}@${revision}`),
    ["/a@2", "/d@3"],
  );
  await backend.close();
  await rm(folder, { recursive: true });
});

test("a slice of a sweep lets writes go first, three at the most, and each gets its own answer", async () => {
  const { backend, mvcc, folder } = await begin();
  const order: string[] = [];
  const write = async (number: number): Promise<void> => {
    const event = mvcc.create(`/${number}`, Buffer.alloc(100_000));
    await backend.commit({ events: [event], notes: [] });
    order.push(`write ${number}`);
  };
  const sweep = async (): Promise<void> => {
    assert.equal(await backend.sweep(), false);
    order.push("sweep");
  };
  const numbers = Array.from({ length: 20 }, (_, number) => number);
  await Promise.all([write(0), sweep(), ...numbers.slice(1).map(write)]);
  const writes = order.filter((what) => what !== "sweep");
  assert.deepEqual(
    writes,
    numbers.map((number) => `write ${number}`),
  );
  const at = order.indexOf("sweep");
  // The first may have been made before the sweep was asked for.
  assert.ok(at >= 0 && at <= 4, order.join(", "));
  await backend.close();
  await rm(folder, { recursive: true });
});

async function begin(
  quotaBytes?: number,
): Promise<{ backend: SqliteBackend; mvcc: MvccLog; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mini-k8s-backend-"));
  const path = join(folder, "state.db");
  const client = new WorkerClient(new Worker(new URL("./worker.ts", import.meta.url)), path, silentLogger);
  await client.call({ kind: "open", options: { path, quotaBytes } });
  const mvcc = new MvccLog(
    { revision: 1n, compactRevision: 0n, current: new SortedMap(), ringFirst: 1n },
    { eventsMax: 10, bytesMax: 1 },
  );
  return { backend: new SqliteBackend(client, path), mvcc, folder };
}

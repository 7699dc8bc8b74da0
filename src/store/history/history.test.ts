/** Compaction by age and by one server only; which revision belongs to which time. On a clock that is moved by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { openMemoryStore } from "../memory.ts";
import {
  CompactedError,
  type EventBatch,
  type Store,
  StoreUnreachableError,
  type WatchOptions,
} from "../store.ts";
import { Compaction } from "./compaction.ts";
import { Timeline } from "./timeline.ts";

const minute = 60_000;

interface Bench extends AsyncDisposable {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly signal: AbortSignal;
}

function bench(): Bench {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock, log: silentLogger });
  const stop = new AbortController();
  return {
    store,
    clock,
    signal: stop.signal,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await store.close();
    },
  };
}

async function write(store: Store, count: number): Promise<void> {
  for (let at = 0; at < count; at++) await store.create(`/w/${store.revision}`, Buffer.from("x"));
}

test("every interval everything older than one interval is compacted", async () => {
  await using each = bench();
  const { store, clock, signal } = each;
  void new Compaction({ intervalMs: 5 * minute, keepMs: 0 }, { store, clock, log: silentLogger }).run(signal);
  const seen: bigint[] = [];
  for (let turn = 0; turn < 4; turn++) {
    await write(store, 10);
    await clock.advance(5 * minute);
    await clock.advance(0);
    seen.push(store.compactRevision);
  }
  // The state at the start; then what was there at each turn before, the key's own write included.
  assert.deepEqual(seen, [1n, 12n, 23n, 34n]);
});

test("with a history nothing younger is compacted", async () => {
  await using each = bench();
  const { store, clock, signal } = each;
  void new Compaction(
    { intervalMs: 5 * minute, keepMs: 60 * minute },
    { store, clock, log: silentLogger },
  ).run(signal);
  const revisions: bigint[] = [];
  for (let turn = 0; turn < 24; turn++) {
    await write(store, 1);
    revisions.push(store.revision);
    await clock.advance(5 * minute);
    await clock.advance(0);
  }
  const hourAgo = revisions[24 - 13] ?? 0n;
  assert.ok(store.compactRevision > 2n && store.compactRevision <= hourAgo + 1n, `${store.compactRevision}`);
  await store.list("/w/", { revision: hourAgo + 1n });
});

test("of several servers one compacts; when it is gone another one does", async () => {
  await using each = bench();
  const { store, clock } = each;
  const compactions: number[] = [];
  const serverOf = (number: number): AbortController => {
    const stop = new AbortController();
    const counted = new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name !== "compact") return typeof value === "function" ? (value.bind(target) as unknown) : value;
        return (revision: bigint) => {
          compactions.push(number);
          return target.compact(revision);
        };
      },
    });
    void new Compaction(
      { intervalMs: 5 * minute, keepMs: 0 },
      { store: counted, clock, log: silentLogger },
    ).run(stop.signal);
    return stop;
  };
  const servers = [serverOf(0), serverOf(1), serverOf(2)];
  for (let turn = 0; turn < 6; turn++) {
    await write(store, 5);
    await clock.advance(5 * minute);
    await clock.advance(0);
  }
  const before = compactions.length;
  assert.ok(before <= 6 && before >= 4, `${before} compactions in 6 intervals`);
  const [leader = 0] = compactions.slice(-1);
  servers[leader]?.abort();
  for (let turn = 0; turn < 4; turn++) {
    await write(store, 5);
    await clock.advance(5 * minute);
    await clock.advance(0);
  }
  assert.ok(compactions.length > before);
  assert.ok(!compactions.slice(before).includes(leader));
  for (const server of servers) server.abort();
});

test("a mark comes a second after a write, never for another mark, and goes with the history", async () => {
  await using each = bench();
  const { store, clock, signal } = each;
  const timeline = new Timeline({ store, clock, log: silentLogger });
  void timeline.run(signal);
  // Another server, or this one after a restart, knows the same.
  const other = new Timeline({ store, clock, log: silentLogger });
  void other.run(signal);
  const start = clock.now();
  const pass = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await clock.advance(0);
  };
  await pass(0);
  // The first: what was there at the start.
  await pass(1000);
  for (const count of [3, 0, 2, 1]) {
    await write(store, count);
    await pass(0);
    await pass(1000);
    await pass(500);
  }
  const shown = (): [bigint, number][] =>
    timeline.marks.map(({ revision, time }) => [revision, time - start]);
  assert.deepEqual(shown(), [
    [2n, 1000],
    [6n, 2000],
    [9n, 5000],
    [11n, 6500],
  ]);
  assert.deepEqual(other.marks, timeline.marks);
  await pass(3_600_000);
  assert.equal(store.revision, 11n);
  await store.compact(7n);
  assert.deepEqual(shown().slice(0, 1), [[9n, 5000]]);
});

test("a datastore that is away, and a gap in its events, end nothing: marks go on afterwards", async () => {
  await using each = bench();
  const { store, clock, signal } = each;
  let isAway = false;
  const gap = new AbortController();
  const remote: Store = new Proxy(store, {
    get: (target, name) => {
      if (name === "get" && isAway) {
        return () => Promise.reject(new StoreUnreachableError("etcd", "away"));
      }
      if (name === "watch") {
        return (prefix: string, options: WatchOptions) =>
          interrupted(target.watch(prefix, options), gap.signal);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const timeline = new Timeline({ store: remote, clock, log: silentLogger });
  const running = timeline.run(signal);
  const turn = async (count: number): Promise<void> => {
    await write(store, count);
    await clock.advance(0);
    await clock.advance(1000);
    await clock.advance(0);
  };
  await clock.advance(0);
  await turn(3);
  isAway = true;
  await turn(3);
  isAway = false;
  gap.abort();
  await turn(3);
  await turn(0);
  assert.equal(await Promise.race([running.then(() => "ended"), Promise.resolve("runs")]), "runs");
  assert.deepEqual(
    timeline.marks.map(({ revision }) => revision),
    [5n, 12n],
  );
});

/** The first watch, until the gap; those after it whole. */
function interrupted(batches: AsyncIterable<EventBatch>, gap: AbortSignal): AsyncIterable<EventBatch> {
  return gap.aborted ? batches : untilGap(batches, gap);
}

async function* untilGap(batches: AsyncIterable<EventBatch>, gap: AbortSignal): AsyncIterable<EventBatch> {
  for await (const batch of batches) {
    if (gap.aborted) throw new CompactedError(0n);
    yield batch;
  }
}

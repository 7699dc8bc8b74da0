import assert from "node:assert/strict";
import { test } from "node:test";
import { AssertionError } from "#base/assert.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { DelayingQueue } from "./delaying.ts";
import { WorkQueue } from "./queue.ts";
import { RateLimitedQueue, runWorkers, TokenBucket } from "./rate-limited.ts";

async function take(queue: WorkQueue, count: number): Promise<(string | undefined)[]> {
  const keys: (string | undefined)[] = [];
  for (let i = 0; i < count; i++) keys.push(await queue.get());
  return keys;
}

test("a key waits once and keys come in order", async () => {
  const queue = new WorkQueue();
  for (const key of ["a", "b", "a", "c", "b"]) queue.add(key);
  assert.equal(queue.size, 3);
  assert.deepEqual(await take(queue, 3), ["a", "b", "c"]);
});

test("a key that is worked on comes again after done, not before", async () => {
  const queue = new WorkQueue();
  queue.add("a");
  assert.equal(await queue.get(), "a");
  queue.add("a");
  queue.add("a");
  assert.equal(queue.size, 0);
  queue.done("a");
  assert.equal(queue.size, 1);
  assert.equal(await queue.get(), "a");
  queue.done("a");
  assert.equal(queue.size, 0);
});

test("a waiting worker is handed the next key", async () => {
  const queue = new WorkQueue();
  const first = queue.get();
  const second = queue.get();
  queue.add("a");
  queue.add("b");
  assert.deepEqual(await Promise.all([first, second]), ["a", "b"]);
  assert.equal(queue.processing, 2);
});

test("after shutDown what waits is handed out, then nothing", async () => {
  const queue = new WorkQueue();
  queue.add("a");
  queue.shutDown();
  queue.add("b");
  assert.deepEqual(await take(queue, 2), ["a", undefined]);
});

test("drain resolves when all work is done, also work that was added while it ran", async () => {
  const queue = new WorkQueue();
  queue.add("a");
  await queue.get();
  queue.add("a");
  let isDrained = false;
  const drained = queue.drain().then(() => (isDrained = true));
  queue.done("a");
  await settle();
  assert.equal(isDrained, false);
  assert.equal(await queue.get(), "a");
  queue.done("a");
  await drained;
  assert.ok(isDrained);
});

test("the number of keys is bounded", () => {
  const queue = new WorkQueue(2);
  queue.add("a");
  queue.add("b");
  assert.throws(() => {
    queue.add("c");
  }, AssertionError);
});

test("addAfter adds at the earlier of two times, once", async () => {
  const clock = new ManualClock();
  const queue = new DelayingQueue(clock);
  queue.addAfter("a", 500);
  queue.addAfter("a", 100);
  queue.addAfter("a", 900);
  queue.addAfter("b", 50);
  assert.equal(queue.delayed, 2);
  await clock.advance(50);
  assert.deepEqual(await take(queue, 1), ["b"]);
  await clock.advance(49);
  assert.equal(queue.size, 0);
  await clock.advance(1);
  assert.deepEqual(await take(queue, 1), ["a"]);
  await clock.advance(10_000);
  assert.equal(queue.size, 0);
  assert.equal(clock.waiting, 0, "no timer runs while nothing waits");
});

test("keys put off again and again leave no trace", () => {
  const clock = new ManualClock();
  const queue = new DelayingQueue(clock);
  for (let ms = 100_000; ms > 0; ms -= 10) queue.addAfter("a", ms);
  assert.equal(queue.delayed, 1);
  assert.equal(clock.waiting, 1);
  queue.shutDown();
  assert.equal(clock.waiting, 0);
});

test("a failing key waits 5 ms, then twice as long each time, until it is forgotten", async () => {
  const clock = new ManualClock();
  const queue = new RateLimitedQueue({ name: "test" }, { clock, log: silentLogger });
  for (const ms of [5, 10, 20, 40]) {
    queue.addRateLimited("a");
    await clock.advance(ms - 1);
    assert.equal(queue.size, 0);
    await clock.advance(1);
    assert.equal(await queue.get(), "a");
    queue.done("a");
  }
  assert.equal(queue.failures("a"), 4);
  queue.forget("a");
  queue.addRateLimited("a");
  await clock.advance(5);
  assert.equal(queue.size, 1);
});

test("no key waits longer than 1,000 s", async () => {
  const clock = new ManualClock();
  const queue = new RateLimitedQueue({ name: "test" }, { clock, log: silentLogger });
  for (let i = 0; i < 40; i++) queue.addRateLimited("a");
  queue.forget("a");
  for (let i = 0; i < 30; i++) queue.addRateLimited("b");
  queue.add("b");
  await queue.get();
  queue.done("b");
  await clock.advance(1_000_000);
  assert.equal(queue.delayed, 0);
});

test("a bucket gives its burst at once and then its rate", async () => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ burst: 2, perSecond: 10 }, clock);
  assert.deepEqual([bucket.reserve(), bucket.reserve()], [0, 0]);
  assert.equal(Math.round(bucket.reserve()), 100);
  assert.equal(Math.round(bucket.reserve()), 200);
  await clock.advance(300);
  assert.equal(bucket.tryTake(), true);
  assert.equal(bucket.tryTake(), false);
});

test("runWorkers retries what fails, forgets what passes, and stops with the signal", async () => {
  const clock = new ManualClock();
  const queue = new RateLimitedQueue({ name: "test" }, { clock, log: silentLogger });
  const stop = new AbortController();
  const calls: string[] = [];
  const running = runWorkers(
    queue,
    2,
    (key) => {
      calls.push(key);
      return calls.filter((one) => one === key).length < 3 && key === "bad"
        ? Promise.reject(new Error("not yet"))
        : Promise.resolve();
    },
    stop.signal,
  );
  queue.add("bad");
  queue.add("good");
  await settle();
  assert.deepEqual(calls, ["bad", "good"]);
  await clock.advance(5);
  await clock.advance(10);
  assert.deepEqual(calls, ["bad", "good", "bad", "bad"]);
  assert.equal(queue.failures("bad"), 0);
  queue.addAfter("late", 1000);
  stop.abort();
  await running;
  assert.equal(clock.waiting, 0);
});

test("runWorkers waits for the sync that runs when the signal aborts and starts no other", async () => {
  const clock = new ManualClock();
  const queue = new RateLimitedQueue({ name: "test" }, { clock, log: silentLogger });
  const stop = new AbortController();
  const gate = Promise.withResolvers<void>();
  const calls: string[] = [];
  const running = runWorkers(
    queue,
    1,
    async (key) => {
      calls.push(key);
      await gate.promise;
    },
    stop.signal,
  );
  queue.add("a");
  queue.add("b");
  await settle();
  stop.abort();
  let hasEnded = false;
  const ended = running.then(() => (hasEnded = true));
  await settle();
  assert.equal(hasEnded, false);
  gate.resolve();
  await ended;
  assert.deepEqual(calls, ["a"]);
});

test("a broken promise of our own ends the workers", async () => {
  const queue = new RateLimitedQueue({ name: "test" }, { clock: new ManualClock(), log: silentLogger });
  queue.add("a");
  const running = runWorkers(
    queue,
    3,
    () => Promise.reject(new AssertionError("broken")),
    new AbortController().signal,
  );
  await assert.rejects(running, AssertionError);
});

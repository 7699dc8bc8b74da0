import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./clock.ts";
import { Heap } from "./heap.ts";
import { SeededRandom } from "./random.ts";
import { Subscription, SubscriptionOverflowError } from "./subscription.ts";

async function read<T>(subscription: Subscription<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of subscription) items.push(item);
  return items;
}

test("items arrive in order, before and after the reader came", async () => {
  const subscription = new Subscription<number>({ max: 10 });
  subscription.push(1);
  const reading = read(subscription);
  await settle();
  subscription.push(2);
  subscription.push(3);
  subscription.close();
  assert.deepEqual(await reading, [1, 2, 3]);
  assert.equal(subscription.push(4), false);
});

test("a reader that falls behind gets an error instead of a gap", async () => {
  const subscription = new Subscription<number>({ max: 2 });
  assert.deepEqual(
    [1, 2, 3].map((item) => subscription.push(item)),
    [true, true, false],
  );
  await assert.rejects(read(subscription), SubscriptionOverflowError);
});

test("a failure comes after what was queued", async () => {
  const subscription = new Subscription<number>({ max: 10 });
  subscription.push(1);
  subscription.fail(new Error("compacted"));
  assert.deepEqual(await subscription.next(), { value: 1, done: false });
  await assert.rejects(subscription.next(), /compacted/);
});

test("breaking out and aborting both cancel, once", async () => {
  let cancelled = 0;
  const stop = new AbortController();
  const options = {
    max: 10,
    signal: stop.signal,
    onCancel: () => {
      cancelled += 1;
    },
  };
  const broken = new Subscription<number>(options);
  broken.push(1);
  for await (const _ of broken) break;
  const waiting = read(new Subscription<number>(options));
  stop.abort();
  assert.deepEqual(await waiting, []);
  assert.equal(cancelled, 2);
});

test("a heap gives back what it got, smallest first", () => {
  const random = new SeededRandom(7);
  const numbers = Array.from({ length: 500 }, () => Math.floor(random.next() * 100));
  const heap = new Heap<number>((a, b) => a < b);
  for (const number of numbers) heap.push(number);
  const out = numbers.map(() => heap.pop());
  assert.deepEqual(
    out,
    numbers.toSorted((a, b) => a - b),
  );
  assert.equal(heap.pop(), undefined);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "#base/clock.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { makePod } from "../testing/objects.ts";
import { backoffMs, SchedulingQueue, type QueuedPod } from "./scheduling-queue.ts";

interface World {
  readonly clock: ManualClock;
  readonly queue: SchedulingQueue;
}

const world = (): World => {
  const clock = new ManualClock();
  return {
    clock,
    queue: new SchedulingQueue({ clock, mayHelp: ({ rejectedBy }, { kind }) => rejectedBy.has(kind) }),
  };
};

const pod = (name: string, priority = 0): Pod => makePod(name, {}, { priority });
const freed = { kind: "pod freed resources", pod: pod("gone") } as const;
const rejected = new Set(["pod freed resources"]);

async function pop(queue: SchedulingQueue): Promise<QueuedPod> {
  const queued = await queue.pop();
  assert.ok(queued !== undefined);
  return queued;
}

const nameOf = ({ info }: QueuedPod): string => info.key;

test("by priority, then in order of arrival", async () => {
  const { queue, clock } = world();
  for (const [name, priority] of [
    ["a", 0],
    ["b", 10],
    ["c", 0],
    ["d", 10],
  ] as const) {
    queue.set(pod(name, priority));
    await clock.advance(1);
  }
  const names: string[] = [];
  for (let i = 0; i < 4; i++) names.push(nameOf(await pop(queue)));
  assert.deepEqual(names, ["ns/b", "ns/d", "ns/a", "ns/c"]);
});

test("a pod that is deleted, or bound, comes no more", async () => {
  const { queue } = world();
  queue.set(pod("a"));
  queue.set(pod("b"));
  queue.delete("uid-a");
  assert.equal(nameOf(await pop(queue)), "ns/b");
  assert.equal(queue.size, 1);
});

test("a waiting scheduler gets the next pod at once; close lets it go", async () => {
  const { queue } = world();
  const next = queue.pop();
  queue.set(pod("a"));
  assert.equal(nameOf((await next) as QueuedPod), "ns/a");
  const last = queue.pop();
  queue.close();
  assert.equal(await last, undefined);
  assert.equal(await queue.pop(), undefined);
});

test("a rejected pod waits for an event that helps, then for its back-off", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  const queued = await pop(queue);
  assert.equal(queue.retry(queued, rejected), true);
  queue.onEvent({ kind: "pod changed", pod: pod("x"), old: pod("x") });
  await clock.advance(500);
  queue.onEvent(freed);
  let popped: QueuedPod | undefined;
  const next = queue.pop().then((one) => (popped = one));
  await clock.advance(499);
  assert.equal(popped, undefined);
  await clock.advance(1);
  await next;
  assert.equal(popped, queued);
});

test("after the back-off an event brings it at once", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  const queued = await pop(queue);
  queue.retry(queued, rejected);
  await clock.advance(20_000);
  queue.onEvent(freed);
  assert.equal(await pop(queue), queued);
});

test("nobody stays unschedulable for more than five minutes", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  const queued = await pop(queue);
  queue.retry(queued, rejected);
  let popped: QueuedPod | undefined;
  const next = queue.pop().then((one) => (popped = one));
  await clock.advance(299_999);
  assert.equal(popped, undefined);
  await clock.advance(1);
  await next;
  assert.equal(popped, queued);
  assert.equal(clock.waiting, 0);
});

test("the back-off doubles from 1 s to 10 s", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map(backoffMs), [0, 1000, 2000, 4000, 8000, 10_000, 10_000]);
});

test("after an error a pod comes again by itself", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  queue.retry(await pop(queue), new Set());
  await clock.advance(1000);
  queue.retry(await pop(queue), new Set());
  let popped = false;
  const next = queue.pop().then(() => (popped = true));
  await clock.advance(1999);
  assert.equal(popped, false);
  await clock.advance(1);
  await next;
});

test("a gated pod waits until its last gate is gone", async () => {
  const { queue } = world();
  queue.set(makePod("a", {}, { schedulingGates: [{ name: "x" }] }));
  queue.set(pod("b"));
  assert.equal(nameOf(await pop(queue)), "ns/b");
  queue.onEvent(freed);
  const next = queue.pop();
  queue.set(pod("a"));
  assert.equal(nameOf((await next) as QueuedPod), "ns/a");
});

test("a pod that changes while it is unschedulable is asked about; while it is out it is only brought up to date", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  const queued = await pop(queue);
  queue.set(pod("a", 5));
  assert.equal(queued.info.priority, 5);
  queue.retry(queued, new Set(["pod changed"]));
  await clock.advance(20_000);
  queue.set(pod("a"));
  assert.equal(await pop(queue), queued);
});

test("a pod deleted while it is out isn't taken back", async () => {
  const { queue } = world();
  queue.set(pod("a"));
  const queued = await pop(queue);
  queue.delete("uid-a");
  assert.equal(queue.retry(queued, rejected), false);
  assert.equal(queue.size, 0);
});

test("nothing waits for time when everything is deleted", async () => {
  const { queue, clock } = world();
  queue.set(pod("a"));
  queue.retry(await pop(queue), rejected);
  queue.delete("uid-a");
  await clock.advance(300_000);
  assert.equal(clock.waiting, 0);
});

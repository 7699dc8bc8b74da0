import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ManualClock,
  parseTime,
  settle,
  systemClock,
  toRfc3339,
  toRfc3339Micro,
  toRfc3339Nano,
} from "./clock.ts";

test("a manual clock fires alarms in order of their time", async () => {
  const clock = new ManualClock(0);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b@${clock.now()}`));
  clock.after(10, () => {
    seen.push(`a@${clock.now()}`);
    clock.after(5, () => seen.push(`c@${clock.now()}`));
  });
  await clock.advance(30);
  assert.deepEqual(seen, ["a@10", "c@15", "b@20"]);
  assert.equal(clock.waiting, 0);
});

test("a cancelled alarm doesn't fire", async () => {
  const clock = new ManualClock();
  let fired = false;
  clock.after(1, () => {
    fired = true;
  })();
  await clock.advance(10);
  assert.equal(fired, false);
});

for (const [name, clock] of [
  ["manual", new ManualClock()],
  ["system", systemClock],
] as const) {
  test(`${name} clock: an abort ends a sleep with its reason`, async () => {
    const stop = new AbortController();
    const sleep = clock.sleep(60_000, stop.signal);
    const reason = new Error("enough");
    stop.abort(reason);
    await assert.rejects(sleep, reason);
    await assert.rejects(clock.sleep(1, stop.signal), reason);
  });
}

test("a sleep ends when its time has come, not before", async () => {
  const clock = new ManualClock();
  let awake = false;
  void clock.sleep(100, new AbortController().signal).then(() => {
    awake = true;
  });
  await clock.advance(99);
  assert.equal(awake, false);
  await clock.advance(1);
  await settle();
  assert.equal(awake, true);
});

test("times have the API's forms", () => {
  const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  assert.equal(toRfc3339(ms), "2026-01-02T03:04:05Z");
  assert.equal(toRfc3339Micro(ms), "2026-01-02T03:04:05.678000Z");
  assert.equal(toRfc3339Nano(BigInt(ms) * 1_000_000n + 9n), "2026-01-02T03:04:05.678000009Z");
  assert.equal(parseTime("2026-01-02T03:04:05.678Z"), ms);
  assert.equal(parseTime("2026-01-02T04:04:05.678+01:00"), ms);
  assert.ok(Number.isNaN(parseTime("yesterday")));
  assert.ok(Number.isNaN(parseTime("2026-01-02")));
});

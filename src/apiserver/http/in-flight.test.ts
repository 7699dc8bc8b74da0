import assert from "node:assert/strict";
import { test } from "node:test";
import { isStatus } from "#api/meta/status.ts";
import { settle } from "#base/clock.ts";
import { InFlight } from "./in-flight.ts";

test("so many run, so many wait in order, the rest is refused", async () => {
  const limit = new InFlight({ runningMax: 2, waitingMax: 2 });
  const begun: number[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const runs = gates.slice(0, 4).map((gate, at) =>
    limit.run(async () => {
      begun.push(at);
      await gate.promise;
    }),
  );
  await settle();
  assert.deepEqual(begun, [0, 1]);
  await assert.rejects(
    limit.run(() => Promise.resolve()),
    (error) => isStatus(error, "TooManyRequests"),
  );
  gates[1]?.resolve();
  await settle();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const gate of gates) gate.resolve();
  await Promise.all(runs);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  assert.equal(await limit.run(() => Promise.resolve("free again")), "free again");
});

test("a failure frees its place", async () => {
  const limit = new InFlight({ runningMax: 1, waitingMax: 0 });
  await assert.rejects(limit.run(() => Promise.reject(new Error("x"))));
  assert.equal(await limit.run(() => Promise.resolve(1)), 1);
});

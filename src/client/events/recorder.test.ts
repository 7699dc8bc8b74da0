import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Event, Pod } from "#api/generated/types/core-v1.ts";
import { events } from "#api/resources.ts";
import { createFakeClient, type FakeClient } from "../testing/fake-transport.ts";
import { ApiEventRecorder, referenceTo } from "./recorder.ts";

interface World extends FakeClient {
  readonly clock: ManualClock;
  readonly recorder: ApiEventRecorder;
  stored(): Promise<readonly Event[]>;
}

function world(): World {
  const clock = new ManualClock();
  const fake = createFakeClient({ clock });
  const recorder = new ApiEventRecorder(
    { component: "kubelet", host: "n1" },
    { client: fake.client, clock, random: new SeededRandom(1), log: silentLogger },
  );
  const stored = async (): Promise<readonly Event[]> => (await fake.client.resource(events).list()).items;
  return { ...fake, clock, recorder, stored };
}

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "ns", uid: "u1", resourceVersion: "7" },
};

test("an event says what happened, to what, when, and who saw it", async () => {
  const w = world();
  w.recorder.event(
    { ...referenceTo(pod), fieldPath: "spec.containers{app}" },
    "Normal",
    "Started",
    "Started container app",
  );
  await w.recorder.flush();
  const [event] = await w.stored();
  assert.match(event?.metadata?.name ?? "", /^web\.[0-9a-f]+$/);
  assert.deepEqual(
    { ...event, metadata: event?.metadata?.namespace },
    {
      apiVersion: "v1",
      kind: "Event",
      metadata: "ns",
      involvedObject: {
        kind: "Pod",
        namespace: "ns",
        name: "web",
        uid: "u1",
        apiVersion: "v1",
        resourceVersion: "7",
        fieldPath: "spec.containers{app}",
      },
      reason: "Started",
      message: "Started container app",
      source: { component: "kubelet", host: "n1" },
      firstTimestamp: "2026-01-01T00:00:00Z",
      lastTimestamp: "2026-01-01T00:00:00Z",
      count: 1,
      type: "Normal",
      eventTime: undefined,
      reportingComponent: "kubelet",
      reportingInstance: "n1",
    },
  );
});

test("the same event again is counted", async () => {
  const w = world();
  for (let i = 0; i < 3; i++) {
    w.recorder.event(pod, "Warning", "BackOff", "Back-off restarting failed container");
    await w.recorder.flush();
    await w.clock.advance(10_000);
  }
  const [event, ...others] = await w.stored();
  assert.equal(others.length, 0);
  assert.equal(event?.count, 3);
  assert.deepEqual(
    [event.firstTimestamp, event.lastTimestamp],
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:20Z"],
  );
});

test("an event that the server has forgotten is made anew and goes on counting", async () => {
  const w = world();
  w.recorder.event(pod, "Warning", "BackOff", "again");
  await w.recorder.flush();
  const name = (await w.stored())[0]?.metadata?.name ?? "";
  await w.client.resource(events, "ns").delete(name);
  w.recorder.event(pod, "Warning", "BackOff", "again");
  await w.recorder.flush();
  assert.deepEqual(
    (await w.stored()).map((one) => one.count),
    [2],
  );
});

test("many similar events become one", async () => {
  const w = world();
  for (let i = 1; i <= 12; i++) w.recorder.event(pod, "Warning", "Failed", `error ${i}`);
  await w.recorder.flush();
  const stored = await w.stored();
  assert.equal(stored.length, 10);
  const combined = stored.filter(
    (one) => one.message?.startsWith("(combined from similar events): ") === true,
  );
  assert.deepEqual(
    combined.map(({ message, count }) => [message, count]),
    [["(combined from similar events): error 12", 3]],
  );
});

test("an object that talks too much is cut off after 25 events", async () => {
  const w = world();
  for (let i = 0; i < 60; i++) w.recorder.event(pod, "Warning", `Reason${i}`, "x");
  w.recorder.event(
    { ...pod, metadata: { ...pod.metadata, uid: "u2", name: "other" } },
    "Normal",
    "Fine",
    "x",
  );
  await w.recorder.flush();
  assert.equal((await w.stored()).length, 26);
  await w.clock.advance(300_000);
  w.recorder.event(pod, "Warning", "Later", "x");
  await w.recorder.flush();
  assert.equal((await w.stored()).length, 27);
});

test("events wait for a server that is away, in order, and nothing runs afterwards", async () => {
  const w = world();
  const up = w.api.intercept(() => new Error("connection refused"));
  w.recorder.event(pod, "Normal", "First", "x");
  w.recorder.event(pod, "Normal", "Second", "x");
  await settle();
  up();
  await w.clock.advance(20_000);
  assert.deepEqual(
    (await w.stored()).map((one) => one.reason),
    ["First", "Second"],
  );
  assert.equal(w.clock.waiting, 0);
});

test("at 1,000 waiting events new ones are dropped", async () => {
  const w = world();
  for (let i = 0; i < 1500; i++) {
    const one = { ...pod, metadata: { ...pod.metadata, name: `web-${i}`, uid: `u${i}` } };
    w.recorder.event(one, "Normal", "Many", "x");
  }
  await w.recorder.flush();
  assert.equal((await w.stored()).length, 1000);
});

test("an event about a cluster-scoped object lives in default", async () => {
  const w = world();
  w.recorder.event(
    { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } },
    "Normal",
    "NodeReady",
    "ready",
  );
  await w.recorder.flush();
  assert.equal((await w.stored())[0]?.metadata?.namespace, "default");
});

test("a stopped recorder gives up on a server that is away", async () => {
  const w = world();
  w.api.intercept(() => new Error("connection refused"));
  w.recorder.event(pod, "Normal", "First", "x");
  await settle();
  await w.recorder[Symbol.asyncDispose]();
  assert.equal(w.clock.waiting, 0);
});

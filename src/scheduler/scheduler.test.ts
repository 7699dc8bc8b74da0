import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { build } from "#base/component.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import type { Node, Pod, PodCondition } from "#api/generated/types/core-v1.ts";
import { events, nodes, pods } from "#api/resources.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { createFakeClient, type FakeClient } from "#client/testing/fake-transport.ts";
import { scheduler } from "./component.ts";
import { makeNode, makePod, type NodeParts } from "./testing/objects.ts";

interface World extends FakeClient {
  readonly clock: ManualClock;
  readonly ended: Promise<void>;
  readonly stop: AbortController;
  create(pod: Pod): Promise<void>;
  nodeOf(name: string): Promise<string | undefined>;
  condition(name: string): Promise<PodCondition | undefined>;
  eventTexts(): Promise<string[]>;
  addNode(name: string, parts?: NodeParts): Promise<void>;
}

async function world(t: TestContext, objects: readonly (Node | Pod)[] = []): Promise<World> {
  const clock = new ManualClock();
  const fake = createFakeClient({ clock, objects });
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  const random = new SeededRandom(1);
  const log = silentLogger;
  const informers = createInformerFactory({ client: fake.client, clock, random, log, freeze: true });
  const component = build(scheduler, {}, { client: fake.client, informers, clock, random, log });
  informers.start(stop.signal);
  const ready = Promise.withResolvers<void>();
  const ended = component.run(stop.signal, ready.resolve);
  await ready.promise;
  await settle();
  const pod = (name: string): Promise<Pod> => fake.client.resource(pods, "ns").get(name);
  return {
    ...fake,
    clock,
    ended,
    stop,
    create: async (one) => {
      await fake.client.resource(pods, "ns").create(one);
      await settle();
    },
    nodeOf: async (name) => (await pod(name)).spec?.nodeName,
    condition: async (name) =>
      (await pod(name)).status?.conditions?.find(({ type }) => type === "PodScheduled"),
    eventTexts: async () => {
      await settle();
      const { items } = await fake.client.resource(events).list();
      return items.map(({ type = "", reason = "", message = "" }) => `${type} ${reason} ${message}`);
    },
    addNode: async (name, parts) => {
      await fake.client.resource(nodes).create(makeNode(name, parts));
      await settle();
    },
  };
}

test("a waiting pod gets the emptier node, an event says so", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" }), makeNode("n2")]);
  await w.create(makePod("a", { cpu: "500m" }));
  assert.equal(await w.nodeOf("a"), "n2");
  assert.equal((await w.condition("a"))?.status, "True");
  assert.deepEqual(await w.eventTexts(), ["Normal Scheduled Successfully assigned ns/a to n2"]);
});

test("pods that waited before the start are placed, by priority while room is short", async (t) => {
  const waiting = [makePod("low", { cpu: "3" }), makePod("high", { cpu: "3" }, { priority: 100 })];
  const w = await world(t, [...waiting, makeNode("n1")]);
  assert.deepEqual([await w.nodeOf("high"), await w.nodeOf("low")], ["n1", undefined]);
});

test("many pods at once never take more than a node has", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "2" }), makeNode("n2", { cpu: "2" })]);
  await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      w.client.resource(pods, "ns").create(makePod(`p${i}`, { cpu: "500m" })),
    ),
  );
  await settle();
  const { items } = await w.client.resource(pods).list();
  const count = (node: string): number => items.filter(({ spec }) => spec?.nodeName === node).length;
  assert.deepEqual([count("n1"), count("n2")], [4, 4]);
});

const tainted: NodeParts = { taints: [{ key: "key", value: "value", effect: "NoSchedule" }] };
const failures: readonly (readonly [string, readonly Node[], Pod, string])[] = [
  ["no nodes", [], makePod("a"), "no nodes available to schedule pods"],
  [
    "several reasons, counted and sorted",
    [makeNode("n1", { cpu: "1" }), makeNode("n2", tainted)],
    makePod("a", { cpu: "3" }),
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {key: value}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  ],
  [
    "the same reason twice",
    [makeNode("n1"), makeNode("n2")],
    makePod("a", {}, { nodeSelector: { x: "y" } }),
    "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  ],
  [
    "room that others hold",
    [makeNode("n1", { pods: "0" }), makeNode("n2", { isCordoned: true })],
    makePod("a"),
    "0/2 nodes are available: 1 Too many pods, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.",
  ],
  [
    "a pod that preempts nobody",
    [makeNode("n1", { pods: "0" })],
    makePod("a", {}, { preemptionPolicy: "Never" }),
    "0/1 nodes are available: 1 Too many pods. preemption: not eligible due to preemptionPolicy=Never.",
  ],
  [
    "a pod of a daemon set whose node is full",
    [makeNode("n1", { cpu: "1" }), makeNode("n2"), makeNode("n3")],
    makePod(
      "a",
      { cpu: "2" },
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] },
              ],
            },
          },
        },
      },
    ),
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  ],
];
for (const [name, existing, pod, message] of failures) {
  test(`why not: ${name}`, async (t) => {
    const w = await world(t, existing);
    await w.create(pod);
    const { reason, status, message: said } = (await w.condition("a")) ?? {};
    assert.deepEqual([status, reason, said], ["False", "Unschedulable", message]);
    assert.deepEqual(await w.eventTexts(), [`Warning FailedScheduling ${message}`]);
  });
}

test("a pod that fitted nowhere is placed when a node comes", async (t) => {
  const w = await world(t);
  await w.create(makePod("a"));
  await w.clock.advance(30_000);
  await w.addNode("n1");
  assert.equal(await w.nodeOf("a"), "n1");
});

test("a pod that fitted nowhere is placed when another makes room, not before", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  await w.create(makePod("first", { cpu: "1" }));
  await w.create(makePod("second", { cpu: "1" }));
  await w.clock.advance(60_000);
  assert.equal(await w.nodeOf("second"), undefined);
  const patches = w.api.requests.filter(({ method }) => method === "PATCH").length;
  assert.equal(patches, 1, "an unschedulable pod is quiet while nothing happens");
  await w.client.resource(pods, "ns").delete("first");
  await settle();
  assert.equal(await w.nodeOf("second"), "n1");
});

test("a pod that ends makes room too", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  await w.create(makePod("first", { cpu: "1" }));
  await w.create(makePod("second", { cpu: "1" }));
  await w.clock.advance(60_000);
  await w.client
    .resource(pods, "ns")
    .patch("first", "merge", { status: { phase: "Succeeded" } }, { subresource: "status" });
  await settle();
  assert.equal(await w.nodeOf("second"), "n1");
});

test("uncordoning and untainting bring waiting pods; a taint that goes is enough", async (t) => {
  const w = await world(t, [makeNode("n1", { ...tainted, isCordoned: true })]);
  await w.create(makePod("a"));
  await w.clock.advance(60_000);
  await w.client.resource(nodes).patch("n1", "merge", { spec: { unschedulable: null } });
  await w.clock.advance(60_000);
  assert.equal(await w.nodeOf("a"), undefined);
  await w.client.resource(nodes).patch("n1", "merge", { spec: { taints: null } });
  await settle();
  await w.clock.advance(10_000);
  assert.equal(await w.nodeOf("a"), "n1");
});

test("gated pods, pods of other schedulers and deleted pods are left alone", async (t) => {
  const w = await world(t, [makeNode("n1")]);
  await w.create(makePod("gated", {}, { schedulingGates: [{ name: "g" }] }));
  await w.create(makePod("foreign", {}, { schedulerName: "other" }));
  const dying = makePod("dying");
  await w.create({
    ...dying,
    metadata: { ...dying.metadata, finalizers: ["a/b"], deletionTimestamp: "2026-01-01T00:00:00Z" },
  });
  await w.clock.advance(400_000);
  assert.deepEqual(
    [await w.nodeOf("gated"), await w.nodeOf("foreign"), await w.nodeOf("dying")],
    [undefined, undefined, undefined],
  );
  await w.client.resource(pods, "ns").patch("gated", "merge", { spec: { schedulingGates: null } });
  await settle();
  assert.equal(await w.nodeOf("gated"), "n1");
});

test("a binding that fails is tried again; its room is free meanwhile", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  const heal = w.api.intercept((request) =>
    request.path.endsWith("/a/binding") ? new Error("connection refused") : undefined,
  );
  await w.create(makePod("a", { cpu: "1" }));
  const { reason, message } = (await w.condition("a")) ?? {};
  assert.deepEqual([reason, message], ["SchedulerError", "binding rejected: connection refused"]);
  await w.create(makePod("b", { cpu: "1" }));
  assert.equal(await w.nodeOf("b"), "n1");
  heal();
  await w.client.resource(pods, "ns").delete("b");
  await settle();
  await w.clock.advance(10_000);
  assert.equal(await w.nodeOf("a"), "n1");
});

test("a binding that went through although its answer was lost isn't undone", async (t) => {
  const w = await world(t, [makeNode("n1")]);
  let isLost = false;
  w.api.intercept((request) => {
    if (!request.path.endsWith("/binding") || isLost) return undefined;
    isLost = true;
    w.api.request(request).catch(() => undefined);
    return new Error("connection reset");
  });
  await w.create(makePod("a"));
  await w.clock.advance(30_000);
  assert.equal(await w.nodeOf("a"), "n1");
  assert.equal((await w.condition("a"))?.status, "True");
});

test("a pod deleted while it is being bound leaves nothing behind", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  const undo = w.api.intercept((request) => {
    if (!request.path.endsWith("/a/binding")) return undefined;
    undo();
    w.api.store.remove("/pods", "ns/a");
    return undefined;
  });
  await w.create(makePod("a", { cpu: "1" }));
  await w.create(makePod("b", { cpu: "1" }));
  assert.equal(await w.nodeOf("b"), "n1");
});

test("an unchanged reason isn't written twice", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  await w.create(makePod("a", { cpu: "2" }));
  await w.clock.advance(1_000_000);
  assert.equal(
    w.api.requests.filter(({ method, path }) => method === "PATCH" && path.endsWith("/status")).length,
    1,
  );
});

test("it stops with the signal, and nothing is left running", async (t) => {
  const w = await world(t, [makeNode("n1", { cpu: "1" })]);
  await w.create(makePod("a", { cpu: "2" }));
  w.stop.abort();
  await w.ended;
  await settle();
  assert.equal(w.clock.waiting, 0);
  assert.equal(w.api.store.watchers, 0);
});

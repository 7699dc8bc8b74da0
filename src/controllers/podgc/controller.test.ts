import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { nodes, pods } from "#api/resources.ts";
import { ManualClock, settle } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { startWorld } from "../testing/world.ts";
import { podGcController } from "./controller.ts";
import { judge, surplus } from "./plan.ts";

const factories = [podGcController];

async function calm(): Promise<void> {
  for (let i = 0; i < 50; i++) await settle();
}

async function names(client: Client): Promise<string> {
  const { items } = await client.resource(pods, "default").list();
  return items.map(({ metadata }) => metadata?.name ?? "").join(" ");
}

async function add(client: Client, name: string, nodeName?: string): Promise<void> {
  const spec = { nodeName, containers: [{ name: "main", image: "a" }] };
  await client.resource(pods, "default").create({ metadata: { name }, spec });
}

test("pods of a node that is gone are failed and removed, but not before it had time to return", async () => {
  const clock = new ManualClock();
  await using world = await startWorld({
    factories,
    clock,
    prepare: async (client) => {
      for (const name of ["here", "gone", "back"]) {
        await client.resource(nodes).create({ metadata: { name } });
        await add(client, `on-${name}`, name);
      }
    },
  });
  const { client } = world;
  const phases: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { type, object } of client.resource(pods, "default").watch({}, stop.signal)) {
      phases.push(`${type} ${object.metadata?.name ?? ""} ${object.status?.phase ?? ""}`);
    }
  })().catch(() => undefined);
  for (const name of ["gone", "back"]) await client.resource(nodes).delete(name);
  await calm();
  await clock.advance(30_000);
  await calm();
  assert.equal(await names(client), "on-back on-gone on-here");
  await client.resource(nodes).create({ metadata: { name: "back" } });
  await calm();
  await clock.advance(15_000);
  await calm();
  assert.equal(await names(client), "on-back on-here");
  assert.ok(phases.includes("MODIFIED on-gone Failed"), phases.join(", "));
  stop.abort(new Error("seen enough"));
  await watching;
});

test("a pod that is leaving a node out of service goes at once", async () => {
  await using world = await startWorld({
    factories,
    prepare: async (client) => {
      await client.resource(nodes).create({ metadata: { name: "off" } });
      await add(client, "stuck", "off");
    },
  });
  const { client } = world;
  await client.resource(pods, "default").delete("stuck");
  assert.equal(await names(client), "stuck");
  const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute", value: "nodeshutdown" }];
  await client.resource(nodes).patch("off", "merge", { spec: { taints } });
  await world.until("the pod is gone", async () => (await names(client)) === "");
});

const leaving = { deletionTimestamp: "2026-01-01T00:00:00Z" };
const there: Node = { metadata: { name: "n" } };
const cases: readonly [string, Pod, Node | undefined, string][] = [
  ["one that waits for a node stays", { metadata: {}, spec: { containers: [] } }, undefined, "stays"],
  [
    "one deleted before it had a node goes",
    { metadata: leaving, spec: { containers: [] } },
    undefined,
    "never-scheduled",
  ],
  ["one on its node stays", { metadata: leaving, spec: { containers: [], nodeName: "n" } }, there, "stays"],
  [
    "one without its node goes",
    { metadata: {}, spec: { containers: [], nodeName: "n" } },
    undefined,
    "node-gone",
  ],
];
for (const [name, pod, node, verdict] of cases) {
  test(`judge: ${name}`, () => {
    assert.equal(judge(pod, node), verdict);
  });
}

const over = (name: string, creationTimestamp: string, reason?: string): Pod => ({
  metadata: { name, creationTimestamp },
  status: { phase: "Failed", reason },
});

test("of too many pods that are over the evicted go first, then the oldest", () => {
  const list = [
    over("new", "2026-01-03T00:00:00Z"),
    over("old", "2026-01-01T00:00:00Z"),
    over("evicted", "2026-01-04T00:00:00Z", "Evicted"),
    { metadata: { name: "running" }, status: { phase: "Running" } },
  ];
  assert.deepEqual(
    surplus(list, 1).map(({ metadata }) => metadata?.name),
    ["evicted", "old"],
  );
  assert.deepEqual(surplus(list, 3), []);
});

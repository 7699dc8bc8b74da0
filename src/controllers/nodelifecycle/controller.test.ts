import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { leases, namespaces, nodes, pods } from "#api/resources.ts";
import { ManualClock, settle, toRfc3339, toRfc3339Micro } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { taintEvictionController } from "../tainteviction/controller.ts";
import { startWorld, type ControllersWorld } from "../testing/world.ts";
import { nodeLifecycleController } from "./controller.ts";

const factories = [nodeLifecycleController, taintEvictionController];
const tolerate = (tolerationSeconds?: number) => [
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds },
];

async function calm(): Promise<void> {
  for (let i = 0; i < 50; i++) await settle();
}

async function addNode(client: Client, clock: ManualClock, name: string): Promise<void> {
  await client.resource(nodes).create({ metadata: { name } });
  const time = toRfc3339(clock.now());
  const condition = { type: "Ready", status: "True", lastHeartbeatTime: time, lastTransitionTime: time };
  await client
    .resource(nodes)
    .patch(name, "merge", { status: { conditions: [condition] } }, { subresource: "status" });
  await client
    .resource(leases, "kube-node-lease")
    .create({ metadata: { name }, spec: { holderIdentity: name } });
}

async function addPod(
  client: Client,
  name: string,
  tolerations?: ReturnType<typeof tolerate>,
): Promise<void> {
  const spec = { nodeName: "lost", containers: [{ name: "main", image: "a" }], tolerations };
  await client.resource(pods, "default").create({ metadata: { name }, spec });
  const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
  await client.resource(pods, "default").patch(name, "merge", { status }, { subresource: "status" });
}

interface NodesWorld {
  readonly world: ControllersWorld;
  readonly clock: ManualClock;
  /** Both nodes are there; only those named keep renewing their leases. */
  readonly live: (ms: number, ...names: string[]) => Promise<void>;
}

async function nodesWorld(
  prepare: (client: Client) => Promise<void> = () => Promise.resolve(),
): Promise<NodesWorld> {
  const clock = new ManualClock();
  const world = await startWorld({
    factories,
    clock,
    prepare: async (client) => {
      await client.resource(namespaces).create({ metadata: { name: "kube-node-lease" } });
      for (const name of ["fine", "lost"]) await addNode(client, clock, name);
      await prepare(client);
    },
  });
  const live = async (ms: number, ...names: string[]): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      for (const name of names) {
        const spec = { renewTime: toRfc3339Micro(clock.now() + passed) };
        await world.client.resource(leases, "kube-node-lease").patch(name, "merge", { spec });
      }
      await calm();
      await clock.advance(Math.min(10_000, ms - passed));
      await calm();
    }
  };
  return { world, clock, live };
}

const taintsOf = ({ spec }: Node): string =>
  (spec?.taints ?? []).map(({ key, effect }) => `${key.split("/")[1] ?? ""}:${effect}`).join(" ");
const readyOf = (pod: Pod): string | undefined =>
  pod.status?.conditions?.find(({ type }) => type === "Ready")?.status;

test("a silent node is unknown, tainted, and its pods aren't ready; when it speaks again all is taken back", async () => {
  const { world, clock, live } = await nodesWorld((client) => addPod(client, "web", tolerate()));
  await using _ = world;
  const { client } = world;
  await live(40_000, "fine");
  assert.equal(taintsOf(await client.resource(nodes).get("lost")), "");
  await live(20_000, "fine");
  const lost = await client.resource(nodes).get("lost");
  assert.equal(taintsOf(lost), "unreachable:NoSchedule unreachable:NoExecute");
  const [ready] = lost.status?.conditions ?? [];
  assert.deepEqual(
    [ready?.status, ready?.reason, ready?.message],
    ["Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."],
  );
  assert.equal(taintsOf(await client.resource(nodes).get("fine")), "");
  assert.equal(readyOf(await client.resource(pods, "default").get("web")), "False");
  assert.ok(world.events.includes("NodeNotReady Node lost status is now: NodeNotReady"));
  const condition = { ...ready, status: "True", lastHeartbeatTime: toRfc3339(clock.now()) };
  await client
    .resource(nodes)
    .patch("lost", "strategic", { status: { conditions: [condition] } }, { subresource: "status" });
  await live(20_000, "fine", "lost");
  assert.equal(taintsOf(await client.resource(nodes).get("lost")), "");
});

test("pods leave a lost node when they no longer tolerate it", async () => {
  const { world, live } = await nodesWorld(async (client) => {
    await addPod(client, "at-once");
    await addPod(client, "in-a-minute", tolerate(60));
    await addPod(client, "never", tolerate());
  });
  await using _ = world;
  const isLeaving = async (name: string): Promise<boolean> => {
    try {
      return (
        (await world.client.resource(pods, "default").get(name)).metadata?.deletionTimestamp !== undefined
      );
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  };
  await live(60_000, "fine");
  assert.deepEqual([await isLeaving("at-once"), await isLeaving("in-a-minute")], [true, false]);
  assert.ok(world.events.includes("TaintManagerEviction Marking for deletion Pod default/at-once"));
  await live(70_000, "fine");
  assert.deepEqual([await isLeaving("in-a-minute"), await isLeaving("never")], [true, false]);
});

test("when no node is left nothing is evicted", async () => {
  const { world, live } = await nodesWorld((client) => addPod(client, "web"));
  await using _ = world;
  await live(120_000);
  assert.equal(taintsOf(await world.client.resource(nodes).get("lost")), "unreachable:NoSchedule");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import type { OwnerReference } from "#api/meta/object.ts";
import { configMaps, deployments, namespaces, pods, replicaSets } from "#api/resources.ts";
import { deploymentController } from "../deployment/controller.ts";
import { replicaSetController } from "../replicaset/controller.ts";
import { startWorld, type ControllersWorld } from "../testing/world.ts";
import { garbageCollectorController } from "./controller.ts";

const factories = [garbageCollectorController];

const ownedBy = (owner: ConfigMap, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: owner.metadata?.name ?? "",
  uid: owner.metadata?.uid ?? "",
  ...more,
});

function make(
  world: ControllersWorld,
  name: string,
  ownerReferences: OwnerReference[] = [],
): Promise<ConfigMap> {
  const finalizers = name.startsWith("held") ? ["example.com/hold"] : [];
  return world.client
    .resource(configMaps, "default")
    .create({ metadata: { name, ownerReferences, finalizers } });
}

async function names(world: ControllersWorld): Promise<string> {
  const { items } = await world.client.resource(configMaps, "default").list();
  return items.map(({ metadata }) => metadata?.name ?? "").join(" ");
}

const left = (world: ControllersWorld, wanted: string): Promise<void> =>
  world.until(`left is: ${wanted}`, async () => (await names(world)) === wanted);

test("what was owned follows its owner, down the line; what has another owner stays and forgets the first", async () => {
  await using world = await startWorld({ factories });
  const maps = world.client.resource(configMaps, "default");
  const first = await make(world, "first");
  const second = await make(world, "second");
  const child = await make(world, "child", [ownedBy(first)]);
  await make(world, "grandchild", [ownedBy(child)]);
  await make(world, "shared", [ownedBy(first), ownedBy(second)]);
  await maps.delete("first");
  await left(world, "second shared");
  await world.until("the owner that went is forgotten", async () => {
    const { metadata } = await maps.get("shared");
    return metadata?.ownerReferences?.map(({ name }) => name).join(" ") === "second";
  });
});

test("an object that names an owner that never was, or one of another uid, is deleted", async () => {
  await using world = await startWorld({ factories });
  const owner = await make(world, "owner");
  await make(world, "lost", [ownedBy(owner, { name: "nobody", uid: "u-1" })]);
  await make(world, "late", [ownedBy(owner, { uid: "u-2" })]);
  await make(world, "fine", [ownedBy(owner)]);
  await left(world, "fine owner");
});

test("an owner in another namespace doesn't count, and the user hears of it", async () => {
  await using world = await startWorld({ factories });
  await world.client.resource(namespaces).create({ metadata: { name: "other" } });
  const owner = await world.client.resource(configMaps, "other").create({ metadata: { name: "owner" } });
  await make(world, "lost", [ownedBy(owner)]);
  await left(world, "");
  const told = world.events.filter((event) => event.startsWith("OwnerRefInvalidNamespace"));
  assert.deepEqual(told, [
    `OwnerRefInvalidNamespace ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: ${owner.metadata?.uid ?? ""}] does not exist in namespace "default"`,
  ]);
});

test("in the foreground the owner goes last, and waits for those who block it only", async () => {
  await using world = await startWorld({ factories });
  const maps = world.client.resource(configMaps, "default");
  const owner = await make(world, "owner");
  await make(world, "held-blocking", [ownedBy(owner, { blockOwnerDeletion: true })]);
  await make(world, "held-other", [ownedBy(owner)]);
  await make(world, "free", [ownedBy(owner, { blockOwnerDeletion: true })]);
  await maps.delete("owner", { propagationPolicy: "Foreground" });
  await left(world, "held-blocking held-other owner");
  const { metadata } = await maps.get("owner");
  assert.deepEqual(metadata?.finalizers, ["foregroundDeletion"]);
  await maps.patch("held-blocking", "merge", { metadata: { finalizers: null } });
  await left(world, "held-other");
  await maps.patch("held-other", "merge", { metadata: { finalizers: null } });
  await left(world, "");
});

test("orphaned dependents stay and have no owner", async () => {
  await using world = await startWorld({ factories });
  const maps = world.client.resource(configMaps, "default");
  const owner = await make(world, "owner");
  for (const name of ["a", "b"]) await make(world, name, [ownedBy(owner)]);
  await maps.delete("owner", { propagationPolicy: "Orphan" });
  await left(world, "a b");
  for (const { metadata } of (await maps.list()).items) assert.deepEqual(metadata?.ownerReferences ?? [], []);
});

test("an owner of a kind that isn't served is believed in", async () => {
  await using world = await startWorld({ factories });
  const owner = await make(world, "owner");
  await make(world, "kept", [ownedBy(owner, { apiVersion: "example.com/v1", kind: "Widget", uid: "w" })]);
  await make(world, "lost", [ownedBy(owner, { uid: "nobody" })]);
  await left(world, "kept owner");
});

const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "web:1" }] },
};
for (const [policy, pods_, sets] of [
  ["Foreground", 0, 0],
  ["Background", 0, 0],
  ["Orphan", 2, 1],
] as const) {
  test(`deleting a deployment with ${policy} leaves ${sets} sets and ${pods_} pods`, async () => {
    await using world = await startWorld({
      factories: [...factories, deploymentController, replicaSetController],
    });
    const { client } = world;
    const web = client.resource(deployments, "default");
    await web.create({
      metadata: { name: "web" },
      spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template },
    });
    const count = async (): Promise<string> => {
      const owners = await web.list();
      const all = await client.resource(replicaSets, "default").list();
      const members = await client.resource(pods, "default").list();
      return `${owners.items.length} ${all.items.length} ${members.items.length}`;
    };
    await world.until("two pods run", async () => (await count()) === "1 1 2");
    await web.delete("web", { propagationPolicy: policy });
    await world.until("all that goes has gone", async () => (await count()) === `0 ${sets} ${pods_}`);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Namespace } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { configMaps, deployments, namespaces, pods, secrets } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { startWorld } from "../testing/world.ts";
import { namespaceConditions } from "./conditions.ts";
import { namespaceController } from "./controller.ts";

const factories = [namespaceController];
const namespace = (name: string): Namespace => ({ metadata: { name } });
const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "main", image: "web:1", terminationMessagePolicy: "File" }] },
};

async function isGone(client: Client, name: string): Promise<boolean> {
  try {
    await client.resource(namespaces).get(name);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

test("a deleted namespace takes everything in it along, and nothing else", async () => {
  await using world = await startWorld({ factories });
  const { client } = world;
  for (const name of ["doomed", "other"]) {
    await client.resource(namespaces).create(namespace(name));
    await client.resource(configMaps, name).create({ metadata: { name: "a" } });
    await client.resource(secrets, name).create({ metadata: { name: "b" } });
    await client.resource(pods, name).create({ metadata: { name: "c" }, spec: template.spec });
    const spec = { selector: { matchLabels: { app: "web" } }, template };
    await client.resource(deployments, name).create({ metadata: { name: "d" }, spec });
  }
  await client.resource(namespaces).delete("doomed");
  await world.until("the namespace is gone", () => isGone(client, "doomed"));
  for (const ref of [configMaps, secrets, pods, deployments]) {
    const names = (await client.resource(ref).list()).items.map(({ metadata }) => metadata?.namespace);
    assert.ok(!names.includes("doomed"), ref.resource);
    assert.ok(names.includes("other"), ref.resource);
  }
});

test("a finalizer holds the namespace, which says so and goes as soon as it is taken off", async () => {
  await using world = await startWorld({ factories });
  const { client } = world;
  await client.resource(namespaces).create(namespace("held"));
  const maps = client.resource(configMaps, "held");
  await maps.create({ metadata: { name: "a", finalizers: ["example.com/hold"] } });
  await client.resource(namespaces).delete("held");
  await world.until("the conditions are written", async () => {
    return ((await client.resource(namespaces).get("held")).status?.conditions ?? []).length > 0;
  });
  const status = (await client.resource(namespaces).get("held")).status;
  assert.equal(status?.phase, "Terminating");
  assert.deepEqual(
    status.conditions?.filter((one) => one.status === "True").map(({ reason, message }) => [reason, message]),
    [
      ["SomeResourcesRemain", "Some resources are remaining: configmaps. has 1 resource instances"],
      [
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      ],
    ],
  );
  await maps.patch("a", "merge", { metadata: { finalizers: null } });
  // Sooner than the eight seconds after which it looks by itself.
  await world.until("the namespace is gone", () => isGone(client, "held"));
});

test("conditions keep their time while they say the same, and are written only when they change", () => {
  const nothing = { discoveryFailures: new Map(), contentFailures: [], remaining: [] };
  const first = namespaceConditions([], nothing, Date.UTC(2026, 0, 1)) ?? [];
  assert.equal(first.length, 5);
  assert.ok(first.every(({ status }) => status === "False"));
  assert.equal(namespaceConditions(first, nothing, Date.UTC(2026, 0, 2)), undefined);
  const failed = { ...nothing, discoveryFailures: new Map([["x.io/v1", "no answer"]]) };
  const second = namespaceConditions(first, failed, Date.UTC(2026, 0, 2)) ?? [];
  assert.deepEqual(second[0], {
    type: "NamespaceDeletionDiscoveryFailure",
    status: "True",
    lastTransitionTime: "2026-01-02T00:00:00Z",
    reason: "DiscoveryFailed",
    message:
      "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: x.io/v1: no answer",
  });
  assert.equal(second[1]?.lastTransitionTime, "2026-01-01T00:00:00Z");
});

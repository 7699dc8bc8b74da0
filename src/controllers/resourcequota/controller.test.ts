import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { ResourceQuota } from "#api/generated/types/core-v1.ts";
import { configMaps, deployments, pods, resourceQuotas, secrets } from "#api/resources.ts";
import { ManualClock } from "#base/clock.ts";
import type { Client } from "#client/client.ts";
import { startWorld, type ControllersWorld } from "../testing/world.ts";
import { resourceQuotaController } from "./controller.ts";

const factories = [resourceQuotaController];

const quota = (hard: Record<string, string>, scopes?: string[]): ResourceQuota => ({
  metadata: { name: "q" },
  spec: { hard, scopes },
});

const addPod = (client: Client, name: string, activeDeadlineSeconds?: number): Promise<unknown> =>
  client.resource(pods, "default").create({
    metadata: { name },
    spec: {
      activeDeadlineSeconds,
      containers: [{ name: "c", image: "x", resources: { requests: { cpu: "250m" } } }],
    },
  });

async function untilUsed(world: ControllersWorld, used: Record<string, string>): Promise<void> {
  await world.until(`used is ${JSON.stringify(used)}`, async () => {
    const { status } = await world.client.resource(resourceQuotas, "default").get("q");
    return isDeepStrictEqual(status?.used, used);
  });
}

suite("the quota controller", () => {
  test("counts what is there when a quota comes, and what goes", async () => {
    await using world = await startWorld({
      factories,
      prepare: async (client) => {
        await addPod(client, "a");
        await addPod(client, "b");
      },
    });
    const { client } = world;
    await client
      .resource(resourceQuotas, "default")
      .create(quota({ pods: "5", "requests.cpu": "1", secrets: "3" }));
    await untilUsed(world, { pods: "2", "requests.cpu": "500m", secrets: "0" });
    await client.resource(pods, "default").delete("a", { gracePeriodSeconds: 0 });
    await untilUsed(world, { pods: "1", "requests.cpu": "250m", secrets: "0" });
    await client
      .resource(pods, "default")
      .patch("b", "merge", { status: { phase: "Succeeded" } }, { subresource: "status" });
    await untilUsed(world, { pods: "0", "requests.cpu": "0", secrets: "0" });
  });

  test("what comes isn't its business; what goes is, of any kind that is named", async () => {
    await using world = await startWorld({ factories });
    const { client } = world;
    const meta = { metadata: { name: "x" } };
    await client.resource(configMaps, "default").create(meta);
    await client.resource(secrets, "default").create(meta);
    await client.resource(resourceQuotas, "default").create(
      quota({
        "count/configmaps": "5",
        secrets: "5",
        "count/deployments.apps": "1",
        "count/nonsense.example.com": "1",
      }),
    );
    await untilUsed(world, { "count/configmaps": "1", secrets: "1", "count/deployments.apps": "0" });
    await client.resource(secrets, "default").delete("x");
    await untilUsed(world, { "count/configmaps": "1", secrets: "0", "count/deployments.apps": "0" });
    await client.resource(deployments, "default").create({
      metadata: { name: "d" },
      spec: {
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } },
      },
    });
    await client.resource(configMaps, "default").delete("x");
    // Counted along, for the quota is counted as a whole.
    await untilUsed(world, { "count/configmaps": "0", secrets: "0", "count/deployments.apps": "1" });
  });

  test("follows a change of the quota itself, and its scopes", async () => {
    await using world = await startWorld({
      factories,
      prepare: async (client) => {
        await addPod(client, "a");
        await addPod(client, "job", 60);
      },
    });
    const own = world.client.resource(resourceQuotas, "default");
    await own.create(quota({ pods: "5" }, ["Terminating"]));
    await untilUsed(world, { pods: "1" });
    await own.patch("q", "merge", { spec: { hard: { pods: null, "requests.cpu": "9" } } });
    await untilUsed(world, { "requests.cpu": "250m" });
    assert.deepEqual((await own.get("q")).status?.hard, { "requests.cpu": "9" });
  });

  test("a status that somebody else has written is put right within five minutes, its spec being what it was", async () => {
    const clock = new ManualClock();
    await using world = await startWorld({ factories, clock });
    const own = world.client.resource(resourceQuotas, "default");
    await own.create(quota({ pods: "5" }));
    await untilUsed(world, { pods: "0" });
    const written = { status: { hard: { pods: "9" } } };
    await own.patch("q", "strategic", written, { subresource: "status" });
    await clock.advance(299_000);
    assert.deepEqual((await own.get("q")).status?.hard, { pods: "9" });
    await clock.advance(1000);
    await world.until("the status is the spec's", async () => {
      const { spec, status } = await own.get("q");
      assert.deepEqual(spec?.hard, { pods: "5" });
      return status?.hard?.["pods"] === "5";
    });
  });
});

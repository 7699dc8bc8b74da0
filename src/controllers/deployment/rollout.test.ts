import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "#api/generated/types/apps-v1.ts";
import { deployments, pods, replicaSets } from "#api/resources.ts";
import { systemClock, toRfc3339 } from "#base/clock.ts";
import { isStatus } from "#api/meta/status.ts";
import type { Client } from "#client/client.ts";
import { garbageCollectorController } from "../garbage/controller.ts";
import { replicaSetController } from "../replicaset/controller.ts";
import { startWorld, type ControllersWorld } from "../testing/world.ts";
import { deploymentController } from "./controller.ts";

const factories = [deploymentController, replicaSetController, garbageCollectorController];

const web = (image: string, replicas = 3): Deployment => ({
  metadata: { name: "web" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image }] } },
  },
});

/** Stands in for every kubelet: each pod runs and is ready at once, but those whose image is "broken". */
async function runPods(client: Client, signal: AbortSignal): Promise<void> {
  try {
    for await (const { type, object } of client.resource(pods, "default").watch({}, signal)) {
      if (type !== "ADDED" || object.spec?.containers[0]?.image === "broken") continue;
      const lastTransitionTime = toRfc3339(systemClock.now());
      const conditions = [{ type: "Ready", status: "True", lastTransitionTime }];
      const status = { phase: "Running", conditions };
      await client
        .resource(pods, "default")
        .patch(object.metadata?.name ?? "", "merge", { status }, { subresource: "status" });
    }
  } catch (error) {
    if (!signal.aborted && !isStatus(error, "NotFound")) throw error;
  }
}

/** What `kubectl rollout status` waits for. */
function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const wanted = spec?.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted
  );
}

const rolledOut = (world: ControllersWorld): Promise<void> =>
  world.until("the deployment is rolled out", async () =>
    isRolledOut(await world.client.resource(deployments, "default").get("web")),
  );

const images = async (client: Client): Promise<string> =>
  (await client.resource(pods, "default").list()).items
    .map(({ spec }) => spec?.containers[0]?.image ?? "")
    .toSorted()
    .join(" ");

const container = (image: string) => ({
  spec: { template: { spec: { containers: [{ name: "main", image }] } } },
});

test("a deployment rolls over to a new image, stops at a broken one, and goes back", async () => {
  await using world = await startWorld({ factories });
  const stop = new AbortController();
  const kubelet = runPods(world.client, stop.signal);
  const own = world.client.resource(deployments, "default");
  await own.create(web("web:1"));
  await rolledOut(world);
  assert.equal(await images(world.client), "web:1 web:1 web:1");

  await own.patch("web", "strategic", container("web:2"));
  await rolledOut(world);
  await world.until(
    "the old pods are gone",
    async () => (await images(world.client)) === "web:2 web:2 web:2",
  );
  const { metadata, status } = await own.get("web");
  assert.equal(metadata?.annotations?.["deployment.kubernetes.io/revision"], "2");
  assert.deepEqual(
    status?.conditions?.map((one) => `${one.type} ${one.status} ${one.reason ?? ""}`).toSorted(),
    ["Available True MinimumReplicasAvailable", "Progressing True NewReplicaSetAvailable"],
  );

  // A quarter of three may be missing, rounded down, and a quarter too many, rounded up.
  await own.patch("web", "strategic", container("broken"));
  await world.until(
    "one new pod is tried",
    async () => (await images(world.client)) === "broken web:2 web:2 web:2",
  );
  await own.patch("web", "strategic", container("web:1"));
  await rolledOut(world);
  await world.until("the first is back", async () => (await images(world.client)) === "web:1 web:1 web:1");
  const sets = (await world.client.resource(replicaSets, "default").list()).items;
  const revisions = sets.map(
    (set) =>
      `${set.metadata?.annotations?.["deployment.kubernetes.io/revision"] ?? ""}:${set.spec?.replicas ?? ""}`,
  );
  assert.deepEqual(revisions.toSorted(), ["2:0", "3:0", "4:3"]);
  stop.abort(new Error("test over"));
  await kubelet;
});

test("scaling changes no revision; a paused deployment scales but doesn't roll", async () => {
  await using world = await startWorld({ factories });
  const stop = new AbortController();
  const kubelet = runPods(world.client, stop.signal);
  const own = world.client.resource(deployments, "default");
  await own.create(web("web:1", 1));
  await rolledOut(world);
  await own.patch("web", "merge", { spec: { paused: true, replicas: 2 } });
  await own.patch("web", "strategic", {
    spec: { template: { spec: { containers: [{ name: "main", image: "web:2" }] } } },
  });
  await world.until("it is scaled", async () => (await images(world.client)) === "web:1 web:1");
  assert.equal((await own.get("web")).metadata?.annotations?.["deployment.kubernetes.io/revision"], "1");
  await own.patch("web", "merge", { spec: { paused: false } });
  await rolledOut(world);
  await world.until("it is rolled", async () => (await images(world.client)) === "web:2 web:2");
  stop.abort(new Error("test over"));
  await kubelet;
});

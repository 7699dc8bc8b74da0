/** The scheduler with the real apiserver: what it sends is what that takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "#base/component.ts";
import { settle, systemClock } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { systemRandom } from "#base/random.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { events, namespaces, nodes, pods } from "#api/resources.ts";
import { createInformerFactory } from "#client/cache/factory.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { scheduler } from "./component.ts";
import { makeNode, makePod } from "./testing/objects.ts";

/** As a user sends it: without a uid. */
function fresh(name: string, requests: Record<string, string>): Pod {
  const pod = makePod(name, requests);
  return { ...pod, metadata: { name, namespace: "ns" } };
}

test("pods are bound through the API, or it says why not", async () => {
  await using server = await startTestApiserver();
  const client = server.client();
  await client.resource(namespaces).create({ metadata: { name: "ns" } });
  const node = makeNode("n1", { cpu: "2" });
  await client.resource(nodes).create(node);
  await client.resource(nodes).updateStatus(node);
  const stop = new AbortController();
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLogger };
  const informers = createInformerFactory({ ...deps, freeze: true });
  const ready = Promise.withResolvers<void>();
  const ended = build(scheduler, {}, { ...deps, informers }).run(stop.signal, ready.resolve);
  informers.start(stop.signal);
  await ready.promise;

  const resource = client.resource(pods, "ns");
  await resource.create(fresh("fits", { cpu: "2" }));
  await resource.create(fresh("waits", { cpu: "1" }));
  const { lister } = informers.informer(pods);
  const isTold = (name: string): boolean =>
    lister.get(`ns/${name}`)?.status?.conditions?.some(({ type }) => type === "PodScheduled") === true;
  while (!isTold("fits") || !isTold("waits")) await settle();
  assert.equal(lister.get("ns/fits")?.spec?.nodeName, "n1");
  const [condition] = lister.get("ns/waits")?.status?.conditions ?? [];
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    [
      "False",
      "Unschedulable",
      "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
    ],
  );
  stop.abort();
  await ended;
  const { items } = await client.resource(events, "ns").list();
  assert.deepEqual(items.map(({ reason }) => reason ?? "").toSorted(), ["FailedScheduling", "Scheduled"]);
});

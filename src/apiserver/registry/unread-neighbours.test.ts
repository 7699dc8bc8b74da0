/** What may not be done while nobody knows all of a resource: what can't be read may have, or want, what seems free. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { customResourceDefinitions, ipAddresses } from "#api/resources.ts";
import {
  conditionOf,
  define,
  isEstablished,
  version,
  widgetDefinition,
} from "#apiserver/crd/testing/widgets.ts";
import { findCondition } from "#apiserver/crd/conditions.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { call, post } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const core = "/api/v1/namespaces/default";
const garbage = Buffer.from("nothing");

test("a Service that can't be read keeps its addresses", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  await post(server.transport(), `${core}/services`, {
    metadata: { name: "s" },
    spec: { ports: [{ port: 1 }] },
  });
  const key = "/registry/services/specs/default/s";
  const { entry } = await server.store.get(key);
  await server.store.update(key, garbage, entry?.modRevision ?? 0n);
  const stop = await server.repairClaims();
  for (const _ of [1, 2, 3]) await clock.advance(180_000);
  assert.equal((await server.client().resource(ipAddresses).list()).items.length, 1);
  await stop();
});

test("nobody is evicted while a budget can't be read", async () => {
  await using server = await startTestApiserver();
  const transport = server.transport();
  const containers = [{ name: "c", image: "i" }];
  await post(transport, `${core}/pods`, { metadata: { name: "p" }, spec: { containers } });
  const status = { method: "PATCH", contentType: "application/merge-patch+json" } as const;
  await call(transport, { ...status, path: `${core}/pods/p/status`, body: { status: { phase: "Running" } } });
  await server.store.create("/registry/poddisruptionbudgets/default/b", garbage);
  const evict = () => post(transport, `${core}/pods/p/eviction`, { metadata: { name: "p" } });
  const refused = await evict();
  assert.deepEqual([refused.status, refused.body["message"]], [429, "storage is (re)initializing"]);
  await server.store.delete("/registry/poddisruptionbudgets/default/b");
  assert.equal((await evict()).status, 201);
});

test("a name that something has that can't be read is taken, also for who only asks", async () => {
  await using server = await startTestApiserver();
  await server.store.create("/registry/configmaps/default/g", garbage);
  const request = { method: "POST", path: `${core}/configmaps`, body: { metadata: { name: "g" } } } as const;
  for (const query of [{ dryRun: "All" }, {}]) {
    assert.equal((await call(server.transport(), { ...request, query })).status, 409);
  }
});

test("a definition stays while something of it can't be read, which is looked at once a second", async () => {
  const clock = new ManualClock();
  await using server = await startTestApiserver({ clock });
  const client = server.client();
  const definitions = client.resource(customResourceDefinitions);
  await define(client, widgetDefinition([version("v1")]));
  await conditionOf(client, "widgets.example.com", isEstablished);
  const key = "/registry/example.com/widgets/default/g";
  await server.store.create(key, garbage);
  await definitions.delete("widgets.example.com");
  await conditionOf(client, "widgets.example.com", (crd) => {
    const { reason, message = "" } = (crd && findCondition(crd, "Terminating")) ?? {};
    return (
      reason === "InstanceDeletionFailed" &&
      message.startsWith("could not issue all deletes: couldn't get version/kind")
    );
  });
  const versionNow = async (): Promise<number> =>
    Number((await definitions.get("widgets.example.com")).metadata?.resourceVersion);
  const told = await versionNow();
  for (let round = 0; round < 20; round++) await settle();
  assert.equal(await versionNow(), told);
  await clock.advance(1000);
  // That it is looked at, and what came of it.
  assert.equal(await versionNow(), told + 2);
  const gone = conditionOf(client, "widgets.example.com", (crd) => crd === undefined);
  await server.store.delete(key);
  await clock.advance(1000);
  await gone;
});

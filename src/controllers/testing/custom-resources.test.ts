/** Controllers that look after objects of any kind, with kinds that a definition brought; over a whole server. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ConfigMap } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { isNotFound, StatusError } from "#api/meta/status.ts";
import { configMaps, namespaces, resourceQuotas } from "#api/resources.ts";
import { define, version, widgetDefinition, widgets } from "#apiserver/crd/testing/widgets.ts";
import type { Client } from "#client/client.ts";
import { startTestServer } from "#testing/server.ts";
import type { ControllerFactory } from "../controller.ts";
import { garbageCollectorController } from "../garbage/controller.ts";
import { namespaceController } from "../namespace/controller.ts";
import { resourceQuotaController } from "../resourcequota/controller.ts";
import { startWorld, type ControllersWorld } from "./world.ts";

const root = { name: "admin", groups: ["system:masters"] };

async function worldOf(
  factory: ControllerFactory,
  prepare?: (client: Client) => Promise<void>,
): Promise<ControllersWorld> {
  const server = await startTestServer();
  return startWorld({
    factories: [factory],
    server: { client: server.client(root), close: () => server.close() },
    prepare,
  });
}

const widget = (name: string, more: AnyObject["metadata"] = {}): AnyObject => ({
  apiVersion: "example.com/v1",
  kind: "Widget",
  metadata: { name, ...more },
  spec: {},
});

const ownedBy = ({ apiVersion = "v1", kind = "ConfigMap", metadata }: AnyObject) => ({
  ownerReferences: [{ apiVersion, kind, name: metadata?.name ?? "", uid: metadata?.uid ?? "" }],
});

async function isGone(reading: Promise<unknown>): Promise<boolean> {
  try {
    await reading;
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

suite("a deleted namespace and custom resources", () => {
  test("takes them along, of kinds that came before the controller and after it, and leaves others", async () => {
    await using world = await worldOf(namespaceController);
    const { client } = world;
    await define(client);
    for (const name of ["doomed", "other"]) {
      await client.resource(namespaces).create({ metadata: { name } });
      await client.resource(widgets, name).create(widget("a"));
    }
    await client.resource(namespaces).delete("doomed");
    await world.until("the namespace is gone", () => isGone(client.resource(namespaces).get("doomed")));
    const { items } = await client.resource(widgets).list();
    assert.deepEqual(
      items.map(({ metadata }) => metadata?.namespace),
      ["other"],
    );
  });

  test("waits for their finalizers, and says for how many", async () => {
    await using world = await worldOf(namespaceController, (client) => define(client));
    const { client } = world;
    await client.resource(namespaces).create({ metadata: { name: "held" } });
    const held = client.resource(widgets, "held");
    await held.create(widget("a", { finalizers: ["example.com/hold"] }));
    await client.resource(namespaces).delete("held");
    await world.until("the conditions are written", async () => {
      return ((await client.resource(namespaces).get("held")).status?.conditions ?? []).length > 0;
    });
    const { status } = await client.resource(namespaces).get("held");
    assert.deepEqual(
      status?.conditions?.filter((one) => one.status === "True").map(({ message }) => message),
      [
        "Some resources are remaining: widgets.example.com has 1 resource instances",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      ],
    );
    await held.patch("a", "merge", { metadata: { finalizers: null } });
    await world.until("the namespace is gone", () => isGone(client.resource(namespaces).get("held")));
  });
});

suite("garbage collection and custom resources", () => {
  test("goes both ways: a custom owner takes its built-in dependents along, and the other way round", async () => {
    await using world = await worldOf(garbageCollectorController, (client) => define(client));
    const { client } = world;
    const maps = client.resource(configMaps, "default");
    const objects = client.resource(widgets, "default");
    const owner = await objects.create(widget("owner"));
    const map: ConfigMap = { metadata: { name: "owned", ...ownedBy(owner) } };
    await maps.create(map);
    const mapOwner = await maps.create({ metadata: { name: "map-owner" } });
    await objects.create(widget("owned", ownedBy({ metadata: mapOwner.metadata })));
    await objects.create(widget("free"));

    await objects.delete("owner", { propagationPolicy: "Background" });
    await world.until("the map is gone", () => isGone(maps.get("owned")));
    await maps.delete("map-owner", { propagationPolicy: "Background" });
    await world.until("the widget is gone", () => isGone(objects.get("owned")));
    assert.equal((await objects.get("free")).metadata?.name, "free");
  });

  test("a custom owner in the foreground waits for its dependents; as an orphan's it lets them go", async () => {
    await using world = await worldOf(garbageCollectorController, (client) =>
      define(client, widgetDefinition([version("v1"), version("v2")])),
    );
    const { client } = world;
    const maps = client.resource(configMaps, "default");
    const objects = client.resource(widgets, "default");
    const first = await objects.create(widget("first"));
    const reference = ownedBy(first).ownerReferences.map((each) => ({
      ...each,
      apiVersion: "example.com/v2",
      blockOwnerDeletion: true,
    }));
    const held = { name: "held", ownerReferences: reference, finalizers: ["example.com/hold"] };
    await maps.create({ metadata: held });
    await objects.delete("first", { propagationPolicy: "Foreground" });
    await world.until("the dependent is on its way out", async () => {
      return (await maps.get("held")).metadata?.deletionTimestamp !== undefined;
    });
    assert.deepEqual((await objects.get("first")).metadata?.finalizers, ["foregroundDeletion"]);
    await maps.patch("held", "merge", { metadata: { finalizers: null } });
    await world.until("the owner is gone", () => isGone(objects.get("first")));

    const second = await objects.create(widget("second"));
    await maps.create({ metadata: { name: "kept", ...ownedBy(second) } });
    await objects.delete("second", { propagationPolicy: "Orphan" });
    await world.until("the owner is gone", () => isGone(objects.get("second")));
    assert.equal((await maps.get("kept")).metadata?.ownerReferences, undefined);
  });
});

suite("quotas and custom resources", () => {
  test("count/widgets.example.com is counted, also of a kind that comes after the quota", async () => {
    await using world = await worldOf(resourceQuotaController);
    const { client } = world;
    const hard = { "count/widgets.example.com": "1" };
    const quotas = client.resource(resourceQuotas, "default");
    await quotas.create({ metadata: { name: "q" }, spec: { hard } });
    const untilUsed = (used: string): Promise<void> =>
      world.until(`${used} in use`, async () => {
        const { status } = await quotas.get("q");
        return status?.used?.["count/widgets.example.com"] === used;
      });
    await define(client);
    await untilUsed("0");
    const objects = client.resource(widgets, "default");
    await objects.create(widget("a"));
    await untilUsed("1");
    await assert.rejects(objects.create(widget("b")), (error) => {
      assert.ok(error instanceof StatusError);
      assert.equal(
        error.message,
        'widgets.example.com "b" is forbidden: exceeded quota: q, requested: count/widgets.example.com=1, used: count/widgets.example.com=1, limited: count/widgets.example.com=1',
      );
      return true;
    });
    await objects.delete("a");
    await untilUsed("0");
    await objects.create(widget("b"));
    await untilUsed("1");
  });
});

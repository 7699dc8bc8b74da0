import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import type { Service } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { serviceCidrs, services } from "#api/resources.ts";
import type { Client } from "#client/client.ts";
import { ManualClock } from "#base/clock.ts";
import { startWorld } from "../testing/world.ts";
import { serviceCidrController } from "./controller.ts";

const factories = [serviceCidrController];
const finalizer = "networking.k8s.io/service-cidr-finalizer";

const cidrs = (client: Client) => client.resource(serviceCidrs);
const make = (client: Client, name: string, cidr: string): Promise<unknown> =>
  cidrs(client).create({ metadata: { name }, spec: { cidrs: [cidr] } });
const serve = (client: Client, name: string, clusterIP: string): Promise<Service> =>
  client
    .resource(services, "default")
    .create({ metadata: { name }, spec: { clusterIP, ports: [{ port: 80 }] } });
const readiness = (cidr: ServiceCIDR): string =>
  (cidr.status?.conditions ?? [])
    .map(({ status, reason, message }) => `${status} ${reason} ${message}`)
    .join();
const isGone = async (client: Client, name: string): Promise<boolean> => {
  try {
    await cidrs(client).get(name);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
};

suite("ServiceCIDRs", () => {
  test("a new one is ready, and given out of", async () => {
    await using world = await startWorld({ factories });
    const { client } = world;
    await assert.rejects(serve(client, "a", "10.99.0.7"), /does not match the current range/);
    await make(client, "more", "10.99.0.0/28");
    await world.until("it is ready", async () => readiness(await cidrs(client).get("more")) !== "");
    const more = await cidrs(client).get("more");
    assert.deepEqual(more.metadata?.finalizers, [finalizer]);
    assert.equal(readiness(more), "True  Kubernetes Service CIDR is ready");
    const ofStatus = more.metadata.managedFields?.filter(({ subresource }) => subresource === "status");
    assert.deepEqual(
      ofStatus?.map(({ manager, operation }) => [manager, operation]),
      [["service-cidr-controller", "Apply"]],
    );
    assert.equal((await serve(client, "a", "10.99.0.7")).spec?.clusterIP, "10.99.0.7");
  });

  test("one that is used stays until it isn't, gives nothing out meanwhile, and waits before it goes", async () => {
    const clock = new ManualClock();
    await using world = await startWorld({ factories, clock });
    const { client } = world;
    await make(client, "more", "10.99.0.0/28");
    await world.until("it is ready", async () => readiness(await cidrs(client).get("more")) !== "");
    await serve(client, "a", "10.99.0.7");
    await cidrs(client).delete("more");
    await world.until("it says why it stays", async () =>
      readiness(await cidrs(client).get("more")).startsWith("False Terminating There are still IPAddresses"),
    );
    await assert.rejects(serve(client, "b", "10.99.0.8"), /does not match the current range/);
    await client.resource(services, "default").delete("a");
    // Its last address is gone: now it waits for the time in which others may not have noticed.
    await world.until("it waits", async () => {
      await clock.advance(1);
      return clock.waiting > 0;
    });
    assert.equal(await isGone(client, "more"), false);
    await world.until("it is gone", async () => {
      await clock.advance(10_000);
      return isGone(client, "more");
    });
  });

  test("one that another contains needn't wait for its addresses", async () => {
    const clock = new ManualClock();
    await using world = await startWorld({ factories, clock });
    const { client } = world;
    await make(client, "more", "10.99.0.0/28");
    await serve(client, "a", "10.99.0.7");
    await world.until("it is ready", async () => readiness(await cidrs(client).get("more")) !== "");
    await cidrs(client).delete("more");
    await world.until("it says why it stays", async () =>
      readiness(await cidrs(client).get("more")).startsWith("False Terminating"),
    );
    await make(client, "around", "10.99.0.0/24");
    await world.until("it is gone", async () => {
      await clock.advance(10_000);
      return isGone(client, "more");
    });
    assert.equal((await serve(client, "b", "10.99.0.8")).spec?.clusterIP, "10.99.0.8");
  });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { Service } from "#api/generated/types/core-v1.ts";
import { Registry } from "prom-client";
import { isStatus } from "#api/meta/status.ts";
import { metricsText } from "#apiserver/metrics/exposition.ts";
import { events, ipAddresses, services } from "#api/resources.ts";
import { ManualClock, settle } from "#base/clock.ts";
import { silentLogger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import { startTestApiserver, type TestApiserver } from "#testing/cluster.ts";

const service = (name: string, spec: object = {}): Service => ({
  metadata: { name, namespace: "default" },
  spec: { ports: [{ port: 80 }], type: "NodePort", ...spec },
});

const create = (server: TestApiserver, name: string, spec: object = {}): Promise<Service> =>
  server.client().resource(services, "default").create(service(name, spec));

/** Two servers over one store, whose chance is the same: they propose the same addresses. */
async function pair(clock = new ManualClock(), registry?: Registry) {
  const store = openMemoryStore({ clock, log: silentLogger });
  const open = (counted?: Registry): Promise<TestApiserver> =>
    startTestApiserver({ store, clock, random: chance(), registry: counted });
  return [await open(registry), await open()] as const;
}

const unique = (values: readonly unknown[]): number => new Set(values).size;

/** The same places of the ranges, other uids. */
function chance() {
  const places = new SeededRandom(7);
  const ids = new SeededRandom(Number(process.hrtime.bigint() % 2n ** 31n));
  return { next: () => places.next(), uuid: () => ids.uuid(), bytes: (count: number) => ids.bytes(count) };
}

test("two servers never give out the same address or port", async () => {
  const servers = await pair();
  const made = await Promise.all(
    Array.from({ length: 60 }, (_, at) => create(servers[at % 2] as TestApiserver, `s${at}`)),
  );
  assert.equal(unique(made.map(({ spec }) => spec?.clusterIP)), 60);
  assert.equal(unique(made.map(({ spec }) => spec?.ports?.[0]?.nodePort)), 60);
  for (const server of servers) await server.close();
});

test("of those who ask two servers for the same address or port one gets it, the others hear who may not", async () => {
  const servers = await pair();
  for (const [what, spec, refusal] of [
    ["a", { clusterIP: "10.43.9.9" }, /provided IP is already allocated/],
    ["p", { ports: [{ port: 80, nodePort: 30_999 }] }, /provided port is already allocated/],
  ] as const) {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, at) => create(servers[at % 2] as TestApiserver, `${what}${at}`, spec)),
    );
    const refused = results.filter((result) => result.status === "rejected");
    assert.equal(refused.length, 9);
    for (const { reason } of refused) {
      assert.ok(isStatus(reason, "Invalid"));
      assert.match(reason.message, refusal);
    }
  }
  // What the refused had taken besides is free again: two Services, two addresses.
  const [one, two] = servers;
  assert.equal((await two.client().resource(ipAddresses).list()).items.length, 2);
  await one.close();
  await two.close();
});

test("an address belongs to its Service, says who, and goes with it", async () => {
  const [one, two] = await pair();
  const { spec } = await create(one, "web");
  const addresses = two.client().resource(ipAddresses);
  const found = await addresses.get(spec?.clusterIP ?? "");
  assert.deepEqual(
    [found.metadata?.labels, found.spec],
    [
      {
        "ipaddress.kubernetes.io/ip-family": "IPv4",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
      },
      { parentRef: { group: "", resource: "services", namespace: "default", name: "web" } },
    ],
  );
  await two.client().resource(services, "default").delete("web");
  assert.deepEqual((await addresses.list()).items, []);
  const nodePort = spec?.ports?.[0]?.nodePort;
  const again = await create(one, "web", { clusterIP: spec?.clusterIP, ports: [{ port: 80, nodePort }] });
  assert.deepEqual(again.spec?.clusterIPs, spec?.clusterIPs);
  await one.close();
  await two.close();
});

test("claims that a crash left over are freed, Services without claims get them", async () => {
  const clock = new ManualClock();
  const registry = new Registry();
  const [one, two] = await pair(clock, registry);
  const stop = await one.repairClaims();
  const { store } = one;
  const { spec } = await create(one, "old");
  // A Service from before there were claims.
  await store.delete(`/registry/ipaddresses/${spec?.clusterIP}`);
  // And claims of one that was never written.
  await store.create("/registry/ranges/servicenodeports/30100", Buffer.from('{"owner":"default/ghost"}'));
  await clock.advance(3 * 60_000);
  await settle();
  await assert.rejects(create(two, "new", { ports: [{ port: 80, nodePort: 30_100 }] }), /already allocated/);
  await assert.rejects(create(two, "new", { clusterIP: spec?.clusterIP }), /already allocated/);
  await clock.advance(3 * 60_000);
  await settle();
  await create(two, "new", { ports: [{ port: 80, nodePort: 30_100 }] });
  await stop();
  const metrics = await metricsText(registry);
  assert.match(metrics, /^apiserver_clusterip_repair_ip_errors_total\{type="repair"\} 1$/m);
  assert.match(metrics, /^apiserver_nodeport_repair_port_errors_total\{type="leak"\} 1$/m);
  assert.match(metrics, /^apiserver_clusterip_repair_reconcile_errors_total 0$/m);
  await one.close();
  await two.close();
});

test("the same Service created at two servers at once is there once, with what it claims", async () => {
  const servers = await pair();
  const spec = { clusterIP: "10.43.0.1", ports: [{ port: 443, nodePort: 30_443 }] };
  const results = await Promise.allSettled(servers.map((server) => create(server, "kubernetes", spec)));
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 1);
  assert.ok(isStatus(refused[0]?.reason, "AlreadyExists"));
  const [one, two] = servers;
  assert.equal((await one.client().resource(ipAddresses).list()).items.length, 1);
  await assert.rejects(create(two, "other", spec), /already allocated/);
  await one.close();
  await two.close();
});

test("a claim that a crash left over is taken up by the Service it was for", async () => {
  const [one, two] = await pair();
  const { store } = one;
  await store.create("/registry/ranges/servicenodeports/30443", Buffer.from('{"owner":"default/web"}'));
  const spec = { ports: [{ port: 443, nodePort: 30_443 }] };
  await create(two, "web", spec);
  await assert.rejects(create(one, "other", spec), /already allocated/);
  await one.close();
  await two.close();
});

test("what IPAddresses and Services say of each other is mended, and told", async () => {
  const clock = new ManualClock();
  const [one, two] = await pair(clock);
  const client = one.client();
  const addresses = client.resource(ipAddresses);
  const labels = {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  };
  const remake = async (name: string, parentRef: object, of: Record<string, string> = labels) => {
    await addresses.delete(name).catch(() => undefined);
    await addresses.create({
      metadata: { name, labels: of },
      spec: { parentRef: { resource: "services", namespace: "default", name: "x", ...parentRef } },
    });
  };
  for (const [at, name] of ["foreign", "unlabelled", "lost", "first"].entries()) {
    await create(one, name, { clusterIP: `10.43.1.${at}` });
  }
  await remake("10.43.1.0", { group: "example.com", resource: "gateways" }, { mine: "x" });
  await remake("10.43.1.1", { name: "unlabelled" }, { mine: "x" });
  await addresses.delete("10.43.1.2");
  // Two Services of one address, and one outside of all ranges: only a store written by hand says such things.
  for (const [name, address] of [
    ["second", "10.43.1.3"],
    ["outside", "192.168.0.1"],
  ] as const) {
    const spec = { clusterIP: address, clusterIPs: [address], ports: [{ port: 80 }] };
    const kept = { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec };
    await one.store.create(`/registry/services/specs/default/${name}`, Buffer.from(JSON.stringify(kept)));
  }
  await remake("10.43.2.1", { resource: "pods" });
  await remake("10.43.2.2", { name: "ghost" });
  await remake("10.43.2.3", { name: "first" });
  await remake("10.43.2.4", { name: "ghost" }, { mine: "x" });
  const stop = await one.repairClaims();
  await clock.advance(3 * 60_000);
  const told = async (): Promise<string[]> =>
    (await client.resource(events, "default").list()).items.map(
      ({ involvedObject, reason, message }) => `${involvedObject.name} ${reason} ${message}`,
    );
  for (let turns = 0; turns < 1000 && (await told()).length < 7; turns++) await settle();
  assert.deepEqual((await told()).toSorted(), [
    "10.43.2.1 IPAddressNotAllocated IPAddress 10.43.2.1 appears to have been modified, not referencing a Service { pods default x}: cleaning up",
    "10.43.2.2 IPAddressNotAllocated IPAddress: 10.43.2.2 for Service default/ghost appears to have leaked: cleaning up",
    "10.43.2.3 IPAddressWrongReference IPAddress: 10.43.2.3 for Service default/first has a wrong reference; cleaning up",
    "foreign ClusterIPNotAllocated the ClusterIP [IPv4]: 10.43.1.0 for Service default/foreign has a wrong reference; repairing",
    "lost ClusterIPNotAllocated Cluster IP [IPv4]: 10.43.1.2 is not allocated; repairing",
    "outside ClusterIPOutOfRange Cluster IP [IPv4]: 192.168.0.1 is not within any configured Service CIDR; please recreate service",
    "second ClusterIPAlreadyAllocated Cluster IP [IPv4]:10.43.1.3 was assigned to multiple services; please recreate service",
  ]);
  await stop();
  const left = (await addresses.list()).items.map(({ metadata, spec }) => [
    metadata?.name,
    spec?.parentRef.name,
    isDeepStrictEqual(metadata?.labels, labels),
  ]);
  assert.deepEqual(left, [
    ["10.43.1.0", "foreign", true],
    ["10.43.1.1", "unlabelled", true],
    ["10.43.1.2", "lost", true],
    ["10.43.1.3", "first", true],
    ["10.43.2.4", "ghost", false],
  ]);
  await one.close();
  await two.close();
});

/** What a dry run of a Service shows of addresses and ports, and what it refuses; nothing of it remains. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service, ServiceSpec } from "#api/generated/types/core-v1.ts";
import { serviceCidrs } from "#api/resources.ts";
import { call, type Answer } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";
import { SeededRandom } from "#base/random.ts";
import { AddressRange } from "./address-range.ts";
import { DryRun } from "./dry-run.ts";
import { startServiceServer, type Families } from "./testing/service-server.ts";

const path = "/api/v1/namespaces/default/services";
const messageOf = ({ body }: Answer<Service>): string => (body as { message?: string }).message ?? "";
const external = { type: "ExternalName", externalName: "example.com" };
const ports = (...nodePorts: readonly number[]): object => ({
  ports: nodePorts.map((nodePort, at) => ({ name: `p${at}`, port: 80 + at, nodePort })),
});
const nodePort = (...nodePorts: readonly number[]): object => ({ type: "NodePort", ...ports(...nodePorts) });
const local = (healthCheckNodePort: number, ...nodePorts: readonly number[]): object => ({
  type: "LoadBalancer",
  externalTrafficPolicy: "Local",
  healthCheckNodePort,
  ...ports(...nodePorts),
});

interface Shown {
  readonly clusterIPs?: readonly string[];
  readonly nodePorts?: readonly number[];
  readonly health?: number;
}

function shown(spec: ServiceSpec): Shown {
  const { clusterIPs, ports: list = [], healthCheckNodePort: health } = spec;
  assert.equal(spec.clusterIP, clusterIPs?.[0]);
  const nodePorts = list.flatMap(({ nodePort: each }) => each ?? []);
  return {
    ...(clusterIPs === undefined ? {} : { clusterIPs }),
    ...(nodePorts.length === 0 ? {} : { nodePorts }),
    ...(health === undefined ? {} : { health }),
  };
}

/** Another Service has 10.0.0.7, 2000::7, and the node ports 30007 and 30008. */
const taken = {
  ...local(30_008, 30_007),
  ipFamilyPolicy: "PreferDualStack",
};
const prefer = { ipFamilyPolicy: "PreferDualStack" };
const one = (address: string): object => ({ clusterIP: address });
const four = { clusterIPs: ["10.0.0.0"] };
const beyond = (address: string, range: string): string =>
  `Service "foo" is invalid: spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: the provided IP (${address}) is not in the valid range. The range of valid IPs is ${range}`;
const isAllocated = "provided port is already allocated";

const cases: readonly (readonly [families: Families, spec: object, want: Shown | string])[] = [
  ["46", {}, four],
  ["64", {}, { clusterIPs: ["2000::"] }],
  ["46", prefer, { clusterIPs: ["10.0.0.0", "2000::"] }],
  ["64", { ...prefer, clusterIP: "2000::9" }, { clusterIPs: ["2000::9", "10.0.0.0"] }],
  ["46", one("10.0.0.9"), { clusterIPs: ["10.0.0.9"] }],
  // Whether it is taken isn't asked.
  ["46", one("10.0.0.7"), { clusterIPs: ["10.0.0.7"] }],
  ["64", one("2000::7"), { clusterIPs: ["2000::7"] }],
  ["46", one("10.1.0.0"), beyond("10.1.0.0", "10.0.0.0/16")],
  ["46", one("10.0.0.0"), beyond("10.0.0.0", "10.0.0.0/16")],
  ["46", one("10.0.255.255"), beyond("10.0.255.255", "10.0.0.0/16")],
  ["64", one("2001::1"), beyond("2001::1", "2000::/108")],
  ["46", one("None"), { clusterIPs: ["None"] }],
  ["46", external, {}],
  ["46", nodePort(0), { ...four, nodePorts: [32_769] }],
  ["46", nodePort(0, 0, 0), { ...four, nodePorts: [32_769, 32_770, 32_771] }],
  ["46", nodePort(30_009), { ...four, nodePorts: [30_009] }],
  ["46", nodePort(30_009, 0), { ...four, nodePorts: [30_009, 30_010] }],
  // The next one may be taken.
  ["46", nodePort(30_006, 0), { ...four, nodePorts: [30_006, 30_007] }],
  [
    "46",
    nodePort(30_007),
    `Service "foo" is invalid: spec.ports[0].nodePort: Invalid value: 30007: ${isAllocated}`,
  ],
  [
    "46",
    nodePort(0, 30_008),
    `Service "foo" is invalid: spec.ports[1].nodePort: Invalid value: 30008: ${isAllocated}`,
  ],
  // Whether it is of the range isn't asked.
  ["46", nodePort(80), { ...four, nodePorts: [80] }],
  ["46", nodePort(80, 0, 0), { ...four, nodePorts: [80, 81, 82] }],
  ["46", local(0, 0), { ...four, nodePorts: [32_769], health: 32_770 }],
  ["46", local(30_011, 0), { ...four, nodePorts: [32_769], health: 30_011 }],
  [
    "46",
    local(30_007, 0),
    `Internal error occurred: failed to allocate requested HealthCheck NodePort 30007: ${isAllocated}`,
  ],
  [
    "46",
    local(30_009, 30_009),
    `Internal error occurred: failed to allocate requested HealthCheck NodePort 30009: ${isAllocated}`,
  ],
];

for (const families of ["46", "64"] as const) {
  test(`what a dry run shows where the families are ${families}`, async () => {
    await using server = await startServiceServer(families);
    const addresses = families === "46" ? ["10.0.0.7", "2000::7"] : ["2000::7", "10.0.0.7"];
    const other = { ...taken, clusterIP: addresses[0], clusterIPs: addresses };
    assert.equal((await server.create(other, false, { name: "other" })).status, 201);
    for (const [of, spec, want] of cases) {
      if (of !== families) continue;
      const answer = await server.create(spec, true);
      assert.deepEqual(answer.status === 201 ? shown(answer.body.spec ?? {}) : messageOf(answer), want);
      await server.assertClaims();
    }
    // The same of what was a name elsewhere.
    await server.create(external);
    for (const [of, spec, want] of cases) {
      if (of !== families) continue;
      const answer = await server.update(spec, true);
      assert.deepEqual(answer.status === 200 ? shown(answer.body.spec ?? {}) : messageOf(answer), want);
      await server.assertClaims();
    }
  });
}

test("a dry run of an update shows what the Service has, and of what is new what any dry run shows", async () => {
  await using server = await startServiceServer("46");
  const { spec = {} } = (await server.create(local(0, 0))).body;
  const [had = 0] = shown(spec).nodePorts ?? [];
  const tried = async (change: object): Promise<Shown> =>
    shown((await server.update({ ...local(0, 0), ...change }, true)).body.spec ?? {});
  assert.deepEqual(await tried({}), shown(spec));
  assert.deepEqual(await tried(prefer), { ...shown(spec), clusterIPs: [spec.clusterIP, "2000::"] });
  assert.deepEqual((await tried(ports(0, 0))).nodePorts, [had, 32_769]);
  assert.deepEqual((await tried(ports(0, 40_000))).nodePorts, [had, 40_000]);
  assert.deepEqual((await tried({ externalTrafficPolicy: "Cluster" })).health, undefined);
  const own = await server.update({ ...local(0, 0), ...ports(0, spec.healthCheckNodePort ?? 0) }, true);
  assert.match(messageOf(own), new RegExp(`spec\\.ports\\[1\\]\\.nodePort: .*${isAllocated}`));
  assert.deepEqual((await server.get()).body.spec, spec);
  await server.assertClaims();
});

test("a dry run of an apply and of patches shows the same, and is of any range that is ready", async () => {
  await using server = await startTestApiserver({ serviceCidrs: ["10.0.0.0/24"] });
  const transport = server.transport();
  const apply = (name: string, spec: object, dryRun: boolean): Promise<Answer<Service>> =>
    call<Service>(transport, {
      method: "PATCH",
      path: `${path}/${name}`,
      query: { fieldManager: "me", ...(dryRun ? { dryRun: "All" } : {}) },
      contentType: "application/apply-patch+yaml",
      body: { apiVersion: "v1", kind: "Service", metadata: { name }, spec },
    });
  const spec = { ports: [{ port: 80 }] };
  const made = await apply("a", spec, true);
  assert.deepEqual([made.status, shown(made.body.spec ?? {})], [201, four]);
  assert.equal((await call(transport, { method: "GET", path: `${path}/a` })).status, 404);
  const { body } = await apply("a", spec, false);
  const { clusterIP } = body.spec ?? {};
  const changed = await apply("a", { ...spec, type: "NodePort" }, true);
  assert.deepEqual(shown(changed.body.spec ?? {}), { clusterIPs: [clusterIP], nodePorts: [32_769] });
  assert.equal((await apply("b", { ...spec, clusterIP }, true)).status, 201);
  assert.equal((await apply("b", { ...spec, clusterIP }, false)).status, 422);
  await server
    .client()
    .resource(serviceCidrs)
    .create({ metadata: { name: "more" }, spec: { cidrs: ["10.9.0.0/24"] } });
  assert.equal((await apply("b", { ...spec, clusterIP: "10.9.0.9" }, true)).status, 201);
  assert.equal((await call(transport, { method: "GET", path: `${path}/b` })).status, 404);
});

test("where no range is ready, nothing can be had", () => {
  const dry = new DryRun({
    holderOf: () => undefined,
    take: () => Promise.resolve(undefined),
    release: () => Promise.resolve(),
    all: () => [],
  });
  assert.equal(dry.nextAddress([]), undefined);
  assert.equal(dry.faultOfAddress("10.0.0.1", []), "allocator not ready");
  const range = new AddressRange({ cidr: "10.0.0.0/24" }, new SeededRandom(1));
  assert.equal(dry.faultOfAddress("10.0.0.1", [range]), undefined);
});

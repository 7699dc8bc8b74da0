/** Cases re-expressed from pkg/registry/core/service/ipallocator/controller/repairip_test.go: TestRepairServiceIP, TestRepairIPAddress_syncIPAddress. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { IPAddress } from "#api/generated/types/networking-v1.ts";
import { SeededRandom } from "#base/random.ts";
import { AddressRange, familyOf } from "./address-range.ts";
import { AddressRepair, type AddressRepairDeps } from "./address-repair.ts";

/** "service: addresses", "address: service"; of addresses that others make, their manager follows. */
interface Case {
  readonly services?: Readonly<Record<string, string>>;
  readonly claims?: Readonly<Record<string, string>>;
  readonly cidrs?: readonly string[];
  readonly did?: readonly string[];
  readonly told?: readonly string[];
}

const cluster = ["10.0.0.0/16", "2001:db8::/64"];
const [four, six] = ["10.0.1.1", "2001:db8::10"];
const both = `${four} ${six}`;

const outside = (address: string): string =>
  `ClusterIPOutOfRange Cluster IP [${familyOf(address)}]: ${address} is not within any configured Service CIDR; please recreate service`;
const unclaimed = (address: string): string =>
  `ClusterIPNotAllocated Cluster IP [${familyOf(address)}]: ${address} is not allocated; repairing`;
const foreign = (address: string): string =>
  `ClusterIPNotAllocated the ClusterIP [${familyOf(address)}]: ${address} for Service bar/a has a wrong reference; repairing`;
const leaked = (address: string): string =>
  `IPAddressNotAllocated IPAddress: ${address} for Service bar/a appears to have leaked: cleaning up`;

const cases: Readonly<Record<string, Case>> = {
  "one address": { services: { a: four }, claims: { [four]: "a" } },
  "an address of each family": { services: { a: both }, claims: { [four]: "a", [six]: "a" } },
  "addresses of other ranges": {
    services: { a: "192.168.0.1 2001:db8:a:b::10" },
    claims: { "192.168.0.1": "a", "2001:db8:a:b::10": "a" },
    cidrs: [...cluster, "192.168.0.0/24", "2001:db8:a:b::/64"],
  },
  "an unclaimed address": { services: { a: four }, did: [`claim ${four}`], told: [unclaimed(four)] },
  "two unclaimed addresses": {
    services: { a: both },
    did: [`claim ${four}`, `claim ${six}`],
    told: [unclaimed(four), unclaimed(six)],
  },
  "an unclaimed address of another range": {
    services: { a: "192.168.1.1" },
    cidrs: [...cluster, "192.168.1.0/24"],
    did: ["claim 192.168.1.1"],
    told: [unclaimed("192.168.1.1")],
  },
  "an address claimed for another": {
    services: { a: four },
    claims: { [four]: "b" },
    did: [`free ${four}`, `claim ${four}`],
    told: [foreign(four)],
  },
  "two addresses claimed for another": {
    services: { a: both },
    claims: { [four]: "b", [six]: "b" },
    did: [`free ${four}`, `claim ${four}`, `free ${six}`, `claim ${six}`],
    told: [foreign(four), foreign(six)],
  },
  "an address outside of all ranges": {
    services: { a: `192.168.1.1 ${six}` },
    claims: { "192.168.1.1": "a", [six]: "a" },
    told: [outside("192.168.1.1")],
  },
  "a claim without a Service": { claims: { [four]: "a" }, did: [`free ${four}`], told: [leaked(four)] },
  ...Object.fromEntries(
    ["10.0.0.0", "10.0.255.255", "2001:db8::"].map((address) => [
      `${address}, which no Service may have`,
      { services: { a: address }, claims: { [address]: "a" }, told: [outside(address)] },
    ]),
  ),
  "the last address of IPv6": {
    services: { a: "2001:db8::ffff:ffff:ffff:ffff" },
    claims: { "2001:db8::ffff:ffff:ffff:ffff": "a" },
  },
  "a claim of what no Service may have, without one": {
    claims: { "10.0.255.255": "a" },
    did: ["free 10.0.255.255"],
    told: [leaked("10.0.255.255")],
  },
  "two claims for one address of a Service": {
    services: { a: four },
    claims: { [four]: "a", "10.0.1.2": "a" },
    did: ["free 10.0.1.2"],
    told: [
      "IPAddressWrongReference IPAddress: 10.0.1.2 for Service bar/a has a wrong reference; cleaning up",
    ],
  },
  "two Services of one address": {
    services: { a: four, b: four },
    claims: { [four]: "b" },
    told: [
      `ClusterIPAlreadyAllocated Cluster IP [IPv4]:${four} was assigned to multiple services; please recreate service`,
    ],
  },
  "a claim that others manage": { claims: { "2001:db8::11": "a controller-foo" } },
  "a claim outside of all ranges": {
    services: { a: "fd00:db8::11" },
    claims: { "fd00:db8::11": "a" },
    told: [outside("fd00:db8::11")],
  },
};

const serviceOf = ([name, addresses]: readonly [string, string]): Service => ({
  metadata: { name, namespace: "bar" },
  spec: { clusterIPs: addresses.split(" ") },
});

function claimOf([name, said]: readonly [string, string]): IPAddress {
  const [owner = "", manager = "ipallocator.k8s.io"] = said.split(" ");
  const labels = {
    "ipaddress.kubernetes.io/ip-family": familyOf(name),
    "ipaddress.kubernetes.io/managed-by": manager,
  };
  return {
    metadata: { name, labels },
    spec: { parentRef: { group: "", resource: "services", namespace: "bar", name: owner } },
  };
}

const kept = (content: IPAddress) => ({ name: content.metadata?.name ?? "", content, revision: 1n });

function setup({ services: given = {}, claims = {}, cidrs = cluster }: Case) {
  const services = Object.entries(given).map(serviceOf);
  const stored = new Map(Object.entries(claims).map((claim) => [claim[0], claimOf(claim)] as const));
  const did: string[] = [];
  const told = new Set<string>();
  const random = new SeededRandom(1);
  const deps = {
    services: {
      get: (_: string, name: string) => {
        const content = services.find(({ metadata }) => metadata?.name === name);
        return content === undefined ? undefined : { content };
      },
    },
    addresses: {
      cache: {
        get: (_: string, name: string) => {
          const found = stored.get(name);
          return found === undefined ? undefined : kept(found);
        },
        objects: () => [...stored.values()].map(kept),
      },
      discard: ({ name }: { name: string }) => {
        stored.delete(name);
        did.push(`free ${name}`);
        return Promise.resolve();
      },
    },
    addressClaims: {
      take: (name: string, owner: string) => {
        stored.set(name, claimOf([name, owner.replace("bar/", "")]));
        did.push(`claim ${name}`);
        return Promise.resolve();
      },
    },
    ranges: { all: () => cidrs.map((cidr) => new AddressRange({ cidr, keepsFirst: true }, random)) },
    events: {
      event: (_: unknown, type: string, reason: string, message: string) => {
        assert.equal(type, "Warning");
        told.add(`${reason} ${message}`);
      },
    },
  } as unknown as AddressRepairDeps;
  return { repair: new AddressRepair(deps), services, did, told };
}

for (const [name, each] of Object.entries(cases)) {
  test(`repair of ${name}`, async () => {
    const { repair, services, did, told } = setup(each);
    // A claim goes once it was without a Service for a round.
    await repair.round(services);
    await repair.round(services);
    assert.deepEqual([did, [...told]], [each.did ?? [], each.told ?? []]);
  });
}

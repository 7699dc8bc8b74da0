import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { SeededRandom } from "#base/random.ts";
import { AddressRange } from "./address-range.ts";
import { AddressRepair, type AddressRepairDeps } from "./address-repair.ts";
import { ServiceCidrRanges } from "./service-ranges.ts";

const service = (name: string, clusterIP: string): Service => ({
  metadata: { namespace: "default", name },
  spec: { clusterIP, clusterIPs: [clusterIP] },
});

const claimOf = (name: string, owner: string): AnyObject => ({
  metadata: {
    name,
    labels: {
      "ipaddress.kubernetes.io/ip-family": "IPv4",
      "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    },
  },
  spec: { parentRef: { group: "", resource: "services", namespace: "default", name: owner } },
});

const stored = (name: string, content: AnyObject): object => ({ name, content, revision: 1n });

const cacheOf = (objects: Map<string, AnyObject>): object => ({
  get: (_namespace: string, name: string) => {
    const content = objects.get(name);
    return content === undefined ? undefined : stored(name, content);
  },
  objects: () => [...objects].map(([name, content]) => stored(name, content)),
});

/** What is there, and what becomes of it. `taking` is told of each claim that is made. */
function world(services: readonly Service[], taking: (made: Map<string, AnyObject>) => void) {
  const present = new Map(services.map((each) => [each.metadata?.name ?? "", each as AnyObject]));
  const claims = new Map<string, AnyObject>();
  const told: string[] = [];
  const random = new SeededRandom(1);
  const repair = new AddressRepair({
    services: cacheOf(present) as AddressRepairDeps["services"],
    addresses: {
      cache: cacheOf(claims),
      discard: ({ name }: { readonly name: string }) => Promise.resolve(claims.delete(name)),
    } as unknown as AddressRepairDeps["addresses"],
    addressClaims: {
      holderOf: () => undefined,
      take: (name, owner) => {
        claims.set(name, claimOf(name, owner.slice("default/".length)));
        taking(present);
        return Promise.resolve(undefined);
      },
      release: () => Promise.resolve(),
      all: () => [],
    },
    ranges: new ServiceCidrRanges([new AddressRange({ cidr: "10.43.0.0/16" }, random)], () => [], random),
    events: {
      event: (about, _type, reason) => {
        told.push(`${(about as { readonly name?: string }).name} ${reason}`);
      },
    },
  });
  const owners = (): string[] =>
    [...claims].map(
      ([name, { spec }]) => `${name} ${(spec as { parentRef: { name: string } }).parentRef.name}`,
    );
  return { repair, claims, told, owners };
}

test("an address that goes from one Service to another while claims are mended is the other's", async () => {
  const services = [service("lost", "10.43.1.1"), service("old", "10.43.1.2"), service("gone", "10.43.1.3")];
  const { repair, claims, told, owners } = world(services, (present) => {
    present.delete("gone");
    present.delete("old");
    present.set("new", service("new", "10.43.1.2") as AnyObject);
    claims.set("10.43.1.2", claimOf("10.43.1.2", "new"));
  });
  claims.set("10.43.1.2", claimOf("10.43.1.2", "old"));
  await repair.round(services);
  assert.deepEqual(owners(), ["10.43.1.2 new", "10.43.1.1 lost"]);
  assert.deepEqual(told, ["lost ClusterIPNotAllocated"]);
});

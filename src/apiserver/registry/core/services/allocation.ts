/**
 * What a Service takes from the shared ranges: cluster addresses and node ports. What it takes is claimed in the store
 * before the Service is written, so that no two servers give out the same; claims.ts says how, repair.ts what becomes
 * of claims whose Service was never written.
 * upstream: pkg/registry/core/service/storage/alloc.go
 */
import type { Registry } from "prom-client";
import type { Service } from "#api/generated/types/core-v1.ts";
import { isNotFound } from "#api/meta/status.ts";
import { keyOf, type AnyObject } from "#api/meta/object.ts";
import { AllocatorMetrics, type AllocatorSource } from "#apiserver/metrics/allocator-metrics.ts";
import type { Clock } from "#base/clock.ts";
import type { ResourceStore } from "../../store.ts";
import type { Finish } from "../../strategy.ts";
import type { Claims } from "./claims.ts";
import { takeAddresses } from "./cluster-addresses.ts";
import { DryRun } from "./dry-run.ts";
import { settleFamilies, type OfferedFamilies } from "./families.ts";
import { dropForeign, keepAllocated, normalizeAddresses } from "./kept-fields.ts";
import { takePorts } from "./node-ports.ts";
import type { PortRange } from "./port-range.ts";
import { addressesOf, portsOf } from "./service-fields.ts";
import type { ServiceRanges } from "./service-ranges.ts";
import { refused, type Claimed, type Taking } from "./taking.ts";

export interface AllocationRanges {
  readonly addresses: ServiceRanges;
  readonly ports: PortRange;
}

export interface AllocationClaims {
  readonly addressClaims: Claims;
  readonly portClaims: Claims;
}

export interface AllocationDeps {
  readonly services: ResourceStore;
  readonly clock: Pick<Clock, "monotonic">;
  readonly registry?: Registry | undefined;
}

export class ServiceAllocation {
  readonly #ranges: AllocationRanges;
  readonly #claims: AllocationClaims;
  readonly #services: ResourceStore;
  readonly #clock: AllocationDeps["clock"];
  readonly #metrics: AllocatorMetrics | undefined;

  constructor(
    ranges: AllocationRanges,
    claims: AllocationClaims,
    { services, clock, registry }: AllocationDeps,
  ) {
    this.#ranges = ranges;
    this.#claims = claims;
    this.#services = services;
    this.#clock = clock;
    this.#metrics =
      registry === undefined ? undefined : new AllocatorMetrics(registry, usesOf(ranges, claims));
  }

  /** Those the cluster has addresses of, the default one first. */
  get families(): OfferedFamilies {
    return this.#ranges.addresses.families;
  }

  /** Throws 422 for an address or port that can't be had. */
  create(object: AnyObject, dryRun: boolean): Promise<Finish> {
    return this.#allocate(object, undefined, dryRun);
  }

  update(object: AnyObject, old: AnyObject, dryRun: boolean): Promise<Finish> {
    return this.#allocate(object, old, dryRun);
  }

  async release(object: AnyObject): Promise<void> {
    await this.#letGo(object, [
      ...addressesOf(object).map((name) => ({ claims: this.#claims.addressClaims, name })),
      ...portsOf(object).map((port) => ({ claims: this.#claims.portClaims, name: String(port) })),
    ]);
  }

  /** All but what a Service of that name has now: the same name may be created at another server meanwhile. */
  async #letGo(object: Service, claimed: readonly Claimed[]): Promise<void> {
    if (claimed.length === 0) return;
    const { namespace = "", name = "" } = object.metadata ?? {};
    const present = await this.#services.get({ namespace, name }).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    const used = new Set(
      present === undefined ? [] : [...addressesOf(present.content), ...portsOf(present.content).map(String)],
    );
    const unused = claimed.filter((each) => !used.has(each.name));
    await Promise.all(unused.map(({ claims, name: each }) => claims.release(each, keyOf(object))));
  }

  async #allocate(service: Service, old: Service | undefined, dryRun: boolean): Promise<Finish> {
    const { addressClaims, portClaims } = this.#claims;
    const taking: Taking = {
      service,
      old,
      owner: keyOf(service),
      addresses: addressClaims,
      ports: portClaims,
      taken: [],
      adopted: [],
      dry: dryRun ? new DryRun(portClaims) : undefined,
      metrics: this.#metrics,
      clock: this.#clock,
    };
    try {
      this.#settle(service, old);
      await takeAddresses(this.#ranges.addresses.ready(), taking);
      await takePorts(this.#ranges.ports, taking);
    } catch (error) {
      await this.#letGo(service, taking.taken);
      throw error;
    }
    return async (outcome) => {
      if (outcome === "failed") await this.#letGo(service, taking.taken);
      if (outcome !== "written") return;
      // Whoever had claimed it for the same name may have let go in the meantime.
      for (const { claims, name } of taking.adopted) await claims.take(name, taking.owner);
      if (old !== undefined) await this.#releaseUnused(service, old);
    };
  }

  /** What it is to have, as far as that can be said without taking anything. */
  #settle(service: Service, old: Service | undefined): void {
    const spec = (service.spec ??= {});
    const before = old === undefined ? undefined : (old.spec ?? {});
    if (before !== undefined) keepAllocated(spec, before);
    normalizeAddresses(spec, before);
    if (before !== undefined) dropForeign(service, before);
    const faults = settleFamilies(service, old, this.families);
    if (faults.count > 0) throw refused(service, faults.all);
  }

  async #releaseUnused(service: Service, old: Service): Promise<void> {
    const { addressClaims, portClaims } = this.#claims;
    const addresses = new Set(addressesOf(service));
    const ports = new Set(portsOf(service));
    const unused = addressesOf(old).filter((address) => !addresses.has(address));
    const unusedPorts = portsOf(old).filter((port) => !ports.has(port));
    await this.#letGo(service, [
      ...unused.map((name) => ({ claims: addressClaims, name })),
      ...unusedPorts.map((port) => ({ claims: portClaims, name: String(port) })),
    ]);
  }
}

function usesOf({ addresses, ports }: AllocationRanges, claims: AllocationClaims): AllocatorSource {
  return {
    addresses: () => {
      const names = [...claims.addressClaims.all()].map(({ name }) => name);
      return addresses.all().map((range) => {
        const used = names.filter((name) => range.contains(name)).length;
        return { cidr: range.cidr, size: range.size, used };
      });
    },
    ports: () => ({ size: ports.size, used: [...claims.portClaims.all()].length }),
  };
}

/**
 * Services and the IPAddress objects that claim their addresses say the same of each other; what doesn't is told by
 * events and mended. Of claims without a Service only those go that were so for a whole round: the Service may be about
 * to be written.
 * upstream: pkg/registry/core/service/ipallocator/controller/repairip.go
 */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { IPAddress } from "#api/generated/types/networking-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import type { RepairCounts } from "#apiserver/metrics/repair-metrics.ts";
import { referenceTo, type EventRecorder } from "#client/events/recorder.ts";
import type { ResourceCache } from "../../resource-cache.ts";
import type { ResourceStore } from "../../store.ts";
import type { StoredObject } from "../../stored-object.ts";
import { familyOf } from "./address-range.ts";
import { addressesOf } from "./service-fields.ts";
import { isWellLabelled, managesAddress, ownerOf, type Claims } from "./claims.ts";
import type { ServiceRanges } from "./service-ranges.ts";

export interface AddressRepairDeps {
  readonly services: Pick<ResourceCache, "get">;
  /** Of IPAddresses. */
  readonly addresses: Pick<ResourceStore, "cache" | "discard">;
  readonly addressClaims: Claims;
  readonly ranges: ServiceRanges;
  readonly events: EventRecorder;
  readonly counts?: RepairCounts | undefined;
}

export class AddressRepair {
  readonly #deps: AddressRepairDeps;
  /** Claims that no Service has, by name, at that revision. */
  #suspects = new Map<string, bigint>();

  constructor(deps: AddressRepairDeps) {
    this.#deps = deps;
  }

  /** `services`: all there are. Each is looked up again in its turn: what is mended before takes its time. */
  async round(services: Iterable<Service>): Promise<void> {
    for (const service of services) {
      for (const address of addressesOf(service)) await this.#mendService(keyOf(service), address);
    }
    const before = this.#suspects;
    this.#suspects = new Map();
    // All as they are now: what is removed meanwhile would make the next one be passed over.
    const claims = [...this.#deps.addresses.cache.objects("")].filter(({ content }) =>
      managesAddress(content),
    );
    for (const claim of claims) await this.#mendAddress(claim, before);
  }

  /** Of a Service that still has the address. */
  async #mendService(owner: string, address: string): Promise<void> {
    const { ranges, addresses, counts } = this.#deps;
    const service = this.#service(owner);
    if (service === undefined || !addressesOf(service).includes(address)) return;
    const family = familyOf(address);
    const warn = (reason: string, message: string): void => {
      this.#warn(service, "Service", reason, message);
    };
    if (!ranges.all().some((range) => range.contains(address))) {
      counts?.found("outOfRange");
      warn(
        "ClusterIPOutOfRange",
        `Cluster IP [${family}]: ${address} is not within any configured Service CIDR; please recreate service`,
      );
      return;
    }
    const claim = addresses.cache.get("", address);
    if (claim === undefined) {
      warn("ClusterIPNotAllocated", `Cluster IP [${family}]: ${address} is not allocated; repairing`);
      await this.#claim(address, owner);
      return;
    }
    const holder = isOfService(claim.content) ? this.#service(ownerOf(claim.content)) : undefined;
    if (holder === undefined) {
      warn(
        "ClusterIPNotAllocated",
        `the ClusterIP [${family}]: ${address} for Service ${owner} has a wrong reference; repairing`,
      );
      await this.#claimAnew(claim, owner);
    } else if (ownerOf(claim.content) !== owner) {
      if (!addressesOf(holder).includes(address)) return;
      counts?.found("duplicate");
      warn(
        "ClusterIPAlreadyAllocated",
        `Cluster IP [${family}]:${address} was assigned to multiple services; please recreate service`,
      );
    } else if (!isWellLabelled(claim.content)) await this.#claimAnew(claim, owner);
  }

  /** "namespace/name" as it is now. */
  #service(owner: string): Service | undefined {
    const [namespace = "", name = ""] = owner.split("/");
    return this.#deps.services.get(namespace, name)?.content;
  }

  async #mendAddress(claim: StoredObject, before: Map<string, bigint>): Promise<void> {
    const address: IPAddress = claim.content;
    const { name } = claim;
    const parent = address.spec?.parentRef;
    const free = async (reason: string, message: string): Promise<void> => {
      this.#deps.counts?.found("leak");
      this.#warn(address, "IPAddress", reason, message);
      await this.#deps.addresses.discard(claim, claim.revision);
    };
    if (!isOfService(address)) {
      const shown = `{${[parent?.group, parent?.resource, parent?.namespace, parent?.name].join(" ")}}`;
      await free(
        "IPAddressNotAllocated",
        `IPAddress ${name} appears to have been modified, not referencing a Service ${shown}: cleaning up`,
      );
      return;
    }
    const owner = ownerOf(address);
    const service = this.#service(owner);
    if (service !== undefined && addressesOf(service).includes(name)) return;
    if (before.get(name) !== claim.revision) this.#suspects.set(name, claim.revision);
    else if (service === undefined) {
      await free(
        "IPAddressNotAllocated",
        `IPAddress: ${name} for Service ${owner} appears to have leaked: cleaning up`,
      );
    } else {
      await free(
        "IPAddressWrongReference",
        `IPAddress: ${name} for Service ${owner} has a wrong reference; cleaning up`,
      );
    }
  }

  async #claimAnew(claim: StoredObject, owner: string): Promise<void> {
    await this.#deps.addresses.discard(claim, claim.revision);
    await this.#claim(claim.name, owner);
  }

  async #claim(address: string, owner: string): Promise<void> {
    this.#deps.counts?.found("repair");
    await this.#deps.addressClaims.take(address, owner);
  }

  #warn(about: Service | IPAddress, kind: string, reason: string, message: string): void {
    const version = kind === "Service" ? "v1" : "networking.k8s.io/v1";
    this.#deps.events.event(referenceTo(about, kind, version), "Warning", reason, message);
  }
}

const isOfService = ({ spec }: IPAddress): boolean =>
  (spec?.parentRef.group ?? "") === "" && spec?.parentRef.resource === "services";

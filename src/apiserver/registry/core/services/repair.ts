/**
 * Claims and Services say the same, except around a crash: a claim may be left over whose Service was never written, a
 * Service may come from a time without claims. Every few minutes the one are freed and the others claimed.
 * upstream: pkg/registry/core/service/ipallocator/controller/repairip.go, portallocator/controller/repair.go
 */
import type { Service } from "#api/generated/types/core-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { RepairCounts } from "#apiserver/metrics/repair-metrics.ts";
import type { ResourceCache } from "../../resource-cache.ts";
import { AddressRepair, type AddressRepairDeps } from "./address-repair.ts";
import type { AllocationRanges } from "./allocation.ts";
import { portsOf } from "./service-fields.ts";
import type { Claim, Claims } from "./claims.ts";

/** upstream: repairLoopInterval */
const intervalMs = 3 * 60_000;

export interface RepairDeps extends Pick<AddressRepairDeps, "addresses" | "addressClaims" | "events"> {
  readonly services: ResourceCache;
  readonly portClaims: Claims;
  readonly ranges: AllocationRanges;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: { readonly addresses: RepairCounts; readonly ports: RepairCounts } | undefined;
}

export class ClaimRepair {
  readonly #deps: RepairDeps;
  readonly #addresses: AddressRepair;
  /** Seen without a Service last time, by name, at that revision: a Service that is being created has one by now. */
  #suspects = new Map<string, bigint>();
  #working = Promise.resolve();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(deps: RepairDeps) {
    this.#deps = deps;
    const { ranges, metrics } = deps;
    this.#addresses = new AddressRepair({ ...deps, ranges: ranges.addresses, counts: metrics?.addresses });
  }

  /** Resolves after the first round. */
  async start(): Promise<() => Promise<void>> {
    await this.#round();
    return async () => {
      this.#isStopped = true;
      this.#cancel?.();
      await this.#working;
    };
  }

  async #round(): Promise<void> {
    const { services, clock, metrics } = this.#deps;
    if (this.#isAllKnown) {
      const present: Service[] = [...services.objects("")].map(({ content }) => content);
      await this.#mended(() => this.#addresses.round(present), metrics?.addresses);
      await this.#mended(() => this.#mendPorts(present), metrics?.ports);
    }
    if (this.#isStopped) return;
    this.#cancel = clock.after(intervalMs, () => {
      this.#working = this.#round();
    });
  }

  /** What nobody can read now may have what seems to be nobody's. */
  get #isAllKnown(): boolean {
    const { services, addresses } = this.#deps;
    return services.unreadable.isEmpty && addresses.cache.unreadable.isEmpty;
  }

  async #mended(mend: () => Promise<void>, counts: RepairCounts | undefined): Promise<void> {
    try {
      await mend();
    } catch (error) {
      counts?.failures.add();
      this.#deps.log.warn("claims of addresses or ports not repaired, will retry", {
        error: errorText(error),
      });
    }
  }

  async #mendPorts(present: readonly Service[]): Promise<void> {
    const { portClaims, log, metrics } = this.#deps;
    const used = this.#portsIn(present);
    const suspects = new Map<string, bigint>();
    const leftOver: Claim[] = [];
    for (const claim of portClaims.all()) {
      if (used.get(claim.name) === claim.owner) continue;
      if (this.#suspects.get(claim.name) === claim.revision) leftOver.push(claim);
      else suspects.set(claim.name, claim.revision);
    }
    this.#suspects = suspects;
    for (const { name, owner } of leftOver) {
      // Its Service may have come, and taken it up, in the meantime.
      if (this.#hasPort(owner, name)) continue;
      log.warn("claim without a Service freed", { name, owner });
      metrics?.ports.found("leak");
      await portClaims.release(name, owner);
    }
    for (const [name, owner] of used) {
      if (portClaims.holderOf(name) !== undefined || !this.#hasPort(owner, name)) continue;
      metrics?.ports.found("repair");
      await portClaims.take(name, owner);
    }
  }

  /** As it is now. */
  #hasPort(owner: string, port: string): boolean {
    const [namespace = "", name = ""] = owner.split("/");
    const service = this.#deps.services.get(namespace, name);
    return service !== undefined && portsOf(service.content).includes(Number(port));
  }

  /** Who has which. */
  #portsIn(present: readonly Service[]): ReadonlyMap<string, string> {
    const { ranges, metrics } = this.#deps;
    const used = new Map<string, string>();
    for (const service of present) {
      const owner = keyOf(service);
      for (const port of portsOf(service)) {
        const name = String(port);
        if (!ranges.ports.contains(port)) metrics?.ports.found("outOfRange");
        else {
          if ((used.get(name) ?? owner) !== owner) metrics?.ports.found("duplicate");
          used.set(name, owner);
        }
      }
    }
    return used;
  }
}

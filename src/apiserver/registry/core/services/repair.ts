/**
 * Claims and Services say the same, except around a crash: a claim may be left over whose Service was never written, a
 * Service may come from a time without claims. Every few minutes the one are freed and the others claimed.
 * upstream: pkg/registry/core/service/ipallocator/controller/repairip.go, portallocator/controller/repair.go
 */
import { keyOf } from "#api/meta/object.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { RepairCounts } from "#apiserver/metrics/repair-metrics.ts";
import type { ResourceCache } from "../../resource-cache.ts";
import { addressesOf, portsOf, type AllocationClaims, type AllocationRanges } from "./allocation.ts";
import type { Claim, Claims } from "./claims.ts";

/** upstream: repairLoopInterval */
const intervalMs = 3 * 60_000;

export interface RepairDeps extends AllocationClaims {
  readonly services: ResourceCache;
  readonly ranges: AllocationRanges;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: { readonly addresses: RepairCounts; readonly ports: RepairCounts } | undefined;
}

/** What Services use of one kind. */
class Used {
  /** Who has it. */
  readonly byName = new Map<string, string>();
  readonly counts: RepairCounts | undefined;

  constructor(counts: RepairCounts | undefined) {
    this.counts = counts;
  }

  note(name: string, owner: string, isInRange: boolean): void {
    if (!isInRange) this.counts?.found("outOfRange");
    else {
      if ((this.byName.get(name) ?? owner) !== owner) this.counts?.found("duplicate");
      this.byName.set(name, owner);
    }
  }
}

export class ClaimRepair {
  readonly #deps: RepairDeps;
  /** Seen without a Service last time, by name, at that revision: a Service that is being created has one by now. */
  #suspects = new Map<Claims, Map<string, bigint>>();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(deps: RepairDeps) {
    this.#deps = deps;
  }

  /** Resolves after the first round. */
  async start(): Promise<() => void> {
    await this.#round();
    return () => {
      this.#isStopped = true;
      this.#cancel?.();
    };
  }

  async #round(): Promise<void> {
    const { services, addressClaims, portClaims, ranges, clock, metrics } = this.#deps;
    const addresses = new Used(metrics?.addresses);
    const ports = new Used(metrics?.ports);
    for (const { object } of services.objects("")) {
      const owner = keyOf(object);
      for (const address of addressesOf(object)) {
        addresses.note(
          address,
          owner,
          ranges.addresses.some((range) => range.contains(address)),
        );
      }
      for (const port of portsOf(object)) ports.note(String(port), owner, ranges.ports.contains(port));
    }
    await this.#mended(addressClaims, addresses);
    await this.#mended(portClaims, ports);
    if (this.#isStopped) return;
    this.#cancel = clock.after(intervalMs, () => {
      void this.#round();
    });
  }

  async #mended(claims: Claims, used: Used): Promise<void> {
    try {
      await this.#mend(claims, used);
    } catch (error) {
      used.counts?.failures.add();
      this.#deps.log.warn("claims of addresses or ports not repaired, will retry", {
        error: errorText(error),
      });
    }
  }

  async #mend(claims: Claims, { byName: used, counts }: Used): Promise<void> {
    const before = this.#suspects.get(claims);
    const suspects = new Map<string, bigint>();
    const leftOver: Claim[] = [];
    for (const claim of claims.all()) {
      if (used.get(claim.name) === claim.owner) continue;
      if (before?.get(claim.name) === claim.revision) leftOver.push(claim);
      else suspects.set(claim.name, claim.revision);
    }
    this.#suspects.set(claims, suspects);
    for (const { name, owner } of leftOver) {
      this.#deps.log.warn("claim without a Service freed", { name, owner });
      counts?.found("leak");
      await claims.release(name, owner);
    }
    for (const [name, owner] of used) {
      if (claims.holderOf(name) !== undefined) continue;
      counts?.found("repair");
      await claims.take(name, owner);
    }
  }
}

/**
 * Which servers there are, for whoever asks the API: each renews a Lease of its own, and removes those that have run out.
 * upstream: pkg/controlplane/apiserver/server.go, pkg/controlplane/controller/apiserverleasegc,
 * component-helpers/apimachinery/lease/controller.go
 */
import type { Lease } from "#api/generated/types/coordination-v1.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { leases } from "#api/resources.ts";
import { parseTime, toRfc3339Micro, type Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Client, ResourceClient } from "#client/client.ts";

const namespace = "kube-system";
const labelKey = "apiserver.kubernetes.io/identity";
const component = "kube-apiserver";

/** upstream: IdentityLeaseDurationSeconds, IdentityLeaseRenewIntervalPeriod (and 4 % more by chance), IdentityLeaseGCPeriod */
const durationSeconds = 3600;
const renewMs = 10_000;
const renewJitter = 0.04;
const collectMs = 3_600_000;
/** upstream: maxUpdateRetries, and how long backoffEnsureLease waits between attempts */
const triesMax = 5;
const backoffMinMs = 200;
const backoffMaxMs = 7000;

export interface IdentityLeaseOptions {
  /** This server's among all, and the Lease's name: see serverIdOf. */
  readonly serverId: string;
  readonly hostname: string;
}

export interface IdentityLeaseDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export class IdentityLease {
  readonly #options: IdentityLeaseOptions;
  readonly #deps: IdentityLeaseDeps;
  readonly #leases: ResourceClient<Lease>;
  /** Only of a Lease that this server makes: one that is there keeps the holder it has. */
  readonly #holder: string;
  /** As it was left: nobody else is expected to write it, so it needn't be read before each renewal. */
  #last: Lease | undefined;
  #renewing = Promise.resolve();
  #collecting = Promise.resolve();
  #cancelRenewal: () => void = () => undefined;
  #cancelCollection: () => void = () => undefined;
  #isStopped = false;

  constructor(options: IdentityLeaseOptions, deps: IdentityLeaseDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#leases = deps.client.resource(leases, namespace);
    this.#holder = `${options.serverId}_${deps.random.uuid()}`;
  }

  /** Returns what ends it; the Lease stays, and runs out. */
  start(): () => Promise<void> {
    this.#renewing = this.#renew(backoffMinMs);
    this.#collecting = this.#collect();
    return async () => {
      this.#isStopped = true;
      this.#cancelRenewal();
      this.#cancelCollection();
      await Promise.all([this.#renewing, this.#collecting]);
    };
  }

  async #renew(backoffMs: number): Promise<void> {
    const { clock, random, log } = this.#deps;
    let waitMs = renewMs * (1 + renewJitter * random.next());
    let nextBackoffMs = backoffMinMs;
    try {
      this.#last = await this.#written();
    } catch (error) {
      if (this.#isStopped) return;
      log.warn("identity lease not renewed, will retry", { error: errorText(error) });
      waitMs = backoffMs;
      nextBackoffMs = Math.min(2 * backoffMs, backoffMaxMs);
    }
    if (this.#isStopped) return;
    this.#cancelRenewal = clock.after(waitMs, () => {
      this.#renewing = this.#renew(nextBackoffMs);
    });
  }

  async #written(): Promise<Lease> {
    for (let tries = 1; ; tries++) {
      try {
        const base = this.#last ?? (await this.#existing());
        return await (base === undefined
          ? this.#leases.create(this.#renewed({ spec: { holderIdentity: this.#holder } }))
          : this.#leases.update(this.#renewed(base)));
      } catch (error) {
        // Whoever wrote or removed it meanwhile: it is looked at afresh.
        this.#last = undefined;
        if (tries === triesMax || this.#isStopped) throw error;
      }
    }
  }

  async #existing(): Promise<Lease | undefined> {
    try {
      return await this.#leases.get(this.#options.serverId);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #renewed({ metadata, spec, ...rest }: Lease): Lease {
    const { serverId, hostname } = this.#options;
    return {
      ...rest,
      metadata: {
        ...metadata,
        name: serverId,
        namespace,
        labels: { ...metadata?.labels, [labelKey]: component, "kubernetes.io/hostname": hostname },
      },
      spec: {
        ...spec,
        leaseDurationSeconds: durationSeconds,
        renewTime: toRfc3339Micro(this.#deps.clock.now()),
      },
    };
  }

  async #collect(): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      const { items } = await this.#leases.list({ labelSelector: `${labelKey}=${component}` });
      for (const lease of items) {
        if (!this.#isStopped && isOver(lease, clock.now())) await this.#remove(lease);
      }
    } catch (error) {
      if (this.#isStopped) return;
      log.warn("expired identity leases not looked for, will retry", { error: errorText(error) });
    }
    if (this.#isStopped) return;
    this.#cancelCollection = clock.after(collectMs, () => {
      this.#collecting = this.#collect();
    });
  }

  async #remove({ metadata }: Lease): Promise<void> {
    try {
      await this.#leases.delete(metadata?.name ?? "", {
        preconditions: { resourceVersion: metadata?.resourceVersion },
      });
      this.#deps.log.info("identity lease has run out", { lease: metadata?.name });
    } catch (error) {
      // Another server was first, or its own has renewed it after all.
      if (isNotFound(error) || isConflict(error) || this.#isStopped) return;
      this.#deps.log.warn("an expired identity lease not removed, will retry", {
        lease: metadata?.name,
        error: errorText(error),
      });
    }
  }
}

/** One that doesn't say how long it lasts was made by nobody who renews it. */
function isOver({ spec }: Lease, now: number): boolean {
  const { renewTime, leaseDurationSeconds } = spec ?? {};
  if (renewTime === undefined || leaseDurationSeconds === undefined) return true;
  return parseTime(renewTime) + leaseDurationSeconds * 1000 < now;
}

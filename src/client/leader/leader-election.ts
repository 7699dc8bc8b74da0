/**
 * One of several candidates leads at a time, agreed upon through a Lease.
 * Safety: a candidate takes the lease over only after it has itself seen it unchanged for a whole lease duration,
 * so that clocks may differ; a leader that couldn't renew within the renew deadline, which is shorter, stops
 * leading before anybody else may begin.
 * upstream: client-go/tools/leaderelection/leaderelection.go
 */
import { ChildAbort, isAbortError } from "#base/abort.ts";
import { assert } from "#base/assert.ts";
import { toRfc3339Micro, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { Lease, LeaseSpec } from "#api/generated/types/coordination-v1.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#api/meta/status.ts";
import { leases } from "#api/resources.ts";
import type { Client, ResourceClient } from "../client.ts";
import type { ClientCounts, LeaseCounts } from "../client-counts.ts";
import { referenceTo, type EventRecorder } from "../events/recorder.ts";

export interface LeaderElectionOptions {
  readonly namespace: string;
  /** Of the Lease: "kube-scheduler". */
  readonly name: string;
  /** Of this candidate; no two may have the same. */
  readonly identity: string;
  readonly leaseMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  /** Tells users who leads, as `kubectl describe lease` shows. */
  readonly events?: EventRecorder;
}

export interface LeaderElectionDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where it is noted who leads; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
}

/** The lease was lost while leading: what led must not go on; leading again begins anew. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
  readonly code = "LEASE_LOST";
  constructor(lease: string, options?: ErrorOptions) {
    super(`lost the lease ${lease}`, options);
  }
}

/** Upstream's defaults of every component. */
const defaults = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 };
/** Candidates wait this much longer at most, so that they don't all try at once. */
const jitter = 1.2;

export class LeaderElector {
  readonly #options: LeaderElectionOptions & typeof defaults;
  readonly #deps: LeaderElectionDeps;
  readonly #resource: ResourceClient<Lease>;
  readonly #counts: LeaseCounts;
  /** The lease as last seen, and since when it has looked like that by our own clock. */
  #seen: Lease | undefined;
  #seenAt = 0;

  constructor(options: LeaderElectionOptions, deps: LeaderElectionDeps) {
    this.#options = { ...defaults, ...options };
    const { leaseMs, renewDeadlineMs, retryMs } = this.#options;
    assert(leaseMs > renewDeadlineMs, `lease duration ${leaseMs} ms must exceed the renew deadline`);
    assert(
      renewDeadlineMs > retryMs * jitter,
      `renew deadline ${renewDeadlineMs} ms must exceed the retries`,
    );
    this.#deps = deps;
    this.#resource = deps.client.resource(leases, this.#options.namespace);
    this.#counts = deps.counts?.lease(options.name) ?? { isLeader: false, slowPaths: 0 };
  }

  /**
   * One term: waits for the lease, then calls `lead` once with a signal that aborts with `signal` or when the lease is lost.
   * Resolves after `signal` aborted and `lead` ended, having given the lease back; rejects with LeaseLostError
   * when it was lost, or with what `lead` threw.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    const { name, namespace, identity } = this.#options;
    this.#deps.log.info("became leader", { lease: `${namespace}/${name}`, identity });
    this.#tell("became leader");
    this.#counts.isLeader = true;
    using leading = new ChildAbort(signal);
    const renewal = this.#renew(leading);
    try {
      await lead(leading.signal);
    } catch (error) {
      if (!isAbortError(error, leading.signal)) throw error;
    } finally {
      const isLost = leading.signal.reason instanceof LeaseLostError;
      leading.abort();
      this.#counts.isLeader = false;
      this.#tell("stopped leading");
      // A renewal that hangs is why the lease was lost: there is no use in waiting for it.
      if (!isLost) {
        await renewal;
        await this.#release();
      }
    }
    if (leading.signal.reason instanceof LeaseLostError) throw leading.signal.reason;
  }

  /** False when the signal aborted first. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { retryMs } = this.#options;
    while (!signal.aborted) {
      if (await this.#tryToHold(signal)) return true;
      if (!(await this.#sleep(retryMs * (1 + (jitter - 1) * this.#deps.random.next()), signal))) return false;
    }
    return false;
  }

  /** Renews until `leading` aborts, or aborts it when no renewal came through in time. */
  async #renew(leading: ChildAbort): Promise<void> {
    const { renewDeadlineMs, retryMs, name, namespace } = this.#options;
    let renewedAt = this.#deps.clock.monotonic();
    const lose = (): void => {
      leading.abort(new LeaseLostError(`${namespace}/${name}`));
    };
    let cancelDeadline = this.#deps.clock.after(renewDeadlineMs, lose);
    while (await this.#sleep(retryMs, leading.signal)) {
      if (!(await this.#tryToHold(leading.signal))) continue;
      cancelDeadline();
      renewedAt = this.#deps.clock.monotonic();
      cancelDeadline = this.#deps.clock.after(renewDeadlineMs, lose);
    }
    cancelDeadline();
    if (leading.signal.reason instanceof LeaseLostError) {
      const ms = Math.round(this.#deps.clock.monotonic() - renewedAt);
      this.#deps.log.error("lost the lease", { lease: `${namespace}/${name}`, unrenewedMs: ms });
    }
  }

  /** One try to take or to renew the lease. */
  async #tryToHold(signal: AbortSignal): Promise<boolean> {
    try {
      const ours = this.#seen?.spec?.holderIdentity === this.#options.identity ? this.#seen : undefined;
      const lease = ours ?? (await this.#read(signal));
      if (lease === undefined) {
        this.#note(
          await this.#resource.create({
            metadata: { name: this.#options.name },
            spec: this.#spec(undefined),
          }),
        );
        return true;
      }
      if (!this.#mayTake(lease)) return false;
      this.#note(await this.#resource.update({ ...lease, spec: this.#spec(lease.spec) }));
      return true;
    } catch (error) {
      // What we know of the lease is old: read it before the next try.
      if (this.#seen?.spec?.holderIdentity === this.#options.identity) {
        this.#counts.slowPaths += 1;
        this.#seen = undefined;
      }
      const isRace = isConflict(error) || isAlreadyExists(error);
      if (!signal.aborted && !isRace) this.#deps.log.warn("lease not reached, will retry", { error });
      return false;
    }
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    try {
      const lease = await this.#resource.get(this.#options.name, signal);
      if (lease.metadata?.resourceVersion !== this.#seen?.metadata?.resourceVersion) this.#note(lease);
      return lease;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #note(lease: Lease): void {
    this.#seen = lease;
    this.#seenAt = this.#deps.clock.monotonic();
  }

  #mayTake({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity ?? "";
    if (holder === "" || holder === this.#options.identity) return true;
    const holdsMs = (spec?.leaseDurationSeconds ?? this.#options.leaseMs / 1000) * 1000;
    return this.#deps.clock.monotonic() - this.#seenAt > holdsMs;
  }

  #spec(old: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseMs } = this.#options;
    const now = toRfc3339Micro(this.#deps.clock.now());
    const isOurs = old?.holderIdentity === identity;
    const transitions = old?.leaseTransitions ?? 0;
    return {
      ...old,
      holderIdentity: identity,
      leaseDurationSeconds: Math.round(leaseMs / 1000),
      acquireTime: isOurs ? old.acquireTime : now,
      renewTime: now,
      leaseTransitions: old === undefined || isOurs ? transitions : transitions + 1,
    };
  }

  /** Lets the next candidate begin without waiting for the lease to run out. */
  async #release(): Promise<void> {
    try {
      const lease = this.#seen ?? (await this.#resource.get(this.#options.name));
      if (lease.spec?.holderIdentity !== this.#options.identity) return;
      const now = toRfc3339Micro(this.#deps.clock.now());
      const free = { holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await this.#resource.update({ ...lease, spec: { ...lease.spec, ...free } });
    } catch (error) {
      this.#deps.log.debug("lease not given back, it will run out", { error });
    }
  }

  #tell(what: string): void {
    const { events, identity } = this.#options;
    if (this.#seen === undefined) return;
    const about = referenceTo(this.#seen, "Lease", "coordination.k8s.io/v1");
    events?.event(about, "Normal", "LeaderElection", `${identity} ${what}`);
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#deps.clock.sleep(ms, signal);
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * The leases that are granted, and when they end. Time is the monotonic clock's, so setting the wall clock, or a machine
 * that sleeps, ends none early. What a lease has left is noted durably every few minutes and at the close; the time in
 * which nothing ran counts for no lease, since no clock can be trusted to have measured it. So a lease may live longer
 * than granted, by the time until the next note and by that of the stop, and never shorter. upstream: etcd server/lease
 */
import type { Clock } from "#base/clock.ts";
import { Heap } from "#base/heap.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Note, StoredLease } from "./backend.ts";
import { type LeaseId, LeaseExistsError, LeaseNotFoundError } from "./kv.ts";

/** upstream: lease/lessor.go, defaultLeaseCheckpointInterval */
const noteEveryMs = 5 * 60_000;
/** Leases in one note; more would keep a commit waiting. */
const notesMax = 1000;
/** Leases ended in one go. upstream: defaultLeaseRevokeRate */
const endsMax = 1000;
/** A lease that couldn't be ended, the disk being full for instance. */
const retryMs = 1000;

export interface LeaseBookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the notes durable. */
  readonly write: (notes: readonly Note[]) => Promise<void>;
  /** Deletes the lease and its keys. */
  readonly revoke: (id: LeaseId) => Promise<unknown>;
}

interface Held {
  readonly id: LeaseId;
  readonly grantedSeconds: bigint;
  /** Of the monotonic clock. */
  endsAt: number;
  /** What the durable note of it says it has left. */
  notedMs: number;
  isRevoking: boolean;
}

interface Due {
  readonly at: number;
  readonly lease: Held;
}

export class LeaseBook {
  readonly #deps: LeaseBookDeps;
  readonly #held = new Map<LeaseId, Held>();
  /** Granted, not yet durable. */
  readonly #granting = new Set<LeaseId>();
  /** One per lease. A lease kept alive stays at its old place until that comes, and moves on then. */
  readonly #due = new Heap<Due>((a, b) => a.at < b.at);
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** Runs while there are leases. */
  #cancelNoting: (() => void) | undefined;
  #isClosed = false;

  constructor(leases: readonly StoredLease[], deps: LeaseBookDeps) {
    this.#deps = deps;
    for (const { id, grantedSeconds, remainingMs } of leases) {
      this.#hold(id, grantedSeconds, Number(remainingMs));
    }
  }

  has(id: LeaseId): boolean {
    return this.#held.get(id)?.isRevoking === false;
  }

  get(id: LeaseId): { readonly grantedSeconds: bigint; readonly remainingMs: number } | undefined {
    const lease = this.#held.get(id);
    const remainingMs = lease === undefined ? 0 : this.#remainingMs(lease);
    return lease === undefined || remainingMs <= 0
      ? undefined
      : { grantedSeconds: lease.grantedSeconds, remainingMs };
  }

  /** The first to end first. */
  list(): LeaseId[] {
    return [...this.#held.values()].toSorted((a, b) => a.endsAt - b.endsAt).map(({ id }) => id);
  }

  async grant(id: LeaseId, seconds: bigint): Promise<void> {
    if (this.#held.has(id) || this.#granting.has(id)) throw new LeaseExistsError(id);
    this.#granting.add(id);
    try {
      const remainingMs = millisOf(seconds);
      const lease = { id, grantedSeconds: seconds, remainingMs: BigInt(remainingMs) };
      await this.#deps.write([{ kind: "lease", lease }]);
      this.#hold(id, seconds, remainingMs);
    } finally {
      this.#granting.delete(id);
    }
  }

  async keepAlive(id: LeaseId): Promise<bigint> {
    const lease = this.#held.get(id);
    if (lease === undefined || lease.isRevoking || this.#remainingMs(lease) <= 0) {
      throw new LeaseNotFoundError(id);
    }
    const wholeMs = millisOf(lease.grantedSeconds);
    lease.endsAt = this.#deps.clock.monotonic() + wholeMs;
    // A crash now must not take back what is promised here.
    if (lease.notedMs < wholeMs) await this.#note([lease]);
    return lease.grantedSeconds;
  }

  /** From here on nothing can be attached to it. Throws LeaseNotFoundError. */
  beginRevoke(id: LeaseId): void {
    const lease = this.#held.get(id);
    if (lease === undefined || lease.isRevoking) throw new LeaseNotFoundError(id);
    lease.isRevoking = true;
  }

  endRevoke(id: LeaseId, isDone: boolean): void {
    const lease = this.#held.get(id);
    if (lease !== undefined) lease.isRevoking = false;
    if (isDone) this.#held.delete(id);
  }

  /** Notes what each lease has left, and ends none any more. What is to be written is so before this returns. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#cancelNoting?.();
    await this.#noteAll();
  }

  #hold(id: LeaseId, grantedSeconds: bigint, remainingMs: number): void {
    const endsAt = this.#deps.clock.monotonic() + remainingMs;
    const lease = { id, grantedSeconds, endsAt, notedMs: remainingMs, isRevoking: false };
    this.#held.set(id, lease);
    this.#due.push({ at: endsAt, lease });
    this.#setTimer();
    this.#cancelNoting ??= this.#noteLater();
  }

  #remainingMs({ endsAt }: Held): number {
    return endsAt - this.#deps.clock.monotonic();
  }

  #setTimer(): void {
    const next = this.#due.peek()?.at;
    if (this.#isClosed || next === undefined || next >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = next;
    this.#cancelTimer = this.#deps.clock.after(next - this.#deps.clock.monotonic(), () => {
      this.#timerAt = Number.POSITIVE_INFINITY;
      void this.#endDue();
    });
  }

  async #endDue(): Promise<void> {
    const now = this.#deps.clock.monotonic();
    const ended: Held[] = [];
    for (let due = this.#due.peek(); due !== undefined && due.at <= now; due = this.#due.peek()) {
      this.#due.pop();
      const { lease } = due;
      if (this.#held.get(lease.id) !== lease) continue;
      if (lease.endsAt > now) this.#due.push({ at: lease.endsAt, lease });
      else if (!lease.isRevoking) ended.push(lease);
      if (ended.length === endsMax) break;
    }
    await Promise.all(ended.map((lease) => this.#end(lease)));
    this.#setTimer();
  }

  async #end(lease: Held): Promise<void> {
    try {
      await this.#deps.revoke(lease.id);
    } catch (error) {
      if (this.#isClosed || error instanceof LeaseNotFoundError) return;
      this.#deps.log.warn("can't end a lease, will retry", { lease: lease.id, error: errorText(error) });
      this.#due.push({ at: this.#deps.clock.monotonic() + retryMs, lease });
    }
  }

  #noteLater(): () => void {
    return this.#deps.clock.after(noteEveryMs, () => {
      this.#cancelNoting = this.#held.size === 0 ? undefined : this.#noteLater();
      this.#noteAll().catch((error: unknown) => {
        this.#deps.log.warn("can't note what leases have left", { error: errorText(error) });
      });
    });
  }

  async #noteAll(): Promise<void> {
    // A note behind its end would bring a lease back.
    const changed = [...this.#held.values()].filter(
      (lease) => !lease.isRevoking && this.#remainingMs(lease) < lease.notedMs,
    );
    const slices: Promise<void>[] = [];
    for (let at = 0; at < changed.length; at += notesMax) {
      slices.push(this.#note(changed.slice(at, at + notesMax)));
    }
    await Promise.all(slices);
  }

  async #note(leases: readonly Held[]): Promise<void> {
    const notes: Note[] = [];
    for (const lease of leases) {
      const { id, grantedSeconds } = lease;
      lease.notedMs = Math.max(0, Math.ceil(this.#remainingMs(lease)));
      notes.push({
        kind: "lease",
        lease: { id, grantedSeconds, remainingMs: BigInt(lease.notedMs) },
      });
    }
    try {
      await this.#deps.write(notes);
    } catch (error) {
      // Nobody knows which of them the disk has: the next time it is kept alive, each is noted anew.
      for (const lease of leases) lease.notedMs = 0;
      throw error;
    }
  }
}

function millisOf(seconds: bigint): number {
  return Number(seconds) * 1000;
}

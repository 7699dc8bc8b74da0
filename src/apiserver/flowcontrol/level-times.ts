/**
 * How long levels were how busy: told when something changes and when somebody asks, so nothing runs while nothing happens.
 * upstream: component-base/metrics/timing_histogram.go, apiserver/pkg/util/flowcontrol/fairqueuing/integrator.go
 */
import type { Clock } from "#base/clock.ts";

const nanosecondsPerMs = 1e6;

/** What a histogram would have that observes a ratio at the end of every nanosecond. */
export class TimedTally {
  /** Ascending upper bounds. */
  readonly bounds: readonly number[];
  readonly #held: number[];
  #sum = 0;
  #ratio = 0;
  #bucket: number;
  #since: number;

  /** `now`: of the clock's monotonic time, as everywhere here. */
  constructor(bounds: readonly number[], now: number) {
    this.bounds = bounds;
    this.#held = Array.from({ length: bounds.length + 1 }, () => 0);
    this.#since = now;
    this.#bucket = this.#bucketOf(0);
  }

  set(ratio: number, now: number): void {
    if (ratio === this.#ratio) return;
    this.upTo(now);
    this.#ratio = ratio;
    this.#bucket = this.#bucketOf(ratio);
  }

  upTo(now: number): this {
    const held = (now - this.#since) * nanosecondsPerMs;
    this.#held[this.#bucket] = (this.#held[this.#bucket] ?? 0) + held;
    this.#sum += this.#ratio * held;
    this.#since = now;
    return this;
  }

  /** Whole nanoseconds. */
  get counts(): readonly number[] {
    return this.#held.map(Math.round);
  }

  get sum(): number {
    return this.#sum;
  }

  #bucketOf(ratio: number): number {
    let at = 0;
    while (at < this.bounds.length && ratio > (this.bounds[at] ?? 0)) at += 1;
    return at;
  }
}

export interface PeriodStats {
  readonly highest: number;
  readonly average: number;
  readonly deviation: number;
}

/** upstream: borrowingAdjustmentPeriod */
export const periodMs = 10_000;

/** What a value was in the last whole period; weighted by time. */
export class PeriodIntegrator {
  #value = 0;
  #since: number;
  #ends: number;
  #highest = 0;
  #sum = 0;
  #squares = 0;
  #last: PeriodStats | undefined;

  constructor(now: number) {
    this.#since = now;
    this.#ends = now + periodMs;
  }

  set(value: number, now: number): void {
    if (value === this.#value) return;
    if (now >= this.#ends) this.#turn(now);
    this.#hold(now);
    this.#value = value;
    if (value > this.#highest) this.#highest = value;
  }

  /** Undefined in the first period. */
  last(now: number): PeriodStats | undefined {
    if (now >= this.#ends) this.#turn(now);
    return this.#last;
  }

  #hold(until: number): void {
    const held = until - this.#since;
    this.#sum += this.#value * held;
    this.#squares += this.#value * this.#value * held;
    this.#since = until;
  }

  #turn(now: number): void {
    this.#hold(this.#ends);
    const value = this.#value;
    const whole = Math.floor((now - this.#ends) / periodMs);
    // In the periods since then nothing has happened.
    this.#last = whole > 0 ? { highest: value, average: value, deviation: 0 } : this.#stats();
    this.#since = this.#ends + whole * periodMs;
    this.#ends = this.#since + periodMs;
    this.#highest = value;
    this.#sum = 0;
    this.#squares = 0;
  }

  #stats(): PeriodStats {
    const average = this.#sum / periodMs;
    const variance = Math.max(0, this.#squares / periodMs - average * average);
    return { highest: this.#highest, average, deviation: Math.sqrt(variance) };
  }
}

const seatBounds = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];
const requestBounds = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1];
const demandBounds = [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6];
const kindBounds = [0, 0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

/** What a level is like at the moment. */
export interface LevelState {
  readonly executing: number;
  readonly executingSeats: number;
  readonly waiting: number;
  readonly waitingSeats: number;
  /** Seats that it has of others. */
  readonly borrowed: number;
  /** Seats that it could have. Asks all other levels. */
  readonly currentLimit: number;
  /** Requests that could wait. */
  readonly queueCapacity: number;
}

export class LevelTimes {
  readonly seats: TimedTally;
  readonly executing: TimedTally;
  readonly waiting: TimedTally;
  readonly demand: TimedTally;
  readonly #demandSeats: PeriodIntegrator;
  readonly #clock: Clock;
  /** What stands for the limit of a level that has none. upstream: a tenth of the server's */
  readonly #substitute: number;
  #limit = 1;
  #capacity = 1;
  #limitEnds = Number.NEGATIVE_INFINITY;

  constructor(serverSeats: number, clock: Clock) {
    const now = clock.monotonic();
    this.#clock = clock;
    this.#substitute = Math.max(1, Math.round(serverSeats / 10));
    this.seats = new TimedTally(seatBounds, now);
    this.executing = new TimedTally(requestBounds, now);
    this.waiting = new TimedTally(requestBounds, now);
    this.demand = new TimedTally(demandBounds, now);
    this.#demandSeats = new PeriodIntegrator(now);
  }

  /** Whenever any of it may be another. */
  changed(state: LevelState, now: number): void {
    const { executing, executingSeats, waiting, waitingSeats, borrowed } = state;
    // While it needs but its own seats, what it could have is looked at as rarely as upstream does.
    if (borrowed > 0 || now >= this.#limitEnds) {
      this.#lookAtLimits(state, borrowed > 0 ? now : now + periodMs);
    }
    const demand = executingSeats + waitingSeats;
    this.seats.set(executingSeats / this.#limit, now);
    this.executing.set(executing / this.#limit, now);
    this.waiting.set(waiting / this.#capacity, now);
    this.demand.set(demand / this.#limit, now);
    this.#demandSeats.set(demand, now);
  }

  /** Its limits are others from now on. */
  configured(state: LevelState, now: number): void {
    this.#limitEnds = now;
    this.changed(state, now);
  }

  #lookAtLimits({ currentLimit, queueCapacity }: LevelState, until: number): void {
    this.#limit = currentLimit > 0 ? currentLimit : this.#substitute;
    this.#capacity = Math.max(1, queueCapacity);
    this.#limitEnds = until;
  }

  get lastPeriod(): PeriodStats | undefined {
    return this.#demandSeats.last(this.#clock.monotonic());
  }

  now(): number {
    return this.#clock.monotonic();
  }
}

const readVerbs = new Set(["get", "list", "watch"]);

export const isReading = (verb: string | undefined): boolean => verb !== undefined && readVerbs.has(verb);

export type Phase = "waiting" | "executing";

/** Requests of the whole server, of those that only read and of the others. */
export class KindTimes {
  readonly tally: TimedTally;
  #requests = 0;
  #limit = 1;

  constructor(now: number) {
    this.tally = new TimedTally(kindBounds, now);
  }

  limit(requests: number, now: number): void {
    this.#limit = Math.max(1, requests);
    this.add(0, now);
  }

  add(requests: number, now: number): void {
    this.#requests += requests;
    this.tally.set(this.#requests / this.#limit, now);
  }
}

/**
 * What the keys of work queues go through. upstream: client-go/util/workqueue/metrics.go
 */
import type { Clock } from "#base/clock.ts";
import { Tally } from "#base/tally.ts";

/** In seconds. upstream: exponential, from 1 µs to 1000 s */
const queueBuckets: readonly number[] = [0.000001, 0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000];

/** Told by a queue of each key. */
export interface QueueObserver {
  /** It waits from now on, or will once it is done. */
  added(key: string): void;
  /** A worker has it. */
  taken(key: string): void;
  done(key: string): void;
}

interface Depth {
  readonly size: number;
}

export class QueueCounts {
  adds = 0;
  retries = 0;
  /** How long keys wait, and how long workers have them. */
  readonly waits = new Tally(queueBuckets);
  readonly works = new Tally(queueBuckets);
  readonly #queues = new Map<Depth, ObservedKeys>();

  /** Keys that wait. */
  get depth(): number {
    let depth = 0;
    for (const queue of this.#queues.keys()) depth += queue.size;
    return depth;
  }

  /** How long each key that a worker has now has been there, in milliseconds. */
  *unfinished(): Generator<number> {
    for (const keys of this.#queues.values()) yield* keys.unfinished();
  }

  observe(queue: Depth, clock: Clock): QueueObserver {
    const keys = new ObservedKeys(this, clock);
    this.#queues.set(queue, keys);
    return keys;
  }

  /** The queue takes no more. */
  leave(queue: Depth): void {
    this.#queues.delete(queue);
  }
}

class ObservedKeys implements QueueObserver {
  readonly #counts: QueueCounts;
  readonly #clock: Clock;
  readonly #added = new Map<string, number>();
  readonly #taken = new Map<string, number>();

  constructor(counts: QueueCounts, clock: Clock) {
    this.#counts = counts;
    this.#clock = clock;
  }

  added(key: string): void {
    this.#counts.adds += 1;
    if (!this.#added.has(key)) this.#added.set(key, this.#clock.monotonic());
  }

  taken(key: string): void {
    const now = this.#clock.monotonic();
    this.#counts.waits.observe((now - (this.#added.get(key) ?? now)) / 1000);
    this.#added.delete(key);
    this.#taken.set(key, now);
  }

  done(key: string): void {
    const taken = this.#taken.get(key);
    if (taken === undefined) return;
    this.#counts.works.observe((this.#clock.monotonic() - taken) / 1000);
    this.#taken.delete(key);
  }

  *unfinished(): Generator<number> {
    const now = this.#clock.monotonic();
    for (const taken of this.#taken.values()) yield now - taken;
  }
}

/**
 * A delaying queue that slows down keys which keep failing, and the workers that serve it.
 * upstream: client-go/util/workqueue/{rate_limiting_queue,default_rate_limiters}.go
 */
import { AssertionError } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { DelayingQueue } from "./delaying.ts";
import type { ClientCounts } from "../client-counts.ts";
import { QueueCounts, type QueueObserver } from "./queue-counts.ts";

export interface RateLimitOptions {
  /** The first retry of a key waits this long, each further one twice as long. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** Over all keys: this many retries at once, then so many per second. */
  readonly burst: number;
  readonly perSecond: number;
}

/** Upstream's default for controllers. */
const controllerRateLimit: RateLimitOptions = { initialMs: 5, maxMs: 1_000_000, burst: 100, perSecond: 10 };

export interface RateLimitedQueueOptions extends Partial<RateLimitOptions> {
  /** The controller's: for log lines and metrics. */
  readonly name: string;
  readonly keysMax?: number;
}

export interface RateLimitedQueueDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where its keys are counted under its name; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
}

export class RateLimitedQueue<K extends string = string> extends DelayingQueue<K> {
  readonly name: string;
  readonly log: Logger;
  readonly #limits: RateLimitOptions;
  readonly #failures = new Map<K, number>();
  readonly #bucket: TokenBucket;
  readonly #counts: QueueCounts;
  readonly #observer: QueueObserver;

  constructor(options: RateLimitedQueueOptions, deps: RateLimitedQueueDeps) {
    super(deps.clock, options.keysMax);
    this.name = options.name;
    this.log = deps.log;
    this.#limits = { ...controllerRateLimit, ...options };
    this.#bucket = new TokenBucket(this.#limits, deps.clock);
    this.#counts = deps.counts?.queue(options.name) ?? new QueueCounts();
    this.#observer = this.#counts.observe(this, deps.clock);
  }

  protected override get observer(): QueueObserver {
    return this.#observer;
  }

  override addAfter(key: K, ms: number): void {
    if (!this.isShutDown) this.#counts.retries += 1;
    super.addAfter(key, ms);
  }

  override shutDown(): void {
    super.shutDown();
    this.#counts.leave(this);
  }

  /** Adds the key after its back-off, which doubles with every call until `forget`. */
  addRateLimited(key: K): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const own = Math.min(this.#limits.maxMs, this.#limits.initialMs * 2 ** Math.min(failures, 60));
    this.addAfter(key, Math.max(own, this.#bucket.reserve()));
  }

  /** The key is fine again: its next failure starts with the shortest wait. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** How often the key was added by addRateLimited since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }
}

/** Tokens come at a steady rate; a reservation beyond them says how long to wait for its own. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  constructor(options: Pick<RateLimitOptions, "burst" | "perSecond">, clock: Clock) {
    this.#burst = options.burst;
    this.#perMs = options.perSecond / 1000;
    this.#clock = clock;
    this.#tokens = options.burst;
    this.#at = clock.monotonic();
  }

  /** Takes a token that may still have to come; answers the wait in ms. */
  reserve(): number {
    this.#refill();
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#perMs;
  }

  /** Takes a token if one is there. */
  tryTake(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}

/**
 * Serves the queue with `count` workers until the signal aborts, then lets running syncs end and resolves.
 * `sync` reads the world afresh and may run again for the same key. When it throws, the key comes again after
 * its back-off; when it returns, the key's back-off is forgotten. Only a broken promise of our own code
 * (AssertionError) ends the workers: runWorkers rejects with it.
 */
export async function runWorkers<K extends string>(
  queue: RateLimitedQueue<K>,
  count: number,
  sync: (key: K, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stop = (): void => {
    queue.clear();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  try {
    await Promise.all(Array.from({ length: count }, () => work(queue, sync, signal)));
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

async function work<K extends string>(
  queue: RateLimitedQueue<K>,
  sync: (key: K, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
    try {
      await sync(key, signal);
      queue.forget(key);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!signal.aborted) {
        const failures = queue.failures(key) + 1;
        queue.log.warn("sync failed, will retry", { queue: queue.name, key, failures, error });
        queue.addRateLimited(key);
      }
    } finally {
      queue.done(key);
    }
  }
}

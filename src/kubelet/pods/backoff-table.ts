/**
 * Back-off by key that forgets after quiet time.
 * upstream: staging/src/k8s.io/client-go/util/flowcontrol/backoff.go (rules), pkg/kubelet/kubelet.go (numbers)
 */
import type { Clock } from "#base/clock.ts";

export interface BackoffTableOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

interface Entry {
  delayMs: number;
  lastMs: number;
}

/** Restarts and image pulls: 10 s doubling to 5 min, forgotten after 10 quiet minutes. */
export const restartBackoff: BackoffTableOptions = { initialMs: 10_000, maxMs: 300_000 };

export class BackoffTable {
  readonly #options: BackoffTableOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BackoffTableOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** The delay that holds for `key` now; 0 when there is none. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Milliseconds that must still pass since `eventMs`; 0 means: go on. */
  remainingMs(key: string, eventMs: number): number {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#isStale(entry, eventMs)) return 0;
    return Math.max(0, eventMs + entry.delayMs - this.#clock.now());
  }

  /** The same measured from the last failure. */
  remainingSinceLastMs(key: string): number {
    const entry = this.#entries.get(key);
    return entry === undefined ? 0 : this.remainingMs(key, entry.lastMs);
  }

  /** Counts one more failure. */
  next(key: string, eventMs: number): void {
    const entry = this.#entries.get(key);
    const isFirst = entry === undefined || this.#isStale(entry, eventMs);
    this.#entries.set(key, {
      delayMs: isFirst ? this.#options.initialMs : Math.min(this.#options.maxMs, entry.delayMs * 2),
      lastMs: this.#clock.now(),
    });
  }

  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #isStale(entry: Entry, eventMs: number): boolean {
    return eventMs - entry.lastMs > this.#options.maxMs * 2;
  }
}

/** Go's text of a duration of whole seconds: "10s", "1m20s", "5m0s". */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours}h${minutes % 60}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

/** Go's text of a duration below a minute with its fraction: "1.234s", "250ms". */
export function elapsedText(ms: number): string {
  if (ms >= 60_000) return durationText(ms);
  return ms >= 1000 ? `${Math.round(ms) / 1000}s` : `${Math.round(ms)}ms`;
}

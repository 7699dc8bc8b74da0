/** Exponential back-off with jitter. */
import type { Random } from "./random.ts";

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Each delay is stretched by up to this share of itself; 0 means exact. */
  readonly jitter: number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: Random;
  #nextMs: number;

  constructor(options: BackoffOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#nextMs = options.initialMs;
  }

  /** The delay before the next try. */
  next(): number {
    const ms = this.#nextMs;
    this.#nextMs = Math.min(this.#options.maxMs, ms * this.#options.factor);
    return ms + ms * this.#options.jitter * this.#random.next();
  }

  reset(): void {
    this.#nextMs = this.#options.initialMs;
  }
}

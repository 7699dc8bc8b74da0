/**
 * How many streams a client may break off before they are answered. Go's server bounds what runs for such streams by what
 * may run at all, and keeps four times as many waiting; a client that stops all its requests at once, even again and again,
 * stays below this. Streams that have begun to be answered cost nothing: watches are ended so, thousands at a time.
 * upstream: golang.org/x/net/http2/server.go (CVE-2023-39325)
 */
import type { Clock } from "#base/clock.ts";

const burst = 4000;
const perSecond = 100;

export class ResetBudget {
  readonly #clock: Clock;
  #left = burst;
  #at: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** False when it is used up. */
  take(): boolean {
    const now = this.#clock.monotonic();
    const regained = ((now - this.#at) / 1000) * perSecond;
    this.#left = Math.min(burst, this.#left + regained) - 1;
    this.#at = now;
    return this.#left >= 0;
  }
}

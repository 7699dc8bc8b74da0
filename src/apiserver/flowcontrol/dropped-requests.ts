/**
 * When those who were refused shall come again: later and later while a level refuses many, a second sooner whenever it
 * refuses few. upstream: apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go
 */
import type { Clock } from "#base/clock.ts";

/** There was no room for a request, nor to wait for any. */
export class DroppedError extends Error {
  override readonly name = "DroppedError";
  readonly code = "DROPPED";
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super("Too many requests, please try again later.");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** In seconds. */
const retryAfterMax = 32;

interface Second {
  readonly at: number;
  readonly refused: number;
}

/** Of one priority level. */
export class DroppedRequests {
  readonly #clock: Pick<Clock, "now">;
  /** Those before the current one, the oldest first. */
  #history: Second[] = [];
  #current: Second = { at: 0, refused: 0 };
  #retryAfter = 1;
  #raisedAt = 0;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Another one is refused now. In how many seconds it shall come again. */
  drop(): number {
    const now = Math.floor(this.#clock.now() / 1000);
    const { at, refused } = this.#current;
    if (at === now) {
      this.#current = { at, refused: refused + 1 };
      return this.#retryAfter;
    }
    this.#history = [...this.#history, this.#current].filter((second) => at - second.at <= retryAfterMax);
    this.#current = { at: now, refused: 1 };
    this.#adjust(now);
    return this.#retryAfter;
  }

  #adjust(now: number): void {
    const before = this.#retryAfter;
    const refused = this.#history
      .filter(({ at }) => now - at <= before)
      .reduce((sum, second) => sum + second.refused, 0);
    if (now - this.#raisedAt >= before && refused >= 3 * before) {
      this.#retryAfter = Math.min(before * 2, retryAfterMax);
      this.#raisedAt = now;
    } else if (refused < before && before > 1) this.#retryAfter = before - 1;
  }
}

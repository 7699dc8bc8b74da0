/**
 * A bound on requests being answered at once; what comes above waits its turn, and above that is told to come again.
 * Watches and connections that last don't count. upstream: apiserver/pkg/server/filters/maxinflight.go
 */
import { tooManyRequestsError } from "#api/meta/status.ts";

export interface InFlightOptions {
  readonly runningMax: number;
  readonly waitingMax: number;
}

export class InFlight {
  readonly #options: InFlightOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: InFlightOptions) {
    this.#options = options;
  }

  /** Throws 429 when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.runningMax) await this.#turn();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed on: the count stays.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#options.waitingMax) {
      throw tooManyRequestsError("Too many requests, please try again later.", 1);
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}

/** The range of node ports. upstream: pkg/registry/core/service/portallocator/allocator.go */
import type { Random } from "#base/random.ts";

export interface PortRangeOptions {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

const randomTries = 8;
/** upstream: the lower band, kept for those who ask, is between 16 and 128 ports */
const staticMin = 16;
const staticMax = 128;

export class PortRange {
  readonly #options: PortRangeOptions;
  readonly #random: Random;

  constructor(options: PortRangeOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get text(): string {
    return `${this.#options.first}-${this.#options.last}`;
  }

  get size(): number {
    return this.#options.last - this.#options.first + 1;
  }

  contains(port: number): boolean {
    return port >= this.#options.first && port <= this.#options.last;
  }

  /** One that isn't taken. Undefined when all are. */
  find(isTaken: (port: number) => boolean): number | undefined {
    const { first, last } = this.#options;
    const { size } = this;
    const reserved = size <= staticMin ? 0 : Math.min(staticMax, Math.max(staticMin, Math.floor(size / 32)));
    return (
      this.#findFree(first + reserved, last, isTaken) ?? this.#findFree(first, first + reserved - 1, isTaken)
    );
  }

  #findFree(first: number, last: number, isTaken: (port: number) => boolean): number | undefined {
    if (last < first) return undefined;
    for (let tries = 0; tries < randomTries; tries++) {
      const port = first + Math.floor(this.#random.next() * (last - first + 1));
      if (!isTaken(port)) return port;
    }
    for (let port = first; port <= last; port++) if (!isTaken(port)) return port;
    return undefined;
  }
}

/**
 * Memory for answers on their way out. A list of 10,000 pods in chunks of their own made the collector run more than the
 * server; here few chunks go round.
 */

/** Lists are written in pieces of this size. */
export const chunkBytes = 256 << 10;
/** So many are kept for the next list. */
const idleMax = 4;
const slabBytes = 64 << 10;

export class ChunkPool {
  readonly #idle: Buffer[] = [];
  #slab = Buffer.alloc(0);
  #used = 0;

  take(): Buffer {
    return this.#idle.pop() ?? Buffer.allocUnsafeSlow(chunkBytes);
  }

  /** Nobody will read it any more. */
  give(chunk: Buffer): void {
    if (this.#idle.length < idleMax) this.#idle.push(chunk);
  }

  /** `fill` writes at most `bytesMax` and answers where it ended; the collector frees the result. */
  filled(bytesMax: number, fill: (target: Buffer, start: number) => number): Buffer {
    if (bytesMax > slabBytes / 4) {
      const own = Buffer.allocUnsafeSlow(bytesMax);
      return own.subarray(0, fill(own, 0));
    }
    if (this.#slab.length - this.#used < bytesMax) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = fill(this.#slab, start);
    return this.#slab.subarray(start, this.#used);
  }
}

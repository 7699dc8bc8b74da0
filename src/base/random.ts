/** Chance as a dependency. Only this file touches Math.random and the system's random source. */
import { randomBytes, randomUUID } from "node:crypto";

export interface Random {
  /** In [0, 1). */
  next(): number;
  uuid(): string;
  bytes(count: number): Buffer;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
};

/** Reproducible chance for tests (mulberry32). Print the seed with a failure. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uuid(): string {
    const hex = this.bytes(16).toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => Math.floor(this.next() * 256)));
  }
}

/** The alphabet of generated names: no vowels, no look-alikes. upstream: apimachinery/pkg/util/rand */
const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

export function randomName(random: Random, length: number): string {
  let text = "";
  for (let i = 0; i < length; i++) {
    text += nameAlphabet.charAt(Math.floor(random.next() * nameAlphabet.length));
  }
  return text;
}

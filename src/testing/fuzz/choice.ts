/** Chance as fuzzing needs it: picking, counting, and text that has broken parsers before. */
import type { Random } from "#base/random.ts";

const hostileTexts: readonly string[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\n",
  "\r\nx: y",
  "../..",
  "%",
  "%zz",
  "%2e%2e%2f",
  "%00",
  "%ff",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "true",
  "-1",
  "0",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775809",
  "1e400",
  "NaN",
  "0x10",
  "1Gi",
  "-1m",
  "1e-10Ki",
  "\u{1F600}",
  "\ud800",
  "\u202e",
  "é",
  "A".repeat(300),
  "a.".repeat(130),
  "(".repeat(40),
  "(a+)+$",
  "[",
  "\\",
  "$(x)",
  "{{.x}}",
  "a=b,c in (d,e),!f",
  "a in (",
  "!",
  "metadata.name=x",
  "2026-01-01T00:00:00Z",
  "0001-01-01T00:00:00Z",
  "not-a-time",
  "10.0.0.1",
  "10.0.0.1/33",
  "::ffff:1.2.3.4",
  "25%",
  "150%",
  "default",
  "kube-system",
  "fuzz-a",
];

const hostileIntegers: readonly bigint[] = [
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 64n - 1n,
];

export class Choice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** In [0, below). */
  int(below: number): number {
    return Math.floor(this.#random.next() * below);
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    return from[this.int(from.length)] as T;
  }

  bytes(count: number): Buffer {
    return this.#random.bytes(count);
  }

  hostileText(): string {
    return this.chance(0.8) ? this.pick(hostileTexts) : this.bytes(this.int(24)).toString("latin1");
  }

  hostileNumber(): number | bigint {
    return this.pick([
      0,
      -0,
      1,
      -1,
      0.5,
      2 ** 31,
      -(2 ** 31),
      2 ** 32,
      2 ** 53,
      -(2 ** 63),
      1e308,
      65_536,
      1e21,
      ...hostileIntegers,
    ]);
  }

  /** What a double can't say exactly. */
  largeInteger(): bigint {
    return this.pick(hostileIntegers);
  }

  hostileValue(depth = 2): unknown {
    const kind = this.int(depth > 0 ? 7 : 5);
    if (kind === 0) return this.hostileText();
    if (kind === 1) return this.hostileNumber();
    if (kind === 2) return this.chance(0.5);
    if (kind === 3) return null;
    if (kind === 4) return this.chance(0.5) ? {} : [];
    if (kind === 5) return Array.from({ length: this.int(4) }, () => this.hostileValue(depth - 1));
    return { [this.hostileText()]: this.hostileValue(depth - 1) };
  }

  shortName(): string {
    return `fuzz-${this.pick(["a", "b", "c", "d"])}`;
  }
}

/** Equal parts of an IPv4 range, each given out once. */
export class RangeAllocator {
  readonly #first: number;
  readonly #partSize: number;
  readonly #partBits: number;
  readonly #count: number;
  readonly #taken = new Set<number>();
  /** Where to look next: a range given back isn't given out again at once. */
  #next = 0;

  constructor(cidr: string, partBits: number) {
    const [ip = "", bits = "0"] = cidr.split("/");
    this.#first = toNumber(ip);
    this.#partBits = partBits;
    this.#partSize = 2 ** (32 - partBits);
    this.#count = 2 ** (partBits - Number(bits));
  }

  /** Ranges of elsewhere are ignored. */
  take(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index !== undefined) this.#taken.add(index);
  }

  release(cidr: string): void {
    const index = this.#indexOf(cidr);
    if (index !== undefined) this.#taken.delete(index);
  }

  /** Undefined when all are taken. */
  next(): string | undefined {
    for (let tried = 0; tried < this.#count; tried++) {
      const index = (this.#next + tried) % this.#count;
      if (this.#taken.has(index)) continue;
      this.#taken.add(index);
      this.#next = (index + 1) % this.#count;
      return `${toText(this.#first + index * this.#partSize)}/${this.#partBits}`;
    }
    return undefined;
  }

  #indexOf(cidr: string): number | undefined {
    const [ip = ""] = cidr.split("/");
    const index = Math.floor((toNumber(ip) - this.#first) / this.#partSize);
    return index >= 0 && index < this.#count ? index : undefined;
  }
}

const toNumber = (ip: string): number => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

const toText = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");

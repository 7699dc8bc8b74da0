/**
 * Addresses of one service CIDR. Those handed out by themselves come from the upper part, so that the lower one stays
 * for those who ask for a certain address.
 * upstream: pkg/registry/core/service/ipallocator/allocator.go
 */
import { Address4, Address6 } from "ip-address";
import type { Random } from "#base/random.ts";

export type AddressFamily = "IPv4" | "IPv6";

export interface AddressRangeOptions {
  /** "10.43.0.0/16" */
  readonly cidr: string;
  /** The first address isn't given out by itself: it is the Service kubernetes's, be it there yet or not. */
  readonly keepsFirst?: boolean | undefined;
}

/** Allocation is tried at so many random places before the range is walked. */
const randomTries = 8;
/** upstream: offset between 16 and 256 addresses, a sixteenth of the range; of those that are no greater, none */
const staticMin = 16n;
const staticMax = 256n;
/** Of a range of IPv6, addresses are found only so far. */
const sizeMax = 1n << 62n;

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other);

export class AddressRange {
  readonly family: AddressFamily;
  readonly cidr: string;
  readonly #random: Random;
  readonly #keepsFirst: boolean;
  readonly #base: bigint;
  /** Usable addresses: without the network's own and, in IPv4, without broadcast. */
  readonly #count: bigint;
  /** Addresses at the beginning that are kept for those who ask. */
  readonly #static: bigint;

  constructor({ cidr, keepsFirst = false }: AddressRangeOptions, random: Random) {
    const isV6 = cidr.includes(":");
    const parsed = isV6 ? new Address6(cidr) : new Address4(cidr);
    this.family = isV6 ? "IPv6" : "IPv4";
    this.cidr = cidr;
    this.#random = random;
    this.#keepsFirst = keepsFirst;
    const total = 1n << BigInt((isV6 ? 128 : 32) - parsed.subnetMask);
    this.#base = parsed.startAddress().bigInt() + 1n;
    const unusable = isV6 ? 1n : 2n;
    this.#count = total < unusable ? 0n : total - unusable;
    this.#static = staticPart(total);
  }

  /** Nobody's address: the one that all of the range begin with. */
  get network(): string {
    return this.#text(this.#base - 1n);
  }

  /** The first usable address: the Service kubernetes has it. */
  get first(): string {
    return this.#text(this.#base);
  }

  /** So many addresses can be had of it. */
  get size(): number {
    return Number(this.#count);
  }

  contains(address: string): boolean {
    const value = parseAddress(address, this.family);
    return value !== undefined && value >= this.#base && value < this.#base + this.#count;
  }

  /** One that isn't taken. Undefined when the range is full. */
  find(isTaken: (address: string) => boolean): string | undefined {
    const first = this.#keepsFirst ? 1n : 0n;
    const upper = this.#static > first ? this.#static : first;
    return (
      this.#findFree(upper, least(this.#count, sizeMax), isTaken) ?? this.#findFree(first, upper, isTaken)
    );
  }

  #findFree(from: bigint, to: bigint, isTaken: (address: string) => boolean): string | undefined {
    const span = to - from;
    if (span <= 0n) return undefined;
    for (let tries = 0; tries < randomTries; tries++) {
      const address = this.#text(this.#base + from + BigInt(Math.floor(this.#random.next() * Number(span))));
      if (!isTaken(address)) return address;
    }
    for (let at = from; at < to; at++) {
      const address = this.#text(this.#base + at);
      if (!isTaken(address)) return address;
    }
    return undefined;
  }

  #text(value: bigint): string {
    return this.family === "IPv6"
      ? Address6.fromBigInt(value).correctForm()
      : Address4.fromBigInt(value).correctForm();
  }
}

/** Of so many addresses, usable or not. */
function staticPart(total: bigint): bigint {
  if (total <= staticMin) return 0n;
  const part = total / 16n;
  return part < staticMin ? staticMin : least(part, staticMax);
}

function parseAddress(text: string, family: AddressFamily): bigint | undefined {
  if (family === "IPv6") {
    return Address6.isValid(text) && !text.includes("/") ? new Address6(text).bigInt() : undefined;
  }
  return Address4.isValid(text) && !text.includes("/") ? new Address4(text).bigInt() : undefined;
}

export const familyOf = (address: string): AddressFamily => (address.includes(":") ? "IPv6" : "IPv4");

/**
 * The ranges that Services get their addresses from: those of all ServiceCIDRs. Which families there are is what the
 * server was told at its start; ranges come and go.
 * upstream: pkg/registry/core/service/ipallocator/cidrallocator.go
 */
import type { ServiceCIDR } from "#api/generated/types/networking-v1.ts";
import type { Random } from "#base/random.ts";
import { AddressRange, type AddressFamily } from "./address-range.ts";

export interface ServiceRanges {
  /** The default one first. */
  readonly families: readonly AddressFamily[];
  /** Where the address of a Service may lie. */
  all(): readonly AddressRange[];
  /** Those that addresses are given out of: none of a ServiceCIDR that isn't ready, or is being deleted. */
  ready(): readonly AddressRange[];
}

/** Of the ServiceCIDR that is made of what the server was told. */
export const defaultServiceCidrName = "kubernetes";

interface KnownRange {
  readonly range: AddressRange;
  readonly isReady: boolean;
}

export class ServiceCidrRanges implements ServiceRanges {
  readonly #given: readonly AddressRange[];
  readonly #cidrs: () => Iterable<ServiceCIDR>;
  readonly #random: Random;
  readonly #made = new Map<string, AddressRange>();

  /** `cidrs`: all there are, as far as this server has seen. */
  constructor(given: readonly AddressRange[], cidrs: () => Iterable<ServiceCIDR>, random: Random) {
    this.#given = given;
    this.#cidrs = cidrs;
    this.#random = random;
  }

  get families(): readonly AddressFamily[] {
    return this.#given.map(({ family }) => family);
  }

  all(): readonly AddressRange[] {
    return this.#known().map(({ range }) => range);
  }

  ready(): readonly AddressRange[] {
    return this.#known()
      .filter(({ isReady }) => isReady)
      .map(({ range }) => range);
  }

  #known(): readonly KnownRange[] {
    const known = new Map<string, KnownRange>();
    let hasDefault = false;
    for (const cidr of this.#cidrs()) {
      hasDefault ||= cidr.metadata?.name === defaultServiceCidrName;
      const isReady = givesOut(cidr);
      for (const text of cidr.spec?.cidrs ?? []) {
        const range = known.get(text)?.range ?? this.#range(text);
        // One that another ServiceCIDR has, too, stays in use with it.
        known.set(text, { range, isReady: isReady || known.get(text)?.isReady === true });
      }
    }
    // Before it is made, and until it is made again: the Service `kubernetes` mustn't wait for this server to see it.
    const missing = hasDefault ? [] : this.#given.filter(({ cidr }) => !known.has(cidr));
    return [...missing.map((range) => ({ range, isReady: true })), ...known.values()];
  }

  #range(cidr: string): AddressRange {
    const given = this.#given.find((each) => each.cidr === cidr);
    if (given !== undefined) return given;
    const range = this.#made.get(cidr) ?? new AddressRange({ cidr }, this.#random);
    this.#made.set(cidr, range);
    return range;
  }
}

/** One that nobody has judged is ready: there may be no controller. */
function givesOut({ metadata, status }: ServiceCIDR): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return metadata?.deletionTimestamp === undefined && (ready === undefined || ready.status === "True");
}

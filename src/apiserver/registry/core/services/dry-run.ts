/**
 * What a dry run shows of the shared ranges. Nothing is looked for that is nobody's, as it could be somebody's a moment
 * later: what is shown is the range's own address, which no Service has, and ports beyond the usual range.
 * upstream: pkg/registry/core/service/ipallocator/{cidrallocator,ipallocator}.go, portallocator/operation.go
 */
import type { AddressRange } from "./address-range.ts";
import type { Claims } from "./claims.ts";
import type { PortRange } from "./port-range.ts";

/** The port before the first that is shown, unless others are asked for. */
const lastPort = 32_768;
/** Up to here the next port is one that isn't taken; upstream looks no further. */
const searchedMax = 99;

/** What no range says that addresses could be had of. */
export const notReady = "allocator not ready";

export class DryRun {
  readonly #ports: Claims;
  /** What it has shown of ports, and what was asked for. */
  readonly #shown: number[] = [];

  constructor(ports: Claims) {
    this.#ports = ports;
  }

  /** Undefined where there is no range. */
  nextAddress(ranges: readonly AddressRange[]): string | undefined {
    return ranges[0]?.network;
  }

  /** Why it can't be had, as far as anybody looks: it may be taken. */
  faultOfAddress(asked: string, ranges: readonly AddressRange[]): string | undefined {
    if (ranges.some((each) => each.contains(asked))) return undefined;
    const [range] = ranges;
    if (range === undefined) return notReady;
    return `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${range.cidr}`;
  }

  nextPort(range: PortRange): number {
    const last = this.#shown.length === 0 ? lastPort : Math.max(...this.#shown);
    let port = last + 1;
    while (port <= searchedMax && this.#isTaken(port, range)) port += 1;
    if (port > searchedMax) port = last + 1;
    this.#shown.push(port);
    return port;
  }

  /** Any port can be had that isn't taken, be it of the range or not. */
  faultOfPort(asked: number, range: PortRange): string | undefined {
    if (this.#isTaken(asked, range)) return "provided port is already allocated";
    this.#shown.push(asked);
    return undefined;
  }

  #isTaken(port: number, range: PortRange): boolean {
    if (this.#shown.includes(port)) return true;
    return range.contains(port) && this.#ports.holderOf(String(port)) !== undefined;
  }
}

/** IPv4 ranges, and which address this machine is reached at. */
import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";

export interface Cidr {
  readonly first: number;
  readonly size: number;
  includes(ip: string): boolean;
  overlaps(other: string): boolean;
}

export function parseIpv4(ip: string): number | undefined {
  if (!isIPv4(ip)) return undefined;
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** Undefined when it isn't an IPv4 range whose address is its first one. */
export function parseCidr(text: string): Cidr | undefined {
  const [, ip = "", bits = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const first = parseIpv4(ip);
  const prefix = Number(bits);
  if (first === undefined || prefix > 32) return undefined;
  const size = 2 ** (32 - prefix);
  if (first % size !== 0) return undefined;
  return {
    first,
    size,
    includes: (other) => {
      const value = parseIpv4(other);
      return value !== undefined && value >= first && value < first + size;
    },
    overlaps: (other) => {
      const range = parseCidr(other);
      return range !== undefined && range.first < first + size && first < range.first + range.size;
    },
  };
}

/** The `index`-th address of a range; 0 is the network's own. */
export function addressInRange(cidr: string, index: number): string | undefined {
  const range = parseCidr(cidr);
  return range === undefined || index >= range.size ? undefined : formatIpv4(range.first + index);
}

/** The address of the interface that holds the default route, else the first that isn't loopback, else loopback. */
export async function ownAddress(): Promise<string> {
  const interfaces = networkInterfaces();
  const ipv4Of = (name: string): string | undefined =>
    interfaces[name]?.find((address) => address.family === "IPv4" && !address.internal)?.address;
  const routed = await defaultRouteInterface();
  if (routed !== undefined) {
    const address = ipv4Of(routed);
    if (address !== undefined) return address;
  }
  for (const name of Object.keys(interfaces)) {
    const address = ipv4Of(name);
    if (address !== undefined) return address;
  }
  return "127.0.0.1";
}

async function defaultRouteInterface(): Promise<string | undefined> {
  const table = await readFile("/proc/net/route", "utf8").catch(() => "");
  const rows = table
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"));
  return rows.find(([, destination]) => destination === "00000000")?.[0];
}

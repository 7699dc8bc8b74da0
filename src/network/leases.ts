/**
 * Which sandbox has which address: one file per address, made exclusively, so that neither a crash nor a second
 * process can give one out twice. The files also hold host ports: the firewall is rebuilt from them.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "#base/files.ts";
import type { PodCidr } from "./cidr.ts";

export interface HostPort {
  readonly protocol: "TCP" | "UDP";
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIP: string;
}

export interface Lease {
  readonly id: string;
  readonly ip: string;
  readonly hostPorts: readonly HostPort[];
}

export class NoAddressError extends Error {
  override readonly name = "NoAddressError";
  readonly code = "NO_ADDRESS";
  constructor(cidr: PodCidr) {
    super(`no address is left in the node's pod range ${cidr.text}: all ${cidr.podsMax} are taken`);
  }
}

export class Leases {
  readonly #directory: string;
  readonly #byId = new Map<string, Lease>();
  readonly #taken = new Set<string>();
  /** An address that was given back rests while there are others: peers may still have it cached. */
  #next = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads what an earlier process noted down. A file that was torn by a crash is let go: its pod never ran. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    for (const ip of await readdir(this.#directory)) {
      const lease = parseLease(await readFile(join(this.#directory, ip), "utf8"), ip);
      if (lease === undefined) await rm(join(this.#directory, ip), { force: true });
      else this.#remember(lease);
    }
  }

  get all(): readonly Lease[] {
    return [...this.#byId.values()];
  }

  of(id: string): Lease | undefined {
    return this.#byId.get(id);
  }

  /** The one it has, or a new one. */
  async take(id: string, hostPorts: readonly HostPort[], cidr: PodCidr): Promise<Lease> {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    for (let tried = 0; tried < cidr.podsMax; tried++) {
      const index = (this.#next + tried) % cidr.podsMax;
      const ip = cidr.podAddress(index);
      if (this.#taken.has(ip)) continue;
      const lease = { id, ip, hostPorts };
      this.#remember(lease);
      this.#next = (index + 1) % cidr.podsMax;
      try {
        await writeFile(join(this.#directory, ip), JSON.stringify(lease), { flag: "wx" });
        return lease;
      } catch (error) {
        this.#forget(lease);
        if (errorCode(error) !== "EEXIST") throw error;
        this.#taken.add(ip);
      }
    }
    throw new NoAddressError(cidr);
  }

  async release(id: string): Promise<Lease | undefined> {
    const lease = this.#byId.get(id);
    if (lease === undefined) return undefined;
    await rm(join(this.#directory, lease.ip), { force: true });
    this.#forget(lease);
    return lease;
  }

  #remember(lease: Lease): void {
    this.#byId.set(lease.id, lease);
    this.#taken.add(lease.ip);
  }

  #forget(lease: Lease): void {
    this.#byId.delete(lease.id);
    this.#taken.delete(lease.ip);
  }
}

function parseLease(text: string, ip: string): Lease | undefined {
  try {
    const lease = JSON.parse(text) as Partial<Lease>;
    return lease.ip === ip && typeof lease.id === "string" && Array.isArray(lease.hostPorts)
      ? (lease as Lease)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Gives sandboxes their network: a cable from their namespace to the node's bridge, an address of the node's range,
 * and their host ports. What was given survives this process: the kernel keeps the cable, the lease file the address.
 */
import { createHash } from "node:crypto";
import { exec, ExecError } from "#base/exec.ts";
import type { Logger } from "#base/log.ts";
import type { PodCidr } from "./cidr.ts";
import { firewallScript } from "./firewall.ts";
import { Leases, type HostPort } from "./leases.ts";

export interface PodNetworkOptions {
  readonly bridge: string;
  readonly clusterCidr: string;
  readonly leaseDirectory: string;
}

export interface NetworkReady {
  readonly cidr: PodCidr;
  readonly mtu: number;
}

export interface SandboxRequest {
  readonly id: string;
  /** Path of the network namespace. */
  readonly netns: string;
  readonly portMappings: readonly HostPort[];
}

export class NetworkNotReadyError extends Error {
  override readonly name = "NetworkNotReadyError";
  readonly code = "NETWORK_NOT_READY";
}

/** Satisfies the kubelet's SandboxNetwork. */
export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #log: Logger;
  readonly #leases: Leases;
  readonly #listeners = new Set<() => void>();
  #ready: NetworkReady | undefined;
  readonly #becameReady = Promise.withResolvers<NetworkReady>();
  /** Firewall changes one after another. */
  #firewall: Promise<void> = Promise.resolve();

  constructor(options: PodNetworkOptions, { log }: { readonly log: Logger }) {
    this.#options = options;
    this.#log = log;
    this.#leases = new Leases(options.leaseDirectory);
  }

  get problem(): string | undefined {
    return this.#ready === undefined ? "the node has no pod CIDR yet" : undefined;
  }

  /** Called when `problem` changes. Returns a function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the bridge is up. */
  get whenReady(): Promise<NetworkReady> {
    return this.#becameReady.promise;
  }

  async open(): Promise<void> {
    await this.#leases.open();
  }

  /** The bridge is up with this range. */
  async setReady(ready: NetworkReady): Promise<void> {
    await this.#writeFirewall();
    this.#ready = ready;
    this.#becameReady.resolve(ready);
    for (const listener of this.#listeners) listener();
  }

  async attach(sandbox: SandboxRequest): Promise<{ readonly ip: string }> {
    const ready = this.#ready;
    if (ready === undefined) throw new NetworkNotReadyError(this.problem ?? "");
    const { id, netns, portMappings } = sandbox;
    const wanted = portMappings.filter(({ hostPort }) => hostPort > 0);
    const lease = await this.#leases.take(id, wanted, ready.cidr);
    try {
      await this.#plug(id, netns, { ip: lease.ip, ready });
      if (lease.hostPorts.length > 0) await this.#writeFirewall();
    } catch (error) {
      await this.detach(id);
      throw error;
    }
    return { ip: lease.ip };
  }

  async detach(id: string): Promise<void> {
    await ipBatch([`link del ${vethName(id)}`], "Cannot find device");
    const lease = await this.#leases.release(id);
    if (lease !== undefined && lease.hostPorts.length > 0) await this.#writeFirewall();
  }

  /** Gives back what sandboxes had that are no longer there: their process died with the machine, or between two steps. */
  async retainOnly(ids: ReadonlySet<string>): Promise<void> {
    for (const { id, ip } of this.#leases.all) {
      if (ids.has(id)) continue;
      this.#log.info("address of a lost sandbox reclaimed", { sandbox: id, ip });
      await this.detach(id);
    }
  }

  async #plug(
    id: string,
    netns: string,
    { ip, ready }: { readonly ip: string; readonly ready: NetworkReady },
  ): Promise<void> {
    const { cidr, mtu } = ready;
    const veth = vethName(id);
    const inside = [
      // Made from the inside: the other end is put into this process's namespace.
      `link add eth0 mtu ${mtu} type veth peer name ${veth} mtu ${mtu} netns ${process.pid}`,
      `addr add ${ip}/${cidr.bits} brd + dev eth0`,
      "link set lo up",
      "link set eth0 up",
      `route add default via ${cidr.gateway}`,
    ];
    try {
      await exec("nsenter", [`--net=${netns}`, "ip", "-b", "-"], { input: `${inside.join("\n")}\n` });
    } catch (error) {
      // A second attach of the same sandbox finds its cable in place.
      if (!(error instanceof ExecError) || !error.stderr.includes("File exists")) throw error;
    }
    await ipBatch([
      `link set ${veth} master ${this.#options.bridge} up`,
      `link set ${veth} type bridge_slave hairpin on`,
    ]);
  }

  #writeFirewall(): Promise<void> {
    const write = async (): Promise<void> => {
      const script = firewallScript(this.#options.clusterCidr, this.#leases.all);
      await exec("nft", ["-f", "-"], { input: script });
    };
    const next = this.#firewall.then(write, write);
    this.#firewall = next.catch(() => undefined);
    return next;
  }
}

/** 15 characters at most: "veth" and 11 of the id's hash. */
function vethName(id: string): string {
  return `veth${createHash("sha256").update(id).digest("hex").slice(0, 11)}`;
}

/** Runs commands of `ip` in one process; an error that contains `tolerated` is no error. */
export async function ipBatch(commands: readonly string[], tolerated?: string): Promise<void> {
  if (commands.length === 0) return;
  try {
    await exec("ip", ["-b", "-"], { input: `${commands.join("\n")}\n` });
  } catch (error) {
    if (tolerated !== undefined && error instanceof ExecError && error.stderr.includes(tolerated)) return;
    throw error;
  }
}

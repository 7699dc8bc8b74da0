/** The node's own links: the bridge for its pods, the tunnel to the other nodes. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { exec, ExecError } from "#base/exec.ts";
import { errorCode } from "#base/files.ts";
import type { Completed } from "#base/component.ts";
import type { Logger } from "#base/log.ts";
import type { PodCidr } from "./cidr.ts";
import { removeTableScript } from "./firewall.ts";
import type { NetworkOptions } from "./options.ts";
import { peerCommands, tunnelMac, type Peer } from "./peers.ts";
import { ipBatch } from "./pod-network.ts";

/** VXLAN puts 50 bytes around each packet. */
const tunnelOverhead = 50;
/** flannel's. */
const tunnel = { id: 1, port: 8472 };
const defaultMtu = 1500;

/** Kernel settings without which pods, services or host ports don't work. */
const sysctls: readonly (readonly [string, string])[] = [
  ["net/ipv4/ip_forward", "1"],
  // Answers of a pod on the same bridge must pass the address translation.
  ["net/bridge/bridge-nf-call-iptables", "1"],
  // 127.0.0.1:NODEPORT
  ["net/ipv4/conf/all/route_localnet", "1"],
];

interface Uplink {
  readonly name: string;
  readonly id: string;
}

export class NodeLinks {
  readonly #options: Completed<NetworkOptions>;
  readonly #log: Logger;
  #peers: readonly Peer[] = [];
  /** What the tunnel was made over; undefined while there is none. */
  #tunnelOver: string | undefined;

  constructor(options: Completed<NetworkOptions>, { log }: { readonly log: Logger }) {
    this.#options = options;
    this.#log = log;
  }

  /** Makes the bridge, or takes over the one of an earlier start. Returns the pods' MTU. */
  async setUpBridge(cidr: PodCidr): Promise<number> {
    const { bridge, clusterCidr } = this.#options;
    for (const [name, value] of sysctls) await this.#sysctl(name, value);
    const mtu = (await this.#uplinkMtu()) - tunnelOverhead;
    await ipBatch([`link add ${bridge} type bridge`], "File exists");
    const addresses = networkInterfaces()[bridge] ?? [];
    const stale = addresses.filter(({ family, address }) => family === "IPv4" && address !== cidr.gateway);
    await ipBatch([
      ...stale.map(({ cidr: address }) => `addr del ${address ?? ""} dev ${bridge}`),
      `link set ${bridge} mtu ${mtu} up`,
      `addr replace ${cidr.gateway}/${cidr.bits} brd + dev ${bridge}`,
    ]);
    await openForwarding(clusterCidr, this.#log);
    return mtu;
  }

  /** The tunnel exists only when there is somebody at the other end. */
  async setPeers(cidr: PodCidr, peers: readonly Peer[]): Promise<void> {
    const { vxlan } = this.#options;
    if (this.#tunnelOver === undefined && peers.length === 0) return;
    const uplink = await this.#uplink();
    if (this.#tunnelOver !== uplink.id) await this.#makeTunnel(cidr, uplink);
    const { ip, bridge } = peerCommands(vxlan, this.#peers, peers);
    // Forgetting what the kernel has forgotten already is fine.
    for (const command of ip.filter((line) => line.includes(" del "))) {
      await ipBatch([command]).catch(() => undefined);
    }
    await ipBatch(ip.filter((line) => !line.includes(" del ")));
    for (const command of bridge) await this.#bridgeCommand(command);
    if (ip.length > 0) this.#log.info("peers changed", { peers: peers.map(({ node }) => node) });
    this.#peers = peers;
  }

  /** The link with the node's address. One that is made anew under the same name is another. */
  async #uplink(): Promise<Uplink> {
    const { nodeIp } = this.#options;
    const name = uplinkOf(nodeIp);
    if (name === undefined) {
      throw new Error(
        `no interface has the node's address ${nodeIp}: give --node-ip an address of this machine`,
      );
    }
    const index = await readFile(`/sys/class/net/${name}/ifindex`, "utf8");
    return { name, id: `${name} ${index.trim()}` };
  }

  async #makeTunnel(cidr: PodCidr, uplink: Uplink): Promise<void> {
    const { vxlan, nodeIp, nodeName } = this.#options;
    const mtu = (await this.#uplinkMtu()) - tunnelOverhead;
    // Made anew: one of an earlier start may have another address or other peers.
    await ipBatch([`link del ${vxlan}`], "Cannot find device");
    const { id, port } = tunnel;
    await ipBatch([
      `link add ${vxlan} address ${tunnelMac(nodeName)} mtu ${mtu} type vxlan id ${id} dev ${uplink.name} local ${nodeIp} dstport ${port} nolearning`,
      `addr add ${cidr.network}/32 dev ${vxlan}`,
      `link set ${vxlan} up`,
    ]);
    this.#tunnelOver = uplink.id;
    this.#peers = [];
    this.#log.info("tunnel up", { device: vxlan, uplink: uplink.name, mtu });
  }

  async #bridgeCommand(command: string): Promise<void> {
    try {
      await exec("bridge", command.split(" "));
    } catch (error) {
      if (!command.startsWith("fdb del")) throw error;
    }
  }

  async #uplinkMtu(): Promise<number> {
    const uplink = uplinkOf(this.#options.nodeIp);
    if (uplink === undefined || uplink === "lo") return defaultMtu;
    const text = await readFile(`/sys/class/net/${uplink}/mtu`, "utf8").catch(() => "");
    return /^\d+$/.test(text.trim()) ? Number(text) : defaultMtu;
  }

  async #sysctl(name: string, value: string): Promise<void> {
    try {
      const path = `/proc/sys/${name}`;
      if ((await readFile(path, "utf8")).trim() !== value) await writeFile(path, value);
    } catch (error) {
      this.#log.warn("kernel setting not made", { name, value, error: errorCode(error) ?? error });
    }
  }
}

function uplinkOf(nodeIp: string): string | undefined {
  const found = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address }) => address === nodeIp),
  );
  return found?.[0];
}

const comment = "mini-k8s pods";

/** dockerd makes DROP the policy of iptables' FORWARD chain: pods need a rule there. Nothing to do otherwise. */
async function openForwarding(clusterCidr: string, log: Logger): Promise<void> {
  const { stdout } = await exec("iptables", ["-w", "-S", "FORWARD"]).catch(() => ({ stdout: "" }));
  if (!stdout.includes("-P FORWARD DROP") || stdout.includes(comment)) return;
  for (const side of ["-s", "-d"]) {
    await exec("iptables", [
      "-w",
      "-I",
      "FORWARD",
      side,
      clusterCidr,
      "-m",
      "comment",
      "--comment",
      comment,
      "-j",
      "ACCEPT",
    ]);
  }
  log.info("iptables drops forwarded packets: pods are let through", { clusterCidr });
}

async function closeForwarding(): Promise<void> {
  const { stdout } = await exec("iptables", ["-w", "-S", "FORWARD"]).catch(() => ({ stdout: "" }));
  for (const line of stdout.split("\n").filter((text) => text.includes(comment))) {
    const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    await exec("iptables", ["-w", "-D", ...args.slice(1)]);
  }
}

/** Everything the network room put into the kernel. For uninstalling: pods must be gone. */
export async function removeNetwork(options: {
  readonly bridge: string;
  readonly vxlan: string;
}): Promise<void> {
  const links = await readdir("/sys/class/net");
  const pods = links.filter((name) => /^veth[0-9a-f]{11}$/.test(name));
  for (const link of [...pods, options.vxlan, options.bridge]) {
    await ipBatch([`link del ${link}`], "Cannot find device");
  }
  try {
    await exec("nft", ["-f", "-"], { input: removeTableScript });
  } catch (error) {
    if (!(error instanceof ExecError) || error.exitCode !== null) throw error;
  }
  await closeForwarding();
}

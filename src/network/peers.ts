/** The other nodes as the tunnel sees them. Pure. */
import { createHash } from "node:crypto";
import type { Node } from "#api/generated/types/core-v1.ts";
import { parsePodCidr } from "./cidr.ts";

export interface Peer {
  readonly node: string;
  readonly podCidr: string;
  /** The tunnel's address there: the first of its range. */
  readonly tunnelAddress: string;
  readonly tunnelMac: string;
  /** Where packets to it are sent. */
  readonly address: string;
}

/** Every node can tell every other's: nothing has to be announced. Locally administered, unicast. */
export function tunnelMac(node: string): string {
  const hash = createHash("sha256").update(node).digest();
  return ["02", ...[...hash.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

export function peersOf(nodes: readonly Node[], ownName: string): readonly Peer[] {
  return nodes
    .flatMap((node) => {
      const name = node.metadata?.name ?? "";
      const cidr = parsePodCidr(node.spec?.podCIDR ?? "");
      const address = node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
      if (name === ownName || cidr === undefined || address === undefined) return [];
      return [
        { node: name, podCidr: cidr.text, tunnelAddress: cidr.network, tunnelMac: tunnelMac(name), address },
      ];
    })
    .toSorted((a, b) => (a.podCidr < b.podCidr ? -1 : 1));
}

export interface PeerCommands {
  /** For `ip -b`. */
  readonly ip: readonly string[];
  /** Arguments of `bridge`, one call each. */
  readonly bridge: readonly string[];
}

/** What brings the tunnel from knowing `old` to knowing `wanted`. */
export function peerCommands(device: string, old: readonly Peer[], wanted: readonly Peer[]): PeerCommands {
  const key = (peer: Peer): string => JSON.stringify(peer);
  const before = new Set(old.map(key));
  const after = new Set(wanted.map(key));
  const gone = old.filter((peer) => !after.has(key(peer)));
  const fresh = wanted.filter((peer) => !before.has(key(peer)));
  // A range or a tunnel end that lives on with another node must not be taken away again.
  const kept = (value: (peer: Peer) => string, peer: Peer): boolean =>
    wanted.some((other) => value(other) === value(peer));
  return {
    ip: [
      ...gone
        .filter((peer) => !kept(({ podCidr }) => podCidr, peer))
        .flatMap((peer) => [
          `route del ${peer.podCidr} dev ${device}`,
          `neigh del ${peer.tunnelAddress} dev ${device}`,
        ]),
      ...fresh.flatMap((peer) => [
        `neigh replace ${peer.tunnelAddress} lladdr ${peer.tunnelMac} dev ${device} nud permanent`,
        `route replace ${peer.podCidr} via ${peer.tunnelAddress} dev ${device} onlink`,
      ]),
    ],
    bridge: [
      ...gone
        .filter((peer) => !kept((one) => one.tunnelMac, peer))
        .map((peer) => `fdb del ${peer.tunnelMac} dev ${device}`),
      ...fresh.map((peer) => `fdb replace ${peer.tunnelMac} dev ${device} dst ${peer.address}`),
    ],
  };
}

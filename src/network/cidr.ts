/** A node's part of the pod network. */
export interface PodCidr {
  readonly text: string;
  readonly bits: number;
  /** The network's own address: the tunnel's end of the node. */
  readonly network: string;
  /** The bridge's. */
  readonly gateway: string;
  /** How many addresses pods can have. */
  readonly podsMax: number;
  /** The `index`-th address for a pod, from 0. */
  podAddress(index: number): string;
}

/** Undefined when it isn't an IPv4 range with room for pods. */
export function parsePodCidr(text: string): PodCidr | undefined {
  const [, a = "", b = "", c = "", d = "", prefix = ""] =
    /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text) ?? [];
  const parts = [a, b, c, d].map(Number);
  const bits = Number(prefix);
  if (prefix === "" || bits > 30 || parts.some((part) => part > 255)) return undefined;
  const first = parts.reduce((sum, part) => sum * 256 + part, 0);
  const address = (offset: number): string =>
    [24, 16, 8, 0].map((shift) => Math.floor((first + offset) / 2 ** shift) % 256).join(".");
  return {
    text,
    bits,
    network: address(0),
    gateway: address(1),
    // Without the network, the gateway and the broadcast address.
    podsMax: 2 ** (32 - bits) - 3,
    podAddress: (index) => address(index + 2),
  };
}

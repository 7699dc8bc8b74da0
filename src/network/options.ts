/** What the pod network needs to know. */
import type { Completed } from "#base/component.ts";

export interface NetworkOptions {
  readonly nodeName: string;
  /** This node's address, which other nodes reach it at. */
  readonly nodeIp: string;
  /** Addresses of all pods of the cluster. */
  readonly clusterCidr: string;
  /** Where addresses given to pods are noted down; survives restarts. */
  readonly leaseDirectory: string;
  readonly bridge?: string;
  readonly vxlan?: string;
}

export function complete(options: NetworkOptions): Completed<NetworkOptions> {
  return {
    ...options,
    bridge: options.bridge ?? "mk8s0",
    vxlan: options.vxlan ?? "mk8s.1",
  } as Completed<NetworkOptions>;
}

/** Linux keeps 15 bytes of an interface's name. */
const nameMax = 15;

export function validate(options: Completed<NetworkOptions>): readonly string[] {
  const faults: string[] = [];
  if (!/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(options.clusterCidr)) {
    faults.push(`--cluster-cidr is ${options.clusterCidr}, must be an IPv4 range`);
  }
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(options.nodeIp)) {
    faults.push(`--node-ip is ${options.nodeIp}, must be an IPv4 address`);
  }
  for (const name of [options.bridge, options.vxlan]) {
    if (name.length > nameMax) {
      faults.push(`the interface name ${name} has ${name.length} characters, at most ${nameMax}`);
    }
  }
  return faults;
}

/** What the proxy needs to know. */
import type { Completed } from "#base/component.ts";

export interface ProxyOptions {
  readonly nodeName: string;
  /** Sources in here are pods: their address is kept on the way to a service. */
  readonly clusterCidr: string;
}

export function complete(options: ProxyOptions): Completed<ProxyOptions> {
  return options as Completed<ProxyOptions>;
}

export function validate({ nodeName, clusterCidr }: Completed<ProxyOptions>): readonly string[] {
  return [
    ...(nodeName === "" ? ["--node-name is empty"] : []),
    ...(/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(clusterCidr)
      ? []
      : [`--cluster-cidr is ${clusterCidr}, must be an IPv4 range`]),
  ];
}

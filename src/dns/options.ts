/** What the cluster's DNS needs to know. */
import type { Completed } from "#base/component.ts";

export interface DnsOptions {
  readonly nodeName: string;
  /** Address of the Service kube-dns: what pods have in their resolv.conf. */
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Where the servers for everything else are listed. */
  readonly resolvConf?: string;
  /** Tried first; another one is taken when somebody has it. */
  readonly port?: number;
}

export function complete(options: DnsOptions): Completed<DnsOptions> {
  return {
    ...options,
    clusterDomain: options.clusterDomain.toLowerCase().replace(/\.$/, ""),
    resolvConf: options.resolvConf ?? "/etc/resolv.conf",
    port: options.port ?? 53,
  } as Completed<DnsOptions>;
}

export function validate(options: Completed<DnsOptions>): readonly string[] {
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(options.clusterDomain)
    ? []
    : [`--cluster-domain is ${options.clusterDomain}, must be a domain name`];
}

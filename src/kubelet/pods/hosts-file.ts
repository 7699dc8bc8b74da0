/** A pod's /etc/hosts. upstream: pkg/kubelet/kubelet_pods.go nodeHostsFileContent, managedHostsFileContent */
import type { HostAlias } from "#api/generated/types/core-v1.ts";

export interface HostsInput {
  readonly podIPs: readonly string[];
  readonly hostname: string;
  /** "" when the pod has no subdomain. */
  readonly domain: string;
  readonly aliases: readonly HostAlias[];
}

const header = "# Kubernetes-managed hosts file";

export function hostsFile({ podIPs, hostname, domain, aliases }: HostsInput): string {
  const own = podIPs.map((ip) =>
    domain === "" ? `${ip}\t${hostname}\n` : `${ip}\t${hostname}.${domain}\t${hostname}\n`,
  );
  return [
    `${header}.\n`,
    "127.0.0.1\tlocalhost\n",
    "::1\tlocalhost ip6-localhost ip6-loopback\n",
    "fe00::0\tip6-localnet\n",
    "fe00::0\tip6-mcastprefix\n",
    "fe00::1\tip6-allnodes\n",
    "fe00::2\tip6-allrouters\n",
    ...own,
    aliasLines(aliases),
  ].join("");
}

/** On the host's network: the host's own file and the pod's aliases. */
export function hostNetworkHostsFile(hostFile: string, aliases: readonly HostAlias[]): string {
  return `${header} (host network).\n${hostFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}

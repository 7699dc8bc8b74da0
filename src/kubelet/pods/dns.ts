/** A pod's resolv.conf. upstream: pkg/kubelet/network/dns/dns.go */
import type { Pod, PodDNSConfig } from "#api/generated/types/core-v1.ts";
import { podNamespace, usesHostNetwork } from "./pod.ts";

export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface ClusterDns {
  /** Empty: there is no DNS in the cluster. */
  readonly servers: readonly string[];
  readonly domain: string;
}

const serversMax = 3;
const searchesMax = 32;
const searchCharsMax = 2048;

export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === "search") {
      searches = values.map((name) => (name === "." ? name : name.replace(/\.$/, "")));
    } else if (keyword === "options") options = [...options, ...values];
  }
  return { servers, searches, options };
}

/** True: the pod asks the cluster's DNS, unless there is none. */
export function usesClusterDns(pod: Pod): boolean {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst";
  return policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !usesHostNetwork(pod));
}

export function podDns(pod: Pod, cluster: ClusterDns, host: ResolvConf): ResolvConf {
  return limited(merged(baseDns(pod, cluster, host), pod.spec?.dnsConfig));
}

function baseDns(pod: Pod, cluster: ClusterDns, host: ResolvConf): ResolvConf {
  if (pod.spec?.dnsPolicy === "None") return { servers: [], searches: [], options: [] };
  if (!usesClusterDns(pod) || cluster.servers.length === 0) {
    return { ...host, servers: host.servers.length === 0 ? ["127.0.0.1"] : host.servers };
  }
  const own =
    cluster.domain === ""
      ? []
      : [`${podNamespace(pod)}.svc.${cluster.domain}`, `svc.${cluster.domain}`, cluster.domain];
  return { servers: cluster.servers, searches: unique([...own, ...host.searches]), options: ["ndots:5"] };
}

function merged(base: ResolvConf, config: PodDNSConfig | undefined): ResolvConf {
  if (config === undefined) return base;
  const options = new Map(base.options.map((option) => [option.split(":")[0] ?? option, option]));
  for (const { name = "", value } of config.options ?? []) {
    options.set(name, value === undefined || value === "" ? name : `${name}:${value}`);
  }
  return {
    servers: unique([...base.servers, ...(config.nameservers ?? [])]),
    searches: unique([...base.searches, ...(config.searches ?? [])]),
    options: [...options.values()],
  };
}

const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

function limited({ servers, searches, options }: ResolvConf): ResolvConf {
  const kept = searches.slice(0, searchesMax);
  while (kept.join(" ").length > searchCharsMax) kept.pop();
  return { servers: servers.slice(0, serversMax), searches: kept, options };
}

/** What a kubelet is told. */
import { isIP } from "node:net";
import type { Completed } from "#base/component.ts";
import type { Taint } from "#api/generated/types/core-v1.ts";

export type KubeletRuntime = "auto" | "docker" | "cri" | "embedded" | "fake";

export interface KubeletOptions {
  readonly nodeName: string;
  /** The first is the address that the API server and other nodes reach it at. */
  readonly nodeIps: readonly string[];
  readonly nodeLabels?: Readonly<Record<string, string>>;
  /** Only for a node that is new. */
  readonly nodeTaints?: readonly Taint[];
  /** The kubelet's own: pods, volumes. */
  readonly rootDir: string;
  /** "/var/log/pods" */
  readonly podLogsDir?: string;
  readonly runtime?: KubeletRuntime;
  /** Of the runtime: see runtime/open.ts. */
  readonly runtimeEndpoint?: string;
  readonly runtimeDataDir: string;
  readonly runtimeStateDir: string;
  /** "": found on this machine. */
  readonly runcPath?: string;
  /** "": none. */
  readonly registriesPath?: string;
  /** A node that only pretends: no cgroups, no mounts, no files, no server, only warnings as events. */
  readonly simulated?: boolean;
  readonly bindAddress?: string;
  readonly port?: number;
  /** Common names and organizations of certificates that may use the kubelet's API. */
  readonly clientUsers?: readonly string[];
  readonly clientGroups?: readonly string[];
  readonly clusterDns?: readonly string[];
  readonly clusterDomain?: string;
  readonly resolvConf?: string;
  readonly podsMax?: number;
  readonly cgroupRoot?: string;
  readonly logBytesMax?: number;
  readonly logFilesMax?: number;
}

/** upstream's numbers. */
const defaults = {
  nodeLabels: {},
  nodeTaints: [],
  podLogsDir: "/var/log/pods",
  runtime: "auto",
  runtimeEndpoint: "",
  runcPath: "",
  registriesPath: "",
  simulated: false,
  bindAddress: "0.0.0.0",
  port: 10250,
  /** The API server's client certificate. */
  clientUsers: ["kube-apiserver-kubelet-client"],
  clientGroups: ["system:masters"],
  clusterDns: [],
  clusterDomain: "cluster.local",
  resolvConf: "/etc/resolv.conf",
  podsMax: 110,
  cgroupRoot: "/kubepods",
  logBytesMax: 10 * 1024 * 1024,
  logFilesMax: 5,
} as const satisfies Partial<KubeletOptions>;

export function complete(options: KubeletOptions): Completed<KubeletOptions> {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...defaults, ...given } as unknown as Completed<KubeletOptions>;
}

export function validate(options: Completed<KubeletOptions>): readonly string[] {
  const faults: string[] = [];
  if (options.nodeIps.length === 0) faults.push("--node-ip is empty, must be an address of this machine");
  for (const ip of options.nodeIps) {
    if (isIP(ip) === 0) faults.push(`--node-ip is ${ip}, must be an IP address`);
  }
  for (const ip of options.clusterDns) {
    if (isIP(ip) === 0) faults.push(`--cluster-dns is ${ip}, must be an IP address`);
  }
  if (options.port < 1 || options.port > 65535) {
    faults.push(`--kubelet-port is ${options.port}, must lie in 1-65535`);
  }
  if (options.podsMax < 1) faults.push(`--max-pods is ${options.podsMax}, must be at least 1`);
  if (options.logFilesMax < 2) {
    faults.push(`--container-log-max-files is ${options.logFilesMax}, must be at least 2`);
  }
  return faults;
}

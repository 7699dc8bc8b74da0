/** The options of `server` and `agent`: their defaults and their rules. option-tables.ts lists them. */
import { hostname } from "node:os";
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { AuditOptions } from "#apiserver/audit/open-auditor.ts";
import type { DefaultTolerations } from "#apiserver/admission/plugins/default-toleration-seconds.ts";
import type { FeatureGate } from "#apiserver/metrics/feature-metrics.ts";
import type { PluginSelection } from "#apiserver/admission/plugin-selection.ts";
import type { AuthorizationOptions } from "#apiserver/authz/configuration/configuration.ts";
import type { OptionValues } from "#base/options.ts";
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import { parseRuntimeConfig, RuntimeConfigError } from "#api/runtime-config.ts";
import type { Serves } from "#api/scheme.ts";
import type { CompactionOptions } from "#store/history/compaction.ts";
import { scheduleFault } from "#api/batch/cron-schedule.ts";
import { addressInRange, parseCidr } from "./addresses.ts";
import { readDatastore, type Datastore } from "./datastore/endpoint.ts";
import { serverPaths } from "./paths.ts";
import {
  readAuthenticationConfig,
  readOidc,
  readTokenWebhook,
  type OidcFlags,
  type TokenWebhookFlags,
} from "./authentication/options.ts";
import { readAudit } from "./audit/options.ts";
import { readAdmission, readTolerations } from "./admission/options.ts";
import { readAuthorization } from "./authorization/options.ts";
import { readFeatureGates } from "./feature-gates/options.ts";
import { readEtcdListen, type EtcdListenOptions } from "./etcd-listen/options.ts";
import { readServiceAccounts, type ServiceAccountFlags } from "./service-accounts/options.ts";
import { readRequests, type RequestOptions } from "./serving/options.ts";

export type RuntimeChoice = "auto" | "docker" | "cri" | "embedded" | "fake";
const runtimeChoices: readonly string[] = ["auto", "docker", "cri", "embedded", "fake"];

/** What server and agent have in common, defaults filled in. */
export interface NodeOptions {
  readonly dataDir: string;
  readonly debug: boolean;
  readonly logFormat: "text" | "json";
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly nodeName: string;
  /** Undefined: found out when starting. */
  readonly nodeIp: string | undefined;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly nodeTaints: readonly NodeTaint[];
  readonly kubeletPort: number;
  readonly runtime: RuntimeChoice;
  readonly runtimeEndpoint: string | undefined;
  readonly disable: ReadonlySet<string>;
}

export interface NodeTaint {
  readonly key: string;
  readonly value: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

export interface ServerOptions extends NodeOptions {
  readonly datastore: Datastore;
  readonly etcdListen: EtcdListenOptions | undefined;
  readonly bindAddress: string;
  readonly httpsListenPort: number;
  readonly advertiseAddress: string | undefined;
  readonly tlsSan: readonly string[];
  readonly writeKubeconfig: string;
  readonly writeKubeconfigMode: number;
  readonly agentToken: string | undefined;
  readonly tokenAuthFile: string | undefined;
  readonly oidc: OidcFlags | undefined;
  readonly tokenWebhook: TokenWebhookFlags | undefined;
  readonly authenticationConfig: string | undefined;
  /** Undefined: nothing was said of it. */
  readonly anonymousAuth: boolean | undefined;
  readonly serviceAccounts: ServiceAccountFlags;
  readonly authorization: AuthorizationOptions;
  readonly admissionPlugins: PluginSelection;
  readonly admissionConfig: string | undefined;
  readonly tolerations: DefaultTolerations;
  readonly secretsEncryption: boolean;
  readonly encryptionProviderConfig: string | undefined;
  readonly audit: AuditOptions | undefined;
  readonly requests: RequestOptions;
  readonly featureGates: readonly FeatureGate[];
  /** Undefined: what is served by default. */
  readonly serves: Serves | undefined;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly serviceNodePortRange: { readonly from: number; readonly to: number };
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly disableAgent: boolean;
  readonly snapshots: {
    /** Undefined: only when asked for. */
    readonly schedule: string | undefined;
    readonly retention: number;
    readonly directory: string;
    readonly name: string;
  };
  readonly compaction: CompactionOptions;
  /** The kubeconfig's context. */
  readonly contextName: string;
}

export interface AgentOptions extends NodeOptions {
  readonly server: string;
}

/** Facts of this machine that defaults depend on; handed in so that tests and the help don't depend on it. */
export interface Machine {
  readonly isRoot: boolean;
  readonly home: string;
  readonly hostname: string;
}

export const thisMachine = (home: string): Machine => ({
  isRoot: process.getuid?.() === 0,
  home,
  hostname: hostname(),
});

export const defaultDataDir = (machine: Machine): string =>
  machine.isRoot ? "/var/lib/mini-k8s" : `${machine.home}/.mini-k8s`;

/** Reads values of one kind and collects what is wrong with them. */
class Reader {
  readonly faults: string[] = [];
  readonly #values: OptionValues;

  constructor(values: OptionValues) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  flagIfGiven(name: string): boolean | undefined {
    return this.#values[name] === undefined ? undefined : this.flag(name);
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  integer(name: string, fallback: number): number {
    const value = this.#values[name];
    return typeof value === "number" ? value : fallback;
  }

  /** Go's form of a duration. */
  duration(name: string, fallbackMs: number, leastMs: number): number {
    const text = this.text(name);
    if (text === undefined) return fallbackMs;
    try {
      const ms = goDurationMs(text);
      if (ms < leastMs) this.faults.push(`--${name} is ${text}, must be at least ${leastMs} ms`);
      return ms;
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      this.faults.push(`--${name} is ${text}, must be a duration such as 5m or 1h30m`);
      return fallbackMs;
    }
  }

  port(name: string, fallback: number): number {
    const value = this.#values[name];
    if (typeof value !== "number") return fallback;
    if (value < 1 || value > 65535) this.faults.push(`--${name} is ${value}, must lie in 1-65535`);
    return value;
  }

  /** A number of something: none is possible, less isn't. */
  count(name: string, fallback: number): number {
    const value = this.#values[name];
    if (typeof value !== "number") return fallback;
    if (value < 0) this.faults.push(`--${name} is ${value}, must be 0 or more`);
    return value;
  }

  ip(name: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && isIP(value) === 0) {
      this.faults.push(`--${name} is ${value}, must be an IP address`);
    }
    return value;
  }

  cidr(name: string, fallback: string): string {
    const value = this.text(name) ?? fallback;
    if (parseCidr(value) === undefined) {
      this.faults.push(`--${name} is ${value}, must be an IPv4 range such as ${fallback}`);
    }
    return value;
  }

  choice(name: string, choices: readonly string[], fallback: string): string {
    const value = this.text(name) ?? fallback;
    if (!choices.includes(value)) {
      this.faults.push(`--${name} is ${value}, must be one of ${choices.join(", ")}`);
    }
    return value;
  }
}

export interface Read<O> {
  readonly options: O;
  /** Every fault at once, each naming its flag. Empty means valid. */
  readonly faults: readonly string[];
}

const dnsLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const effects: readonly string[] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

function readNode(reader: Reader, machine: Machine): NodeOptions {
  const nodeName = (reader.text("node-name") ?? machine.hostname).toLowerCase();
  if (!dnsLabel.test(nodeName) || nodeName.length > 253) {
    reader.faults.push(
      `--node-name is ${nodeName}, must be lower-case letters, digits, '-' and '.', at most 253`,
    );
  }
  const runtime = reader.choice("runtime", runtimeChoices, "auto") as RuntimeChoice;
  const endpoint = reader.text("container-runtime-endpoint");
  if (reader.flag("docker") && runtime !== "auto" && runtime !== "docker") {
    reader.faults.push(`--docker contradicts --runtime ${runtime}`);
  }
  if (reader.text("token") !== undefined && reader.text("token-file") !== undefined) {
    reader.faults.push("--token and --token-file are both given, only one can be");
  }
  return {
    dataDir: resolve(reader.text("data-dir") ?? defaultDataDir(machine)),
    debug: reader.flag("debug"),
    logFormat: reader.choice("log-format", ["text", "json"], "text") as "text" | "json",
    token: reader.text("token"),
    tokenFile: reader.text("token-file"),
    nodeName,
    nodeIp: reader.ip("node-ip"),
    nodeLabels: readLabels(reader),
    nodeTaints: readTaints(reader),
    kubeletPort: reader.port("kubelet-port", 10250),
    runtime: reader.flag("docker")
      ? "docker"
      : runtime === "auto" && endpoint !== undefined
        ? "cri"
        : runtime,
    runtimeEndpoint: endpoint,
    disable: new Set(reader.list("disable")),
  };
}

function readLabels(reader: Reader): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const text of reader.list("node-label")) {
    const [, key, value] = /^([A-Za-z0-9./_-]+)=([A-Za-z0-9._-]*)$/.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      reader.faults.push(`--node-label is ${text}, must be KEY=VALUE`);
    } else labels[key] = value;
  }
  return labels;
}

function readTaints(reader: Reader): NodeTaint[] {
  return reader.list("node-taint").flatMap((text) => {
    const [, key, value = "", effect] = /^([A-Za-z0-9./_-]+)(?:=([A-Za-z0-9._-]*))?:(\w+)$/.exec(text) ?? [];
    if (key === undefined || effect === undefined || !effects.includes(effect)) {
      reader.faults.push(
        `--node-taint is ${text}, must be KEY=VALUE:EFFECT with an effect of ${effects.join(", ")}`,
      );
      return [];
    }
    return [{ key, value, effect: effect as NodeTaint["effect"] }];
  });
}

export function readServerOptions(values: OptionValues, machine: Machine): Read<ServerOptions> {
  const reader = new Reader(values);
  const node = readNode(reader, machine);
  const serviceCidr = reader.cidr("service-cidr", "10.43.0.0/16");
  const clusterCidr = reader.cidr("cluster-cidr", "10.42.0.0/16");
  const clusterDns = reader.ip("cluster-dns") ?? addressInRange(serviceCidr, 10) ?? "10.43.0.10";
  if (parseCidr(serviceCidr)?.includes(clusterDns) === false) {
    reader.faults.push(`--cluster-dns is ${clusterDns}, must lie in --service-cidr ${serviceCidr}`);
  }
  if (parseCidr(serviceCidr)?.overlaps(clusterCidr) === true) {
    reader.faults.push(`--service-cidr ${serviceCidr} and --cluster-cidr ${clusterCidr} overlap`);
  }
  const clusterDomain = reader.text("cluster-domain") ?? "cluster.local";
  if (!dnsLabel.test(clusterDomain)) {
    reader.faults.push(`--cluster-domain is ${clusterDomain}, must be a domain name`);
  }
  if (reader.flag("secrets-encryption") && reader.text("encryption-provider-config") !== undefined) {
    reader.faults.push("--secrets-encryption and --encryption-provider-config exclude each other");
  }
  const files = {
    caFile: reader.text("datastore-cafile"),
    certFile: reader.text("datastore-certfile"),
    keyFile: reader.text("datastore-keyfile"),
  };
  const datastore = readDatastore(reader.text("datastore-endpoint"), files, reader.faults);
  const options: ServerOptions = {
    ...node,
    datastore,
    etcdListen: readEtcdListen(reader, datastore.kind === "sqlite"),
    bindAddress: reader.ip("bind-address") ?? "0.0.0.0",
    httpsListenPort: reader.port("https-listen-port", 6443),
    advertiseAddress: reader.ip("advertise-address"),
    tlsSan: reader.list("tls-san"),
    writeKubeconfig: reader.text("write-kubeconfig") ?? defaultKubeconfig(reader, node, machine),
    writeKubeconfigMode: readMode(reader),
    agentToken: reader.text("agent-token"),
    tokenAuthFile: reader.text("token-auth-file"),
    oidc: readOidc(reader),
    tokenWebhook: readTokenWebhook(reader),
    authenticationConfig: readAuthenticationConfig(reader),
    anonymousAuth: reader.flagIfGiven("anonymous-auth"),
    serviceAccounts: readServiceAccounts(reader, clusterDomain),
    authorization: readAuthorization(reader),
    admissionPlugins: readAdmission(reader),
    tolerations: readTolerations(reader),
    admissionConfig: reader.text("admission-control-config-file"),
    secretsEncryption: reader.flag("secrets-encryption"),
    encryptionProviderConfig: reader.text("encryption-provider-config"),
    audit: readAudit(reader),
    requests: readRequests(reader),
    featureGates: readFeatureGates(reader),
    serves: readRuntimeConfig(reader),
    clusterCidr,
    serviceCidr,
    serviceNodePortRange: readPortRange(reader),
    clusterDns,
    clusterDomain,
    disableAgent: reader.flag("disable-agent"),
    snapshots: readSnapshots(reader, node),
    compaction: {
      intervalMs: reader.duration("etcd-compaction-interval", 5 * 60_000, 1000),
      keepMs: reader.duration("history", 0, 0),
    },
    contextName: "default",
  };
  return { options, faults: reader.faults };
}

function readRuntimeConfig(reader: Reader): Serves | undefined {
  try {
    return parseRuntimeConfig(reader.list("runtime-config"));
  } catch (error) {
    if (!(error instanceof RuntimeConfigError)) throw error;
    reader.faults.push(`--runtime-config: ${error.message}`);
    return undefined;
  }
}

function readSnapshots(reader: Reader, node: NodeOptions): ServerOptions["snapshots"] {
  const schedule = reader.text("etcd-snapshot-schedule-cron") ?? "0 */12 * * *";
  const fault = scheduleFault(schedule);
  if (fault !== undefined) {
    reader.faults.push(`--etcd-snapshot-schedule-cron is ${JSON.stringify(schedule)}: ${fault}`);
  }
  const retention = reader.integer("etcd-snapshot-retention", 5);
  if (retention < 0) {
    reader.faults.push(`--etcd-snapshot-retention is ${retention}, must be 0 (keep all) or more`);
  }
  const name = reader.text("etcd-snapshot-name") ?? "etcd-snapshot";
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    reader.faults.push(
      `--etcd-snapshot-name is ${JSON.stringify(name)}, must be 1 to 100 letters, digits, '.', '_' and '-'`,
    );
  }
  return {
    schedule: reader.flag("etcd-disable-snapshots") ? undefined : schedule,
    retention,
    directory: resolve(reader.text("etcd-snapshot-dir") ?? serverPaths(node.dataDir).snapshots),
    name,
  };
}

/** A server with its own data directory keeps to it; the one of the machine writes where an administrator looks. */
function defaultKubeconfig(reader: Reader, node: NodeOptions, machine: Machine): string {
  return machine.isRoot && reader.text("data-dir") === undefined
    ? "/etc/mini-k8s/mini-k8s.yaml"
    : `${node.dataDir}/kubeconfig.yaml`;
}

function readMode(reader: Reader): number {
  const text = reader.text("write-kubeconfig-mode") ?? "0600";
  if (!/^0?[0-7]{3}$/.test(text)) {
    reader.faults.push(`--write-kubeconfig-mode is ${text}, must be an octal file mode such as 0644`);
    return 0o600;
  }
  return Number.parseInt(text, 8);
}

function readPortRange(reader: Reader): { from: number; to: number } {
  const text = reader.text("service-node-port-range") ?? "30000-32767";
  const [, from = "0", to = "0"] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const range = { from: Number(from), to: Number(to) };
  if (range.from < 1024 || range.to > 65535 || range.from > range.to) {
    reader.faults.push(`--service-node-port-range is ${text}, must be FROM-TO within 1024-65535`);
  }
  return range;
}

export function readAgentOptions(values: OptionValues, machine: Machine): Read<AgentOptions> {
  const reader = new Reader(values);
  const node = readNode(reader, machine);
  const server = reader.text("server") ?? reader.text("join");
  if (server === undefined) {
    reader.faults.push("--server is missing: the URL of the server to join, https://HOST:6443");
  } else if (!URL.canParse(server) || new URL(server).protocol !== "https:") {
    reader.faults.push(`--server is ${server}, must be an https:// URL`);
  }
  if (node.token === undefined && node.tokenFile === undefined) {
    reader.faults.push("--token is missing: print it on the server with `mini-k8s token`");
  }
  return { options: { ...node, server: (server ?? "").replace(/\/+$/, "") }, faults: reader.faults };
}

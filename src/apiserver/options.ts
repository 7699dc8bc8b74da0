/** What an apiserver is told at its start. */
import { isIP } from "node:net";
import type { AuditOptions } from "./audit/open-auditor.ts";
import type { PluginSettings } from "./admission/configuration/plugin-settings.ts";
import {
  defaultTolerations,
  type DefaultTolerations,
} from "./admission/plugins/default-toleration-seconds.ts";
import { defaultSelection, enabledPlugins, type PluginSelection } from "./admission/plugin-selection.ts";
import type { FrontProxy } from "./aggregation/remote-servers.ts";
import type { Completed } from "#base/component.ts";
import { defaultAuthorization, type AuthorizationOptions } from "./authz/configuration/configuration.ts";
import type { ServiceRouting } from "./connect/service-resolver.ts";
import { defaultServiceAccounts, type ServiceAccountOptions } from "./authn/service-account/options.ts";
import type { RequestLimits } from "./flowcontrol/in-flight.ts";
import type { FeatureGate } from "./metrics/feature-metrics.ts";
import { defaultServing, type ServingOptions } from "./http/serving-options.ts";

export interface RequestHeaderOptions {
  /** Signs the certificates of front proxies. */
  readonly caPem: string;
  /** Common names of those certificates. */
  readonly allowedNames: readonly string[];
  /** Shown to the servers that extend this one. */
  readonly client: FrontProxy;
}

export interface ApiserverOptions {
  /** Default 0.0.0.0. */
  readonly bindAddress?: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where pods and other machines reach this server. */
  readonly advertiseAddress: string;
  /** The port that goes with it, when it isn't `port`. 0 means the same. */
  readonly advertisePort?: number;
  /** Of this machine: what metrics tell servers apart by comes of it. Default: the address that is advertised. */
  readonly hostname?: string;
  /** Other servers write to the same store. Default false. */
  readonly isShared?: boolean;
  /** One range per family, the default family's first. */
  readonly serviceCidrs: readonly string[];
  readonly nodePorts: { readonly first: number; readonly last: number };
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Signs the certificates that clients come with. */
  readonly clientCaPem: string;
  /** Signs the certificates that kubelets present. */
  readonly kubeletCaPem: string;
  /** This server as a client of kubelets. */
  readonly kubeletClient: { readonly certificatePem: string; readonly keyPem: string };
  /** Signs the tokens of service accounts. */
  readonly serviceAccountKeyPem: string;
  /** Who may speak for others in the headers of a request, and this server as one who does. */
  readonly requestHeader: RequestHeaderOptions;
  /** Absent: nothing is told of requests. */
  readonly audit?: AuditOptions | undefined;
  /** An AuthenticationConfiguration; absent: no other issuers of tokens than the options' own. */
  readonly authenticationConfig?: string | undefined;
  /** Default: nodes, then RBAC. */
  readonly authorization?: AuthorizationOptions;
  /** Default: those that upstream turns on, and NodeRestriction. */
  readonly admissionPlugins?: PluginSelection;
  /** Default: nothing is said to any plugin. */
  readonly admissionSettings?: PluginSettings;
  /** How long pods stay on a node that went away. Default: 300 s each. */
  readonly tolerations?: DefaultTolerations;
  /** An EncryptionConfiguration; absent: everything is kept as it is. */
  readonly encryptionConfiguration?: string | undefined;
  /** Default: one issuer, https://kubernetes.default.svc.cluster.local, and no key but the one that signs. */
  readonly serviceAccounts?: ServiceAccountOptions;
  /** Whether requests without credentials are those of system:anonymous. Default true. */
  readonly anonymousAuth?: boolean;
  /** Whether somebody asked for that: then authenticationConfig must not speak of it, too. Default false. */
  readonly isAnonymousAuthGiven?: boolean;
  /** Default one minute. */
  readonly requestTimeoutMs?: number;
  /** A watch lasts one to two times this. Default half an hour. */
  readonly minRequestTimeoutMs?: number;
  /** Who makes a write is kept beside it, for who looks back. Default false. */
  readonly remembersAuthors?: boolean;
  /** How many requests are worked on at once. Default: 400 that only read, 200 others. */
  readonly requestLimits?: RequestLimits;
  /** Whether priority and fairness shares the sum of these out; otherwise each counts by itself. Default true. */
  readonly isFair?: boolean;
  /** How clients outside reach this server, for what tells them so. Default: the address that is advertised. */
  readonly externalHostname?: string | undefined;
  readonly serving?: ServingOptions;
  /** For /metrics. Default: nothing is said of any. */
  readonly featureGates?: readonly FeatureGate[];
  /** For how long since its last write an event is kept. 0: for ever. Default one hour. */
  readonly eventTtlMs?: number;
  /** For how long being alive doesn't depend on the steps of the start. Default 0. */
  readonly livezGraceMs?: number;
  /** How long it goes on serving, not ready, before it stops. Default 0. */
  readonly shutdownDelayMs?: number;
  /** How webhooks in services are reached. Default "endpoints", which needs no kube-proxy here. */
  readonly serviceRouting?: ServiceRouting;
}

export function completeApiserverOptions(options: ApiserverOptions): Completed<ApiserverOptions> {
  return {
    bindAddress: "0.0.0.0",
    advertisePort: 0,
    hostname: options.advertiseAddress,
    isShared: false,
    serviceAccounts: defaultServiceAccounts,
    anonymousAuth: true,
    isAnonymousAuthGiven: false,
    authorization: defaultAuthorization,
    admissionPlugins: defaultSelection,
    admissionSettings: {},
    tolerations: defaultTolerations,
    requestTimeoutMs: 60_000,
    minRequestTimeoutMs: 1_800_000,
    remembersAuthors: false,
    requestLimits: { reading: 400, mutating: 200 },
    isFair: true,
    serving: defaultServing,
    featureGates: [],
    eventTtlMs: 3_600_000,
    livezGraceMs: 0,
    shutdownDelayMs: 0,
    serviceRouting: "endpoints",
    ...options,
  } as Completed<ApiserverOptions>;
}

/** Every fault at once, each naming the flag that it comes from. */
export function validateApiserverOptions(options: Completed<ApiserverOptions>): readonly string[] {
  const { bindAddress, advertiseAddress, port, nodePorts, serviceCidrs } = options;
  const faults: string[] = [...admissionFaults(options)];
  if (isIP(bindAddress) === 0) faults.push(`--bind-address is ${bindAddress}, must be an IP address`);
  if (isIP(advertiseAddress) === 0) {
    faults.push(`--advertise-address is ${advertiseAddress}, must be an IP address`);
  }
  if (port < 0 || port > 65535) faults.push(`--https-listen-port is ${port}, must lie in 0-65535`);
  if (nodePorts.first < 1 || nodePorts.last > 65535 || nodePorts.last < nodePorts.first) {
    faults.push(
      `--service-node-port-range is ${nodePorts.first}-${nodePorts.last}, must lie in 1-65535, the smaller one first`,
    );
  }
  if (serviceCidrs.length < 1 || serviceCidrs.length > 2) {
    faults.push(`--service-cidr has ${serviceCidrs.length} ranges, must have one or two`);
  }
  for (const cidr of serviceCidrs) {
    const [address = "", bits = ""] = cidr.split("/");
    if (isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) {
      faults.push(`--service-cidr is ${cidr}, must be a range such as 10.43.0.0/16`);
    }
  }
  return faults;
}

const needs = { EventRateLimit: "its limits", ImagePolicyWebhook: "whom to ask" } as const;

function admissionFaults({
  admissionPlugins,
  admissionSettings,
}: Completed<ApiserverOptions>): readonly string[] {
  const enabled = enabledPlugins(admissionPlugins);
  return (["EventRateLimit", "ImagePolicyWebhook"] as const)
    .filter((name) => enabled.has(name) && admissionSettings[name] === undefined)
    .map(
      (name) =>
        `--enable-admission-plugins has ${name}, which --admission-control-config-file must tell ${needs[name]}`,
    );
}

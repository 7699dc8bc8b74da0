/** What the runtime is told about a pod's sandbox. upstream: pkg/kubelet/kuberuntime/kuberuntime_sandbox.go */
import type { Pod } from "#api/generated/types/core-v1.ts";
import type { NamespaceMode, PortMapping, SandboxConfig } from "../runtime/runtime.ts";
import type { ResolvConf } from "./dns.ts";
import { sandboxLabels } from "./labels.ts";
import {
  initContainers,
  isSidecar,
  mainContainers,
  podName,
  podNamespace,
  podUid,
  usesHostNetwork,
} from "./pod.ts";

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly kubeletRoot: string;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  readonly clusterDomain: string;
  readonly dns: ResolvConf | undefined;
}

const hostnameMax = 63;

/** The pod's hostname and the domain it lies in ("" without a subdomain). */
export function podHostname(
  pod: Pod,
  clusterDomain: string,
): { readonly hostname: string; readonly domain: string } {
  const override = pod.spec?.hostnameOverride;
  if (override !== undefined && override !== "") return { hostname: override, domain: "" };
  const wanted = pod.spec?.hostname ?? "";
  const hostname = wanted === "" ? cut(podName(pod)) : wanted;
  const subdomain = pod.spec?.subdomain ?? "";
  const domain = subdomain === "" ? "" : `${subdomain}.${podNamespace(pod)}.svc.${clusterDomain}`;
  return { hostname, domain };
}

const cut = (name: string): string => name.slice(0, hostnameMax).replace(/[-.]+$/, "");

export function sandboxConfig(input: SandboxInput): SandboxConfig {
  const { pod } = input;
  const { hostname, domain } = podHostname(pod, input.clusterDomain);
  const asFqdn = pod.spec?.setHostnameAsFQDN === true && domain !== "";
  return {
    name: podName(pod),
    uid: podUid(pod),
    namespace: podNamespace(pod),
    attempt: input.attempt,
    hostname: usesHostNetwork(pod) ? "" : asFqdn ? `${hostname}.${domain}` : hostname,
    logDirectory: input.logDirectory,
    dns: input.dns,
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod, input.kubeletRoot),
    annotations: pod.metadata?.annotations ?? {},
    cgroupParent: input.cgroupParent,
    sysctls: Object.fromEntries(
      (pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name.replaceAll("/", "."), value]),
    ),
    namespaces: {
      network: usesHostNetwork(pod) ? "node" : "pod",
      pid: pidMode(pod),
      ipc: pod.spec?.hostIPC === true ? "node" : "pod",
    },
  };
}

export function pidMode(pod: Pod): NamespaceMode {
  if (pod.spec?.hostPID === true) return "node";
  return pod.spec?.shareProcessNamespace === true ? "pod" : "container";
}

function portMappings(pod: Pod): PortMapping[] {
  if (usesHostNetwork(pod)) return [];
  return [...initContainers(pod).filter(isSidecar), ...mainContainers(pod)].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort = 0, containerPort, protocol = "TCP", hostIP = "" }) =>
      hostPort > 0 && (protocol === "TCP" || protocol === "UDP")
        ? [{ protocol, containerPort, hostPort, hostIP }]
        : [],
    ),
  );
}

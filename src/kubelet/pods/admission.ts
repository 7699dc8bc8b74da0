/**
 * The node's own last check before a pod may run here.
 * upstream: pkg/kubelet/lifecycle/predicate.go, pkg/scheduler/framework/plugins (reasons)
 */
import { requiredMatch } from "#api/core/node-selector.ts";
import { toleratesTaint } from "#api/core/tolerations.ts";
import type { Node, Pod } from "#api/generated/types/core-v1.ts";
import { quantityMilli, quantityOf } from "#api/meta/quantity.ts";
import { initContainers, isSidecar, mainContainers, usesHostNetwork } from "./pod.ts";
import { podRequestMilli } from "./qos.ts";

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

export interface AdmissionInput {
  readonly pod: Pod;
  /** Pods that run or will run here, this one excluded. */
  readonly others: readonly Pod[];
  readonly node: Node;
}

/** Undefined: the pod may run. */
export function rejectionOf(input: AdmissionInput): Rejection | undefined {
  return (
    osRejection(input) ??
    resourceRejection(input) ??
    affinityRejection(input) ??
    portRejection(input) ??
    taintRejection(input)
  );
}

function osRejection({ pod, node }: AdmissionInput): Rejection | undefined {
  const os = pod.spec?.os?.name;
  const selected = pod.spec?.nodeSelector?.["kubernetes.io/os"];
  const own = node.metadata?.labels?.["kubernetes.io/os"] ?? "linux";
  if (os !== undefined && os !== own) {
    return {
      reason: "PodOSNotSupported",
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  if (selected !== undefined && selected !== own) {
    return {
      reason: "PodOSSelectorNodeLabelDoesNotMatch",
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  }
  return undefined;
}

function resourceRejection({ pod, others, node }: AdmissionInput): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const podsMax = Number(allocatable["pods"] ?? "110");
  if (others.length + 1 > podsMax) return outOf("pods", 1n, BigInt(others.length), BigInt(podsMax));
  for (const name of requestedResources(pod)) {
    const capacity = allocatable[name];
    if (capacity === undefined && name !== "cpu" && name !== "memory" && name !== "ephemeral-storage") {
      continue;
    }
    const scale = name === "cpu" ? 1n : 1000n;
    const asked = podRequestMilli(pod, name) / scale;
    if (asked === 0n) continue;
    const used = others.reduce((sum, other) => sum + podRequestMilli(other, name), 0n) / scale;
    const has = quantityMilli(quantityOf(capacity)) / scale;
    if (asked + used > has) return outOf(name, asked, used, has);
  }
  return undefined;
}

function requestedResources(pod: Pod): readonly string[] {
  const names = new Set<string>();
  for (const { resources } of [...initContainers(pod), ...mainContainers(pod)]) {
    for (const name of Object.keys(resources?.requests ?? {})) names.add(name);
  }
  return [...names].toSorted((a, b) => (a < b ? -1 : 1));
}

function outOf(name: string, requested: bigint, used: bigint, capacity: bigint): Rejection {
  return {
    reason: `OutOf${name}`,
    message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function affinityRejection({ pod, node }: AdmissionInput): Rejection | undefined {
  const { name = "", labels = {} } = node.metadata ?? {};
  if (requiredMatch(pod)?.({ name, labels }) ?? true) return undefined;
  return {
    reason: "NodeAffinity",
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
}

function hostPorts(pod: Pod): readonly string[] {
  return [...initContainers(pod).filter(isSidecar), ...mainContainers(pod)].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, protocol = "TCP", hostIP = "" }) => {
      const port = hostPort ?? (usesHostNetwork(pod) ? containerPort : 0);
      return port > 0 ? [`${protocol}/${port}/${hostIP === "" ? "0.0.0.0" : hostIP}`] : [];
    }),
  );
}

function portRejection({ pod, others }: AdmissionInput): Rejection | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPorts);
  const clashes = wanted.some((port) => taken.some((other) => sameEndpoint(port, other)));
  if (!clashes) return undefined;
  return {
    reason: "NodePorts",
    message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  };
}

/** The address that means all clashes with every other. */
function sameEndpoint(a: string, b: string): boolean {
  const [protocolA, portA, ipA] = a.split("/");
  const [protocolB, portB, ipB] = b.split("/");
  if (protocolA !== protocolB || portA !== portB) return false;
  return ipA === ipB || ipA === "0.0.0.0" || ipB === "0.0.0.0";
}

function taintRejection({ pod, node }: AdmissionInput): Rejection | undefined {
  const tolerations = pod.spec?.tolerations ?? [];
  const fatal = (node.spec?.taints ?? []).find(
    (taint) =>
      taint.effect === "NoExecute" && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
  );
  if (fatal === undefined) return undefined;
  const value = fatal.value === undefined || fatal.value === "" ? "" : fatal.value;
  return {
    reason: "TaintToleration",
    message: `Predicate TaintToleration failed: node(s) had untolerated taint {${fatal.key}: ${value}}`,
  };
}

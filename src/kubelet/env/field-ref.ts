/** Fields of the pod as environment and files. upstream: pkg/fieldpath/fieldpath.go, pkg/kubelet/kubelet_pods.go podFieldSelectorRuntimeValue */
import { ownValue } from "#base/own-value.ts";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { podName, podNamespace, podUid, usesHostNetwork } from "../pods/pod.ts";

export interface FieldContext {
  readonly nodeName: string;
  readonly hostIPs: readonly string[];
  readonly podIPs: readonly string[];
}

const subscripted = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** One line per entry, sorted, as Go's %q would print the value. */
function mapText(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}

/** Undefined for a path that doesn't exist. */
export function fieldValue(path: string, pod: Pod, context: FieldContext): string | undefined {
  const match = subscripted.exec(path);
  if (match !== null) {
    const [, map, key = ""] = match;
    return ownValue(map === "labels" ? pod.metadata?.labels : pod.metadata?.annotations, key) ?? "";
  }
  return metadataValue(path, pod) ?? runtimeValue(path, pod, context);
}

function metadataValue(path: string, pod: Pod): string | undefined {
  switch (path) {
    case "metadata.name":
      return podName(pod);
    case "metadata.namespace":
      return podNamespace(pod);
    case "metadata.uid":
      return podUid(pod);
    case "metadata.labels":
      return mapText(pod.metadata?.labels);
    case "metadata.annotations":
      return mapText(pod.metadata?.annotations);
    default:
      return undefined;
  }
}

function runtimeValue(path: string, pod: Pod, context: FieldContext): string | undefined {
  const podIPs = usesHostNetwork(pod) && context.podIPs.length === 0 ? context.hostIPs : context.podIPs;
  switch (path) {
    case "spec.nodeName":
      return pod.spec?.nodeName ?? context.nodeName;
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? "";
    case "status.hostIP":
      return context.hostIPs[0] ?? "";
    case "status.hostIPs":
      return context.hostIPs.join(",");
    case "status.podIP":
      return podIPs[0] ?? "";
    case "status.podIPs":
      return podIPs.join(",");
    default:
      return undefined;
  }
}

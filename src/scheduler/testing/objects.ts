/** Nodes and pods for tests, with as little as each test needs to say. */
import type { Node, Pod, PodSpec, Taint } from "#api/generated/types/core-v1.ts";
import { NodeInfo, podInfoOf, type PodInfo } from "../cache/node-info.ts";

export interface NodeParts {
  readonly cpu?: string;
  readonly memory?: string;
  readonly pods?: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly labels?: Record<string, string>;
  readonly taints?: Taint[];
  readonly isCordoned?: boolean;
}

export function makeNode(name: string, parts: NodeParts = {}): Node {
  const { cpu = "4", memory = "8Gi", pods = "110", more = {}, labels = {}, taints, isCordoned } = parts;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec: { taints, unschedulable: isCordoned },
    status: { allocatable: { cpu, memory, pods, ...more } },
  };
}

export function nodeInfo(name: string, parts: NodeParts = {}, pods: readonly PodInfo[] = []): NodeInfo {
  const info = new NodeInfo(name);
  info.setNode(makeNode(name, parts));
  for (const pod of pods) info.addPod(pod);
  return info;
}

export function makePod(
  name: string,
  requests: Record<string, string> = {},
  spec: Partial<PodSpec> = {},
): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "ns", uid: `uid-${name}` },
    spec: {
      schedulerName: "default-scheduler",
      containers: [{ name: "app", image: "app:1", resources: { requests } }],
      ...spec,
    },
  };
}

export const podInfo = (
  name: string,
  requests: Record<string, string> = {},
  spec: Partial<PodSpec> = {},
): PodInfo => podInfoOf(makePod(name, requests, spec));

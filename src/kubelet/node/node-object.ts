/** The Node object as this kubelet wants it: pure. upstream: pkg/kubelet/kubelet_node_status.go */
import type { Node, NodeAddress, NodeStatus, Taint } from "#api/generated/types/core-v1.ts";
import { formatQuantity, quantityOfUnits } from "#api/meta/quantity.ts";
import type { ImageInfo } from "../runtime/runtime.ts";
import type { MachineFacts } from "./machine.ts";

export const kubeletVersion = "v1.35.2+minik8s";
const imagesMax = 50;
/** What upstream's default eviction thresholds keep from pods: 100Mi of memory, a tenth of the disk. */
const evictionMemoryBytes = 100n * 1024n ** 2n;
const evictionStorageShare = 10n;

export interface NodeIdentity {
  readonly name: string;
  /** The first is the node's primary address. */
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly kubeletPort: number;
  readonly podsMax: number;
}

export interface NodeStatusParts {
  readonly identity: NodeIdentity;
  readonly facts: MachineFacts;
  readonly images: readonly ImageInfo[];
  readonly runtime: { readonly name: string; readonly version: string };
}

const bytes = (count: bigint): string =>
  formatQuantity(quantityOfUnits(count, count % 1024n === 0n ? "BinarySI" : "DecimalSI"));

/** Everything of the status but the conditions. */
export function nodeStatus({ identity, facts, images, runtime }: NodeStatusParts): NodeStatus {
  const capacity: Record<string, string> = {
    cpu: String(facts.cpus),
    "ephemeral-storage": bytes(facts.storageBytes),
    memory: bytes(facts.memoryBytes),
    pods: String(identity.podsMax),
  };
  const hugepageBytes = Object.values(facts.hugepages).reduce((sum, size) => sum + size, 0n);
  for (const [size, amount] of Object.entries(facts.hugepages)) capacity[`hugepages-${size}`] = bytes(amount);
  const memory = facts.memoryBytes - hugepageBytes - evictionMemoryBytes;
  const storage = facts.storageBytes - facts.storageBytes / evictionStorageShare;
  return {
    capacity,
    allocatable: {
      ...capacity,
      "ephemeral-storage": formatQuantity(quantityOfUnits(storage)),
      memory: bytes(memory > 0n ? memory : 0n),
    },
    addresses: addresses(identity),
    daemonEndpoints: { kubeletEndpoint: { Port: identity.kubeletPort } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kubeletVersion,
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: facts.architecture,
      ...(facts.swapBytes > 0n ? { swap: { capacity: Number(facts.swapBytes) } } : {}),
    },
    images: imageList(images),
  };
}

function addresses({ ips, name }: NodeIdentity): NodeAddress[] {
  return [...ips.map((address) => ({ type: "InternalIP", address })), { type: "Hostname", address: name }];
}

/** The largest images; the scheduler scores nodes by them. */
function imageList(images: readonly ImageInfo[]): NonNullable<NodeStatus["images"]> {
  return images
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, imagesMax)
    .map(({ digests, tags, sizeBytes }) => ({ names: [...digests, ...tags].slice(0, 5), sizeBytes }));
}

/** The labels every kubelet sets, which nobody else may give other values. */
function ownLabels({ name }: NodeIdentity, facts: MachineFacts): Record<string, string> {
  return {
    "beta.kubernetes.io/arch": facts.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": facts.architecture,
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
  };
}

/** A new node starts with the taint that keeps pods away until it has reported ready. */
export function newNode(parts: NodeStatusParts, status: NodeStatus): Node {
  const { identity, facts } = parts;
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: identity.name,
      labels: { ...identity.labels, ...ownLabels(identity, facts) },
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: { taints: [...identity.taints, notReadyTaint] },
    status,
  };
}

const notReadyTaint: Taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

/** What an existing node lacks, as a merge patch; undefined when nothing. Taints of an existing node are left alone. */
export function nodeLabelPatch(node: Node, { identity, facts }: NodeStatusParts): object | undefined {
  const wanted = { ...identity.labels, ...ownLabels(identity, facts) };
  const missing = Object.entries(wanted).filter(([key, value]) => node.metadata?.labels?.[key] !== value);
  return missing.length === 0 ? undefined : { metadata: { labels: Object.fromEntries(missing) } };
}

/** Defaults of the core group. upstream: pkg/apis/core/v1/{defaults,conversion}.go */
import type {
  Endpoints,
  LimitRange,
  LimitRangeItem,
  Namespace,
  Node,
  NodeSpec,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
} from "../generated/types/core-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";
import { defaultPod, defaultPodTemplate } from "./pod-defaults.ts";
import { fillResources, roundResources } from "./resource-list.ts";
import { defaultService } from "./service-defaults.ts";
import { defaultClaimSpec, defaultSharedSource } from "./volume-defaults.ts";

const isEmpty = (map: Readonly<Record<string, unknown>> | undefined): boolean =>
  map === undefined || Object.keys(map).length === 0;

function defaultReplicationController(controller: Loose<ReplicationController>): void {
  const spec = (controller.spec ??= {});
  const labels = spec.template?.metadata?.labels;
  if (labels !== undefined) {
    if (isEmpty(spec.selector)) spec.selector = { ...labels };
    if (isEmpty(controller.metadata?.labels)) {
      controller.metadata = { ...controller.metadata, labels: { ...labels } };
    }
  }
  spec.replicas ??= 1;
  if (spec.template !== undefined) defaultPodTemplate(spec.template);
}

function defaultPersistentVolume(volume: Loose<PersistentVolume>): void {
  const spec = (volume.spec ??= {});
  volume.status ??= {};
  volume.status.phase ||= "Pending";
  spec.persistentVolumeReclaimPolicy ||= "Retain";
  spec.volumeMode ??= "Filesystem";
  defaultSharedSource(spec);
  roundResources(spec.capacity);
}

/** Also the claim templates of StatefulSets. */
export function defaultPersistentVolumeClaim(claim: Loose<PersistentVolumeClaim>): void {
  defaultClaimSpec((claim.spec ??= {}));
  claim.status ??= {};
  claim.status.phase ||= "Pending";
  roundResources(claim.status.capacity);
  roundResources(claim.status.allocatedResources);
}

function defaultEndpoints(endpoints: Loose<Endpoints>): void {
  for (const { ports } of endpoints.subsets ?? []) for (const port of ports ?? []) port.protocol ||= "TCP";
}

/** What was written as text goes into the data, over what is there, and is never seen again. upstream: pkg/apis/core/v1/conversion.go */
function defaultSecret(secret: Loose<Secret>): void {
  secret.type ||= "Opaque";
  const { stringData } = secret;
  if (stringData === undefined) return;
  delete secret.stringData;
  if (isEmpty(stringData)) return;
  const encoded = Object.entries(stringData).map(
    ([key, text]) => [key, Buffer.from(text, "utf8").toString("base64")] as const,
  );
  secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
}

/** Every namespace can be selected by its name. */
function defaultNamespace(namespace: Loose<Namespace>): void {
  const name = namespace.metadata?.name;
  if (name !== undefined && name !== "") {
    namespace.metadata = {
      ...namespace.metadata,
      labels: { ...namespace.metadata?.labels, "kubernetes.io/metadata.name": name },
    };
  }
  namespace.status ??= {};
  namespace.status.phase ||= "Active";
}

/** The one range and the list of them: whoever says one other than the list's first means that one alone. */
function matchRanges(spec: Loose<NodeSpec>): void {
  if (spec.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
  if (spec.podCIDRs?.[0] !== undefined) spec.podCIDR = spec.podCIDRs[0];
}

function defaultNode(node: Loose<Node>): void {
  const { spec, status } = node;
  if (spec !== undefined) matchRanges(spec);
  if (status?.capacity !== undefined) status.allocatable ??= { ...status.capacity };
  roundResources(status?.capacity);
  roundResources(status?.allocatable);
}

/** Of a container, what it may have at most is its limit, its limit its request, and else the least it must have. */
function defaultLimits(item: Loose<LimitRangeItem>): void {
  if (item.type === "Container") {
    const limits = fillResources(item.default, item.max);
    const requests = fillResources(fillResources(item.defaultRequest, limits), item.min);
    if (!isEmpty(limits)) item.default = limits;
    if (!isEmpty(requests)) item.defaultRequest = requests;
  }
  for (const list of [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio]) {
    roundResources(list);
  }
}

function defaultResourceQuota({ spec, status }: Loose<ResourceQuota>): void {
  roundResources(spec?.hard);
  roundResources(status?.hard);
  roundResources(status?.used);
}

export const coreDefaults: DefaultsByKind = {
  Endpoints: defaultEndpoints,
  LimitRange: ({ spec }: Loose<LimitRange>) => spec?.limits?.forEach(defaultLimits),
  Namespace: defaultNamespace,
  Node: defaultNode,
  PersistentVolume: defaultPersistentVolume,
  PersistentVolumeClaim: defaultPersistentVolumeClaim,
  Pod: defaultPod,
  PodTemplate: (object: Loose<PodTemplate>) => defaultPodTemplate((object.template ??= {})),
  ReplicationController: defaultReplicationController,
  ResourceQuota: defaultResourceQuota,
  Secret: defaultSecret,
  Service: defaultService,
};

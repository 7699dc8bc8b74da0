/** What the core group warns of. upstream: pkg/registry/core/<resource>/strategy.go */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type {
  Endpoints,
  Node,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from "../generated/types/core-v1.ts";
import { addressWarnings, rangeWarnings } from "../meta/addresses.ts";
import type { WarningsByKind } from "../meta/kind-warnings.ts";
import type { Loose } from "../meta/loose.ts";
import { compareQuantities, formatQuantity, quantityOf } from "../meta/quantity.ts";
import { claimWarnings, persistentVolumeWarnings } from "./claim-warnings.ts";
import { ownerNameWarnings, podNameWarnings, podTemplateWarnings, podWarnings } from "./pod-warnings.ts";

const topologyHints = "service.kubernetes.io/topology-aware-hints";

function headlessWarnings({ spec = {} }: Loose<Service>): string[] {
  if (spec.type !== "ClusterIP" || spec.clusterIP !== "None") return [];
  const ignored = [
    (spec.loadBalancerIP ?? "") !== "" && "spec.loadBalancerIP",
    (spec.externalIPs ?? []).length > 0 && "spec.externalIPs",
    spec.sessionAffinity !== "None" && "spec.SessionAffinity",
  ];
  return ignored
    .filter((field) => field !== false)
    .map((field) => `${field} is ignored for headless services`);
}

const listWarnings = (addresses: readonly string[] | undefined, path: string): string[] =>
  (addresses ?? []).flatMap((address, index) => addressWarnings(address, `${path}[${index}]`));

function serviceAddressWarnings({ spec = {} }: Loose<Service>): string[] {
  return [
    ...listWarnings(spec.externalIPs, "spec.externalIPs"),
    ...addressWarnings(spec.loadBalancerIP ?? "", "spec.loadBalancerIP"),
    ...(spec.loadBalancerSourceRanges ?? []).flatMap((range, index) =>
      rangeWarnings(range, `spec.loadBalancerSourceRanges[${index}]`),
    ),
  ];
}

/** upstream: pkg/api/service/warnings.go */
function serviceWarnings(service: Loose<Service>): string[] {
  const { metadata, spec = {} } = service;
  const warnings: string[] = [];
  if (metadata?.annotations?.[topologyHints] !== undefined) {
    warnings.push(
      `annotation ${topologyHints} is deprecated, please use service.kubernetes.io/topology-mode instead`,
    );
  }
  warnings.push(...listWarnings(spec.clusterIPs, "spec.clusterIPs"));
  warnings.push(...headlessWarnings(service), ...serviceAddressWarnings(service));
  const isExternal = spec.type === "ExternalName";
  if (isExternal && (spec.externalIPs ?? []).length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (!isExternal && (spec.externalName ?? "") !== "") {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === "PreferClose") {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}

const pemOf = (data: string | undefined): string => Buffer.from(data ?? "", "base64").toString("utf8");

/** What Go's tls.X509KeyPair says of a certificate and a key that don't belong together. */
function keyPairWarnings(certificate: string, key: string): string[] {
  if (!certificate.includes("-----BEGIN CERTIFICATE-----")) {
    return ["tls: failed to find any PEM data in certificate input"];
  }
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key)) {
    return ["tls: failed to find any PEM data in key input"];
  }
  try {
    const matches = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    return matches ? [] : ["tls: private key does not match public key"];
  } catch (error) {
    if (error instanceof Error) return ["tls: failed to parse private key"];
    throw error;
  }
}

function secretWarnings({ type, data }: Loose<Secret>): string[] {
  if (type !== "kubernetes.io/tls") return [];
  return keyPairWarnings(pemOf(data?.["tls.crt"]), pemOf(data?.["tls.key"]));
}

function nodeWarnings({ spec = {} }: Loose<Node>): string[] {
  const warnings: string[] = [];
  if (spec.configSource !== undefined) warnings.push("spec.configSource: the feature is removed");
  if ((spec.externalID ?? "") !== "") {
    warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  }
  const ofRanges = (spec.podCIDRs ?? []).flatMap((range, index) =>
    rangeWarnings(range, `spec.podCIDRs[${index}]`),
  );
  return [...warnings, ...ofRanges];
}

/** More can be asked for than may be used. upstream: pkg/registry/core/resourcequota/strategy.go */
function quotaWarnings({ spec: { hard = {} } = {} }: Loose<ResourceQuota>): string[] {
  return ["cpu", "memory", "storage", "ephemeral-storage"].flatMap((resource) => {
    const [request, limit] = [`requests.${resource}`, `limits.${resource}`];
    // Of these two, requests have a short name.
    const isShort = hard[request] === undefined && (resource === "cpu" || resource === "memory");
    const name = isShort ? resource : request;
    const [asked, most] = [hard[name], hard[limit]];
    if (asked === undefined || most === undefined) return [];
    const [requested, limited] = [quantityOf(asked), quantityOf(most)];
    if (compareQuantities(requested, limited) <= 0) return [];
    const texts = [formatQuantity(requested), formatQuantity(limited)];
    return [`ResourceQuota ${name} (${texts[0]}) should be less than ${limit} (${texts[1]})`];
  });
}

const mountableSecrets = "kubernetes.io/enforce-mountable-secrets";

const accountWarnings = ({ metadata }: Loose<ServiceAccount>): string[] =>
  metadata?.annotations?.[mountableSecrets] === undefined
    ? []
    : [
        `metadata.annotations[${mountableSecrets}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
      ];

const templateWarnings = ({ template }: Loose<PodTemplate>): string[] =>
  podTemplateWarnings(template, "template");
const controllerWarnings = ({ spec }: Loose<ReplicationController>): string[] =>
  podTemplateWarnings(spec?.template, "spec.template");

/** Addresses that the endpoints controller wrote are fine. upstream: pkg/registry/core/endpoint/strategy.go */
function endpointsWarnings({ metadata, subsets = [] }: Loose<Endpoints>): string[] {
  if (metadata?.labels?.["endpoints.kubernetes.io/managed-by"] === "endpoint-controller") return [];
  return subsets.flatMap((subset, index) =>
    (["addresses", "notReadyAddresses"] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip = "" }, position) =>
        addressWarnings(ip, `subsets[${index}].${list}[${position}].ip`),
      ),
    ),
  );
}

export const coreWarnings: WarningsByKind = {
  Endpoints: { onCreate: endpointsWarnings, onUpdate: endpointsWarnings },
  Node: { onCreate: nodeWarnings, onUpdate: nodeWarnings },
  PersistentVolume: { onCreate: persistentVolumeWarnings, onUpdate: persistentVolumeWarnings },
  PersistentVolumeClaim: { onCreate: claimWarnings, onUpdate: claimWarnings },
  // Hardly any person updates a pod, and programs do it all the time.
  Pod: { onCreate: podWarnings, ofName: podNameWarnings },
  PodTemplate: { onCreate: templateWarnings, onUpdate: templateWarnings, onlyNewGenerations: true },
  ReplicationController: {
    onCreate: (controller: Loose<ReplicationController>) => [
      ...ownerNameWarnings(controller.metadata?.name),
      ...controllerWarnings(controller),
    ],
    onUpdate: controllerWarnings,
    onlyNewGenerations: true,
  },
  ResourceQuota: { onCreate: quotaWarnings },
  Secret: { onCreate: secretWarnings, onUpdate: secretWarnings },
  Service: { onCreate: serviceWarnings, onUpdate: serviceWarnings },
  ServiceAccount: { onCreate: accountWarnings, onUpdate: accountWarnings },
};

/**
 * Warnings: what is accepted, but was hardly meant or won't be accepted for ever. In upstream's words and order, one
 * header each.
 */
import { goQuote } from "./meta/go-quote.ts";
import { appsWarnings } from "./apps/warnings.ts";
import { batchWarnings } from "./batch/warnings.ts";
import { deprecationOfNodeLabel, nodeTermWarnings } from "./core/label-warnings.ts";
import { coreWarnings } from "./core/warnings.ts";
import { earlyDeprecations } from "./facts/early-resources.ts";
import type { EndpointSlice } from "./generated/types/discovery-v1.ts";
import type { Ingress, NetworkPolicy, NetworkPolicyPeer } from "./generated/types/networking-v1.ts";
import type { RuntimeClass } from "./generated/types/node-v1.ts";
import type { ResourceSlice } from "./generated/types/resource-v1.ts";
import type { CSIStorageCapacity, StorageClass } from "./generated/types/storage-v1.ts";
import { addressWarnings, rangeWarnings } from "./meta/addresses.ts";
import { isNewGeneration, type WarningsByKind } from "./meta/kind-warnings.ts";
import type { Loose } from "./meta/loose.ts";
import { apiVersionOf, type GroupVersionKind, type KubeObject } from "./meta/object.ts";

const ingressClass = "kubernetes.io/ingress.class";

const ingressWarnings = ({ metadata, spec }: Loose<Ingress>): string[] =>
  metadata?.annotations?.[ingressClass] === undefined || spec?.ingressClassName !== undefined
    ? []
    : [`annotation "${ingressClass}" is deprecated, please use 'spec.ingressClassName' instead`];

const peerWarnings = (peers: readonly Loose<NetworkPolicyPeer>[] | undefined, path: string): string[] =>
  (peers ?? []).flatMap(({ ipBlock }, index) => {
    if (ipBlock === undefined) return [];
    const at = `${path}[${index}].ipBlock`;
    const except = (ipBlock.except ?? []).flatMap((range, position) =>
      rangeWarnings(range, `${at}.except[${position}]`),
    );
    return [...rangeWarnings(ipBlock.cidr ?? "", `${at}.cidr`), ...except];
  });

const networkPolicyWarnings = ({ spec = {} }: Loose<NetworkPolicy>): string[] => [
  ...(spec.ingress ?? []).flatMap(({ from }, index) => peerWarnings(from, `spec.ingress[${index}].from`)),
  ...(spec.egress ?? []).flatMap(({ to }, index) => peerWarnings(to, `spec.egress[${index}].to`)),
];

/** upstream: pkg/api/node/util.go (GetWarningsForRuntimeClass) */
const runtimeClassWarnings = ({ scheduling }: Loose<RuntimeClass>): string[] =>
  Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const message = deprecationOfNodeLabel(key);
    return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`];
  });

/** upstream: pkg/api/storage/util.go */
const storageClassWarnings = ({ allowedTopologies }: Loose<StorageClass>): string[] =>
  (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }, index) =>
    (matchLabelExpressions ?? []).flatMap(({ key = "" }, position) => {
      const message = deprecationOfNodeLabel(key);
      const at = `allowedTopologies[${index}].matchLabelExpressions[${position}]`;
      return message === undefined ? [] : [`${at}.key: ${message}`];
    }),
  );

function capacityWarnings({ nodeTopology }: Loose<CSIStorageCapacity>): string[] {
  const ofLabels = Object.keys(nodeTopology?.matchLabels ?? {}).flatMap((key) => {
    const message = deprecationOfNodeLabel(key);
    return message === undefined ? [] : [`nodeTopology.matchLabels.${key}: ${message}`];
  });
  return [...nodeTermWarnings(nodeTopology ?? {}, "nodeTopology"), ...ofLabels];
}

/** Addresses that our own controllers wrote are fine. upstream: pkg/registry/discovery/endpointslice/strategy.go */
const sliceWriters = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

function sliceWarnings({ metadata, endpoints }: Loose<EndpointSlice>): string[] {
  const writer = metadata?.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "";
  if (sliceWriters.includes(writer)) return [];
  return (endpoints ?? []).flatMap(({ addresses }, index) =>
    (addresses ?? []).flatMap((address, position) =>
      addressWarnings(address, `endpoints[${index}].addresses[${position}]`),
    ),
  );
}

/** Upstream names it by a field that isn't there. */
const newSliceWarnings = (slice: Loose<EndpointSlice>): string[] => [
  ...(slice.addressType === "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []),
  ...sliceWarnings(slice),
];

/** upstream: pkg/registry/resource/resourceslice/strategy.go */
function driverWarnings({ spec }: Loose<ResourceSlice>): string[] {
  const driver = spec?.driver ?? "";
  return driver === driver.toLowerCase()
    ? []
    : [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`];
}

const byApiVersion: Readonly<Record<string, WarningsByKind>> = {
  v1: coreWarnings,
  "apps/v1": appsWarnings,
  "batch/v1": batchWarnings,
  "discovery.k8s.io/v1": { EndpointSlice: { onCreate: newSliceWarnings, onUpdate: sliceWarnings } },
  "networking.k8s.io/v1": {
    Ingress: { onCreate: ingressWarnings },
    NetworkPolicy: { onCreate: networkPolicyWarnings, onUpdate: networkPolicyWarnings },
  },
  "node.k8s.io/v1": { RuntimeClass: { onCreate: runtimeClassWarnings, onUpdate: runtimeClassWarnings } },
  "resource.k8s.io/v1": { ResourceSlice: { onCreate: driverWarnings, onUpdate: driverWarnings } },
  "storage.k8s.io/v1": {
    CSIStorageCapacity: { onCreate: capacityWarnings, onUpdate: capacityWarnings },
    StorageClass: { onCreate: storageClassWarnings, onUpdate: storageClassWarnings },
  },
};

const rulesOf = (gvk: GroupVersionKind): WarningsByKind[string] | undefined =>
  byApiVersion[apiVersionOf(gvk)]?.[gvk.kind];

/** Of a valid object that is about to be created. `isSpecSound`: there is nothing to say of its spec and annotations. */
export function warningsOnCreate(
  gvk: GroupVersionKind,
  object: KubeObject,
  isSpecSound = false,
): readonly string[] {
  const rules = rulesOf(gvk);
  const warnings = isSpecSound ? (rules?.ofName ?? rules?.onCreate) : rules?.onCreate;
  return warnings?.(object as never) ?? [];
}

/** Of a valid object that is about to replace `old`. */
export function warningsOnUpdate(
  gvk: GroupVersionKind,
  object: KubeObject,
  old: KubeObject,
): readonly string[] {
  const rules = rulesOf(gvk);
  if (rules?.onlyNewGenerations === true && !isNewGeneration(object, old)) return [];
  return rules?.onUpdate?.(object as never, old as never) ?? [];
}

/** Which release a deprecated kind goes with; "" when that isn't settled. Undefined: it isn't deprecated. */
export function removedReleaseOf({ group, version, kind }: GroupVersionKind): string | undefined {
  if (group === "" && version === "v1" && unsettled.has(kind)) return "";
  return earlyDeprecations[apiVersionOf({ group, version })]?.until.slice(1);
}

const unsettled = new Set(["Endpoints", "ComponentStatus"]);

/** Of every request for a kind that has a successor, however it is used. */
export function deprecationOf({ group, version, kind }: GroupVersionKind): string | undefined {
  if (group === "" && version === "v1" && kind === "Endpoints") {
    return "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
  }
  const ending = earlyDeprecations[apiVersionOf({ group, version })];
  return ending === undefined
    ? undefined
    : `${apiVersionOf({ group, version })} ${kind} is deprecated in ${ending.since}+, unavailable in ${ending.until}+`;
}

/**
 * How resources differ where only a yes or no differs.
 * upstream: pkg/registry/<group>/<resource>/strategy.go and storage.go, pkg/kubeapiserver/default_storage_factory_builder.go
 */
import { qualifiedResource } from "#api/meta/object.ts";
import type { Naming } from "./store.ts";
import type { GenerationRule, KeptMetadata } from "./strategy.ts";

/** metadata.generation counts changes of the spec. */
const withGeneration = new Set([
  "cronjobs.batch",
  "csidrivers.storage.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
  "daemonsets.apps",
  "deviceclasses.resource.k8s.io",
  "flowschemas.flowcontrol.apiserver.k8s.io",
  "ingressclasses.networking.k8s.io",
  "ingresses.networking.k8s.io",
  "jobs.batch",
  "mutatingadmissionpolicies.admissionregistration.k8s.io",
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
  "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  "networkpolicies.networking.k8s.io",
  "poddisruptionbudgets.policy",
  "pods",
  "podtemplates",
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
  "replicasets.apps",
  "replicationcontrollers",
  "statefulsets.apps",
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  "validatingwebhookconfigurations.admissionregistration.k8s.io",
]);

/** Annotations of a Deployment are its ReplicaSets', too. */
const otherGenerations: Readonly<Record<string, GenerationRule>> = {
  "deployments.apps": "annotations",
  "endpointslices.discovery.k8s.io": "labels",
  "priorityclasses.scheduling.k8s.io": "fixed",
  "resourceslices.resource.k8s.io": "sent",
};

const createdByPut = new Set([
  "clusterrolebindings.rbac.authorization.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "endpoints",
  "events",
  "events.events.k8s.io",
  "leases.coordination.k8s.io",
  "limitranges",
  "rolebindings.rbac.authorization.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "runtimeclasses.node.k8s.io",
  "services",
]);

const updatedByRevisionOnly = new Set([
  "apiservices.apiregistration.k8s.io",
  "clustertrustbundles.certificates.k8s.io",
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "csistoragecapacities.storage.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
  "leases.coordination.k8s.io",
  "mutatingadmissionpolicies.admissionregistration.k8s.io",
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
  "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  "podcertificaterequests.certificates.k8s.io",
  "poddisruptionbudgets.policy",
  "runtimeclasses.node.k8s.io",
  "storageversionmigrations.storagemigration.k8s.io",
  "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  "validatingwebhookconfigurations.admissionregistration.k8s.io",
  "volumeattachments.storage.k8s.io",
]);

/** As the published documents have it; of a namespace they say nothing of the kind. */
const answeringDeleteWithObject = new Set([
  "csidrivers.storage.k8s.io",
  "csinodes.storage.k8s.io",
  "deviceclasses.resource.k8s.io",
  "persistentvolumeclaims",
  "persistentvolumes",
  "pods",
  "podtemplates",
  "resourceclaims.resource.k8s.io",
  "resourceclaimtemplates.resource.k8s.io",
  "resourcequotas",
  "resourceslices.resource.k8s.io",
  "serviceaccounts",
  "services",
  "storageclasses.storage.k8s.io",
  "volumeattachments.storage.k8s.io",
  "volumeattributesclasses.storage.k8s.io",
]);

const allMetadata: readonly KeptMetadata[] = [
  "labels",
  "annotations",
  "finalizers",
  "ownerReferences",
  "deletionTimestamp",
];

/** What of metadata /status doesn't change. */
const keptByStatus: Readonly<Record<string, readonly KeptMetadata[]>> = {
  "apiservices.apiregistration.k8s.io": allMetadata,
  "deployments.apps": ["labels"],
  "flowschemas.flowcontrol.apiserver.k8s.io": allMetadata,
  "podcertificaterequests.certificates.k8s.io": allMetadata,
  "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": allMetadata,
  "resourceclaims.resource.k8s.io": allMetadata,
  "servicecidrs.networking.k8s.io": allMetadata,
  "storageversionmigrations.storagemigration.k8s.io": allMetadata,
  "validatingadmissionpolicies.admissionregistration.k8s.io": allMetadata,
  "volumeattachments.storage.k8s.io": allMetadata,
};

/** Key ranges below /registry/ that aren't called after the resource. */
const storagePaths: Readonly<Record<string, string>> = {
  replicationcontrollers: "controllers",
  endpoints: "services/endpoints",
  services: "services/specs",
  nodes: "minions",
  "ingresses.networking.k8s.io": "ingress",
  "customresourcedefinitions.apiextensions.k8s.io": "apiextensions.k8s.io/customresourcedefinitions",
  "apiservices.apiregistration.k8s.io": "apiregistration.k8s.io/apiservices",
};

/** The status of a new object; undefined keeps what the client sent. Empty where nothing is said here. */
const initialStatus: Readonly<Record<string, Record<string, unknown> | undefined>> = {
  // A kubelet registers its node with its status at once.
  nodes: undefined,
  persistentvolumeclaims: { phase: "Pending" },
};

export function initialStatusOf(group: string, resource: string): Record<string, unknown> | undefined {
  const name = qualifiedResource(group, resource);
  return name in initialStatus ? initialStatus[name] : {};
}

/** Whose status is written through the resource itself, too. */
const withOpenStatus = new Set(["servicecidrs.networking.k8s.io"]);

/** Names that are made up otherwise than by adding something to what the client would have them begin with. */
const otherNamings: Readonly<Record<string, Naming>> = {
  limitranges: "always",
  "ipaddresses.networking.k8s.io": "asBegun",
};

export interface ResourceRules {
  readonly generation: GenerationRule;
  readonly allowCreateOnUpdate: boolean;
  readonly allowUnconditionalUpdate: boolean;
  readonly returnsDeletedObject: boolean;
  readonly keptByStatus: readonly KeptMetadata[];
  readonly hasOpenStatus: boolean;
  readonly naming: Naming;
  readonly storagePath: string;
}

export const answersDeleteWithObject = (group: string, resource: string): boolean =>
  answeringDeleteWithObject.has(qualifiedResource(group, resource));

export function rulesOf(group: string, resource: string): ResourceRules {
  const name = qualifiedResource(group, resource);
  return {
    generation: otherGenerations[name] ?? (withGeneration.has(name) ? "content" : "none"),
    allowCreateOnUpdate: createdByPut.has(name),
    allowUnconditionalUpdate: !updatedByRevisionOnly.has(name),
    returnsDeletedObject: answersDeleteWithObject(group, resource) || name === "namespaces",
    keptByStatus: keptByStatus[name] ?? [],
    hasOpenStatus: withOpenStatus.has(name),
    naming: otherNamings[name] ?? "generated",
    storagePath: storagePaths[name] ?? resource,
  };
}

/** The built-in resources, each with the TypeScript type of its objects. What a server knows of them is in scheme.ts. */
import type {
  Binding,
  ComponentStatus,
  ConfigMap,
  Endpoints,
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolumeClaim,
  PersistentVolume,
  Pod,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  ServiceAccount,
  Service,
} from "./generated/types/core-v1.ts";
import type {
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "./generated/types/admissionregistration-v1.ts";
import type { CustomResourceDefinition } from "./generated/types/apiextensions-v1.ts";
import type { APIService } from "./generated/types/apiregistration-v1.ts";
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  ReplicaSet,
  StatefulSet,
} from "./generated/types/apps-v1.ts";
import type { SelfSubjectReview, TokenReview } from "./generated/types/authentication-v1.ts";
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from "./generated/types/authorization-v1.ts";
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from "./generated/types/autoscaling-v1.ts";
import type { HorizontalPodAutoscaler } from "./generated/types/autoscaling-v2.ts";
import type { CronJob, Job } from "./generated/types/batch-v1.ts";
import type { CertificateSigningRequest } from "./generated/types/certificates-v1.ts";
import type { ClusterTrustBundle, PodCertificateRequest } from "./generated/types/certificates-v1beta1.ts";
import type { Lease } from "./generated/types/coordination-v1.ts";
import type { EndpointSlice } from "./generated/types/discovery-v1.ts";
import type { Event as EventV1 } from "./generated/types/events-v1.ts";
import type { FlowSchema, PriorityLevelConfiguration } from "./generated/types/flowcontrol-v1.ts";
import type {
  IngressClass,
  Ingress,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from "./generated/types/networking-v1.ts";
import type { RuntimeClass } from "./generated/types/node-v1.ts";
import type { PodDisruptionBudget } from "./generated/types/policy-v1.ts";
import type { ClusterRoleBinding, ClusterRole, RoleBinding, Role } from "./generated/types/rbac-v1.ts";
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from "./generated/types/resource-v1.ts";
import type { PriorityClass } from "./generated/types/scheduling-v1.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "./generated/types/storage-v1.ts";
import type { StorageVersionMigration } from "./generated/types/storagemigration-v1beta1.ts";
import type { KubeObject } from "./meta/object.ts";
import type { ResourceRef } from "./resource-ref.ts";

type Refs = <T extends KubeObject>(resource: string, kind: string, namespaced: boolean) => ResourceRef<T>;

const group =
  (name: string, version: string): Refs =>
  (resource, kind, namespaced) => ({ group: name, version, resource, kind, namespaced });

const coreV1 = group("", "v1");
export const bindings = coreV1<Binding>("bindings", "Binding", true);
export const componentStatuses = coreV1<ComponentStatus>("componentstatuses", "ComponentStatus", false);
export const configMaps = coreV1<ConfigMap>("configmaps", "ConfigMap", true);
export const endpoints = coreV1<Endpoints>("endpoints", "Endpoints", true);
export const events = coreV1<Event>("events", "Event", true);
export const limitRanges = coreV1<LimitRange>("limitranges", "LimitRange", true);
export const namespaces = coreV1<Namespace>("namespaces", "Namespace", false);
export const nodes = coreV1<Node>("nodes", "Node", false);
export const persistentVolumeClaims = coreV1<PersistentVolumeClaim>(
  "persistentvolumeclaims",
  "PersistentVolumeClaim",
  true,
);
export const persistentVolumes = coreV1<PersistentVolume>("persistentvolumes", "PersistentVolume", false);
export const pods = coreV1<Pod>("pods", "Pod", true);
export const podTemplates = coreV1<PodTemplate>("podtemplates", "PodTemplate", true);
export const replicationControllers = coreV1<ReplicationController>(
  "replicationcontrollers",
  "ReplicationController",
  true,
);
export const resourceQuotas = coreV1<ResourceQuota>("resourcequotas", "ResourceQuota", true);
export const secrets = coreV1<Secret>("secrets", "Secret", true);
export const serviceAccounts = coreV1<ServiceAccount>("serviceaccounts", "ServiceAccount", true);
export const services = coreV1<Service>("services", "Service", true);

const admissionregistrationV1 = group("admissionregistration.k8s.io", "v1");
export const mutatingWebhookConfigurations = admissionregistrationV1<MutatingWebhookConfiguration>(
  "mutatingwebhookconfigurations",
  "MutatingWebhookConfiguration",
  false,
);
export const validatingAdmissionPolicies = admissionregistrationV1<ValidatingAdmissionPolicy>(
  "validatingadmissionpolicies",
  "ValidatingAdmissionPolicy",
  false,
);
export const validatingAdmissionPolicyBindings = admissionregistrationV1<ValidatingAdmissionPolicyBinding>(
  "validatingadmissionpolicybindings",
  "ValidatingAdmissionPolicyBinding",
  false,
);
export const validatingWebhookConfigurations = admissionregistrationV1<ValidatingWebhookConfiguration>(
  "validatingwebhookconfigurations",
  "ValidatingWebhookConfiguration",
  false,
);

const apiextensionsV1 = group("apiextensions.k8s.io", "v1");
export const customResourceDefinitions = apiextensionsV1<CustomResourceDefinition>(
  "customresourcedefinitions",
  "CustomResourceDefinition",
  false,
);

const apiregistrationV1 = group("apiregistration.k8s.io", "v1");
export const apiServices = apiregistrationV1<APIService>("apiservices", "APIService", false);

const appsV1 = group("apps", "v1");
export const controllerRevisions = appsV1<ControllerRevision>(
  "controllerrevisions",
  "ControllerRevision",
  true,
);
export const daemonSets = appsV1<DaemonSet>("daemonsets", "DaemonSet", true);
export const deployments = appsV1<Deployment>("deployments", "Deployment", true);
export const replicaSets = appsV1<ReplicaSet>("replicasets", "ReplicaSet", true);
export const statefulSets = appsV1<StatefulSet>("statefulsets", "StatefulSet", true);

const authenticationV1 = group("authentication.k8s.io", "v1");
export const selfSubjectReviews = authenticationV1<SelfSubjectReview>(
  "selfsubjectreviews",
  "SelfSubjectReview",
  false,
);
export const tokenReviews = authenticationV1<TokenReview>("tokenreviews", "TokenReview", false);

const authorizationV1 = group("authorization.k8s.io", "v1");
export const localSubjectAccessReviews = authorizationV1<LocalSubjectAccessReview>(
  "localsubjectaccessreviews",
  "LocalSubjectAccessReview",
  true,
);
export const selfSubjectAccessReviews = authorizationV1<SelfSubjectAccessReview>(
  "selfsubjectaccessreviews",
  "SelfSubjectAccessReview",
  false,
);
export const selfSubjectRulesReviews = authorizationV1<SelfSubjectRulesReview>(
  "selfsubjectrulesreviews",
  "SelfSubjectRulesReview",
  false,
);
export const subjectAccessReviews = authorizationV1<SubjectAccessReview>(
  "subjectaccessreviews",
  "SubjectAccessReview",
  false,
);

const autoscalingV1 = group("autoscaling", "v1");
export const horizontalPodAutoscalersV1 = autoscalingV1<HorizontalPodAutoscalerV1>(
  "horizontalpodautoscalers",
  "HorizontalPodAutoscaler",
  true,
);

const autoscalingV2 = group("autoscaling", "v2");
export const horizontalPodAutoscalers = autoscalingV2<HorizontalPodAutoscaler>(
  "horizontalpodautoscalers",
  "HorizontalPodAutoscaler",
  true,
);

const batchV1 = group("batch", "v1");
export const cronJobs = batchV1<CronJob>("cronjobs", "CronJob", true);
export const jobs = batchV1<Job>("jobs", "Job", true);

const certificatesV1 = group("certificates.k8s.io", "v1");
export const certificateSigningRequests = certificatesV1<CertificateSigningRequest>(
  "certificatesigningrequests",
  "CertificateSigningRequest",
  false,
);

const coordinationV1 = group("coordination.k8s.io", "v1");
export const leases = coordinationV1<Lease>("leases", "Lease", true);

const discoveryV1 = group("discovery.k8s.io", "v1");
export const endpointSlices = discoveryV1<EndpointSlice>("endpointslices", "EndpointSlice", true);

const newEvents = group("events.k8s.io", "v1");
export const eventsV1 = newEvents<EventV1>("events", "Event", true);

const flowcontrolV1 = group("flowcontrol.apiserver.k8s.io", "v1");
export const flowSchemas = flowcontrolV1<FlowSchema>("flowschemas", "FlowSchema", false);
export const priorityLevelConfigurations = flowcontrolV1<PriorityLevelConfiguration>(
  "prioritylevelconfigurations",
  "PriorityLevelConfiguration",
  false,
);

const networkingV1 = group("networking.k8s.io", "v1");
export const ingressClasses = networkingV1<IngressClass>("ingressclasses", "IngressClass", false);
export const ingresses = networkingV1<Ingress>("ingresses", "Ingress", true);
export const ipAddresses = networkingV1<IPAddress>("ipaddresses", "IPAddress", false);
export const networkPolicies = networkingV1<NetworkPolicy>("networkpolicies", "NetworkPolicy", true);
export const serviceCidrs = networkingV1<ServiceCIDR>("servicecidrs", "ServiceCIDR", false);

const nodeV1 = group("node.k8s.io", "v1");
export const runtimeClasses = nodeV1<RuntimeClass>("runtimeclasses", "RuntimeClass", false);

const policyV1 = group("policy", "v1");
export const podDisruptionBudgets = policyV1<PodDisruptionBudget>(
  "poddisruptionbudgets",
  "PodDisruptionBudget",
  true,
);

const rbacV1 = group("rbac.authorization.k8s.io", "v1");
export const clusterRoleBindings = rbacV1<ClusterRoleBinding>(
  "clusterrolebindings",
  "ClusterRoleBinding",
  false,
);
export const clusterRoles = rbacV1<ClusterRole>("clusterroles", "ClusterRole", false);
export const roleBindings = rbacV1<RoleBinding>("rolebindings", "RoleBinding", true);
export const roles = rbacV1<Role>("roles", "Role", true);

const resourceV1 = group("resource.k8s.io", "v1");
export const deviceClasses = resourceV1<DeviceClass>("deviceclasses", "DeviceClass", false);
export const resourceClaims = resourceV1<ResourceClaim>("resourceclaims", "ResourceClaim", true);
export const resourceClaimTemplates = resourceV1<ResourceClaimTemplate>(
  "resourceclaimtemplates",
  "ResourceClaimTemplate",
  true,
);
export const resourceSlices = resourceV1<ResourceSlice>("resourceslices", "ResourceSlice", false);

const schedulingV1 = group("scheduling.k8s.io", "v1");
export const priorityClasses = schedulingV1<PriorityClass>("priorityclasses", "PriorityClass", false);

const storageV1 = group("storage.k8s.io", "v1");
export const csiDrivers = storageV1<CSIDriver>("csidrivers", "CSIDriver", false);
export const csiNodes = storageV1<CSINode>("csinodes", "CSINode", false);
export const csiStorageCapacities = storageV1<CSIStorageCapacity>(
  "csistoragecapacities",
  "CSIStorageCapacity",
  true,
);
export const storageClasses = storageV1<StorageClass>("storageclasses", "StorageClass", false);
export const volumeAttachments = storageV1<VolumeAttachment>("volumeattachments", "VolumeAttachment", false);
export const volumeAttributesClasses = storageV1<VolumeAttributesClass>(
  "volumeattributesclasses",
  "VolumeAttributesClass",
  false,
);

const storageMigrationV1beta1 = group("storagemigration.k8s.io", "v1beta1");
/** Served only where --runtime-config asks for it. */
export const storageVersionMigrations = storageMigrationV1beta1<StorageVersionMigration>(
  "storageversionmigrations",
  "StorageVersionMigration",
  false,
);

const certificatesV1beta1 = group("certificates.k8s.io", "v1beta1");
/** These two, too. */
export const clusterTrustBundles = certificatesV1beta1<ClusterTrustBundle>(
  "clustertrustbundles",
  "ClusterTrustBundle",
  false,
);
export const podCertificateRequests = certificatesV1beta1<PodCertificateRequest>(
  "podcertificaterequests",
  "PodCertificateRequest",
  true,
);

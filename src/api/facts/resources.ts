/**
 * Every built-in resource that a 1.35 server serves by default, and how discovery presents it.
 * upstream: pkg/registry/<group>/rest/storage_<group>.go and the storage.go of each resource;
 * priorities: pkg/controlplane/apiserver/aggregator.go and cmd/kube-apiserver/app/aggregator.go
 */

import {
  allVerbs,
  cluster,
  createOnly,
  extensions,
  inAll,
  namespaced,
  proxyVerbs,
  readWrite,
  scale,
  status,
  type GroupVersionFact,
  type ResourceFact,
} from "./resource-fact.ts";

const core: readonly ResourceFact[] = [
  namespaced("bindings", "Binding", createOnly),
  cluster("componentstatuses", "ComponentStatus", { short: ["cs"], verbs: ["get", "list"] }),
  namespaced("configmaps", "ConfigMap", { short: ["cm"] }),
  namespaced("endpoints", "Endpoints", { short: ["ep"] }),
  namespaced("events", "Event", { short: ["ev"] }),
  namespaced("limitranges", "LimitRange", { short: ["limits"] }),
  cluster("namespaces", "Namespace", {
    short: ["ns"],
    verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
    sub: [{ name: "finalize", verbs: ["update"] }, status],
  }),
  cluster("nodes", "Node", {
    short: ["no"],
    sub: [{ name: "proxy", kind: "NodeProxyOptions", verbs: proxyVerbs }, status],
  }),
  namespaced("persistentvolumeclaims", "PersistentVolumeClaim", { short: ["pvc"], sub: [status] }),
  cluster("persistentvolumes", "PersistentVolume", { short: ["pv"], sub: [status] }),
  namespaced("pods", "Pod", {
    short: ["po"],
    categories: inAll,
    sub: [
      { name: "attach", kind: "PodAttachOptions", verbs: ["create", "get"] },
      { name: "binding", kind: "Binding", verbs: ["create"] },
      { name: "ephemeralcontainers", verbs: readWrite },
      { name: "eviction", kind: "Eviction", groupVersion: "policy/v1", verbs: ["create"] },
      { name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
      { name: "log", verbs: ["get"], struct: "PodLogOptions" },
      { name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
      { name: "proxy", kind: "PodProxyOptions", verbs: proxyVerbs },
      { name: "resize", verbs: readWrite },
      status,
    ],
  }),
  namespaced("podtemplates", "PodTemplate"),
  namespaced("replicationcontrollers", "ReplicationController", {
    short: ["rc"],
    categories: inAll,
    sub: [scale, status],
  }),
  namespaced("resourcequotas", "ResourceQuota", { short: ["quota"], sub: [status] }),
  namespaced("secrets", "Secret"),
  namespaced("serviceaccounts", "ServiceAccount", {
    short: ["sa"],
    sub: [
      { name: "token", kind: "TokenRequest", groupVersion: "authentication.k8s.io/v1", verbs: ["create"] },
    ],
  }),
  namespaced("services", "Service", {
    short: ["svc"],
    categories: inAll,
    sub: [{ name: "proxy", kind: "ServiceProxyOptions", verbs: proxyVerbs }, status],
  }),
];

const autoscaler = namespaced("horizontalpodautoscalers", "HorizontalPodAutoscaler", {
  short: ["hpa"],
  categories: inAll,
  sub: [status],
});

export const groupVersionFacts: readonly GroupVersionFact[] = [
  {
    group: "",
    version: "v1",
    pkg: "io.k8s.api.core.v1",
    groupPriority: 18000,
    versionPriority: 1,
    resources: core,
  },
  {
    group: "apiregistration.k8s.io",
    version: "v1",
    pkg: "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
    groupPriority: 20000,
    versionPriority: 15,
    resources: [cluster("apiservices", "APIService", { categories: extensions, sub: [status] })],
  },
  {
    group: "apps",
    version: "v1",
    pkg: "io.k8s.api.apps.v1",
    groupPriority: 17800,
    versionPriority: 15,
    resources: [
      namespaced("controllerrevisions", "ControllerRevision"),
      namespaced("daemonsets", "DaemonSet", { short: ["ds"], categories: inAll, sub: [status] }),
      namespaced("deployments", "Deployment", { short: ["deploy"], categories: inAll, sub: [scale, status] }),
      namespaced("replicasets", "ReplicaSet", { short: ["rs"], categories: inAll, sub: [scale, status] }),
      namespaced("statefulsets", "StatefulSet", { short: ["sts"], categories: inAll, sub: [scale, status] }),
    ],
  },
  {
    group: "events.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.events.v1",
    groupPriority: 17750,
    versionPriority: 15,
    resources: [namespaced("events", "Event", { short: ["ev"] })],
  },
  {
    group: "authentication.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.authentication.v1",
    groupPriority: 17700,
    versionPriority: 15,
    resources: [
      cluster("selfsubjectreviews", "SelfSubjectReview", createOnly),
      cluster("tokenreviews", "TokenReview", createOnly),
    ],
  },
  {
    group: "authorization.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.authorization.v1",
    groupPriority: 17600,
    versionPriority: 15,
    resources: [
      namespaced("localsubjectaccessreviews", "LocalSubjectAccessReview", createOnly),
      cluster("selfsubjectaccessreviews", "SelfSubjectAccessReview", createOnly),
      cluster("selfsubjectrulesreviews", "SelfSubjectRulesReview", createOnly),
      cluster("subjectaccessreviews", "SubjectAccessReview", createOnly),
    ],
  },
  {
    group: "autoscaling",
    version: "v2",
    pkg: "io.k8s.api.autoscaling.v2",
    groupPriority: 17500,
    versionPriority: 30,
    resources: [autoscaler],
  },
  {
    group: "autoscaling",
    version: "v1",
    pkg: "io.k8s.api.autoscaling.v1",
    groupPriority: 17500,
    versionPriority: 15,
    resources: [autoscaler],
  },
  {
    group: "batch",
    version: "v1",
    pkg: "io.k8s.api.batch.v1",
    groupPriority: 17400,
    versionPriority: 15,
    resources: [
      namespaced("cronjobs", "CronJob", { short: ["cj"], categories: inAll, sub: [status] }),
      namespaced("jobs", "Job", { categories: inAll, sub: [status] }),
    ],
  },
  {
    group: "certificates.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.certificates.v1",
    groupPriority: 17300,
    versionPriority: 15,
    resources: [
      cluster("certificatesigningrequests", "CertificateSigningRequest", {
        short: ["csr"],
        sub: [{ name: "approval", verbs: readWrite }, status],
      }),
    ],
  },
  {
    group: "networking.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.networking.v1",
    groupPriority: 17200,
    versionPriority: 15,
    resources: [
      cluster("ingressclasses", "IngressClass"),
      namespaced("ingresses", "Ingress", { short: ["ing"], sub: [status] }),
      cluster("ipaddresses", "IPAddress", { short: ["ip"] }),
      namespaced("networkpolicies", "NetworkPolicy", { short: ["netpol"] }),
      cluster("servicecidrs", "ServiceCIDR", { sub: [status] }),
    ],
  },
  {
    group: "policy",
    version: "v1",
    pkg: "io.k8s.api.policy.v1",
    groupPriority: 17100,
    versionPriority: 15,
    resources: [namespaced("poddisruptionbudgets", "PodDisruptionBudget", { short: ["pdb"], sub: [status] })],
  },
  {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.rbac.v1",
    groupPriority: 17000,
    versionPriority: 15,
    resources: [
      cluster("clusterrolebindings", "ClusterRoleBinding"),
      cluster("clusterroles", "ClusterRole"),
      namespaced("rolebindings", "RoleBinding"),
      namespaced("roles", "Role"),
    ],
  },
  {
    group: "storage.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.storage.v1",
    groupPriority: 16800,
    versionPriority: 15,
    resources: [
      cluster("csidrivers", "CSIDriver"),
      cluster("csinodes", "CSINode"),
      namespaced("csistoragecapacities", "CSIStorageCapacity"),
      cluster("storageclasses", "StorageClass", { short: ["sc"] }),
      cluster("volumeattachments", "VolumeAttachment", { sub: [status] }),
      cluster("volumeattributesclasses", "VolumeAttributesClass", { short: ["vac"] }),
    ],
  },
  {
    group: "admissionregistration.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.admissionregistration.v1",
    groupPriority: 16700,
    versionPriority: 15,
    resources: [
      cluster("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", { categories: extensions }),
      cluster("validatingadmissionpolicies", "ValidatingAdmissionPolicy", {
        categories: extensions,
        sub: [status],
      }),
      cluster("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", {
        categories: extensions,
      }),
      cluster("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", {
        categories: extensions,
      }),
    ],
  },
  {
    group: "apiextensions.k8s.io",
    version: "v1",
    pkg: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    groupPriority: 16700,
    versionPriority: 15,
    resources: [
      cluster("customresourcedefinitions", "CustomResourceDefinition", {
        short: ["crd", "crds"],
        categories: extensions,
        sub: [status],
      }),
    ],
  },
  {
    group: "scheduling.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.scheduling.v1",
    groupPriority: 16600,
    versionPriority: 15,
    resources: [cluster("priorityclasses", "PriorityClass", { short: ["pc"] })],
  },
  {
    group: "coordination.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.coordination.v1",
    groupPriority: 16500,
    versionPriority: 15,
    resources: [namespaced("leases", "Lease")],
  },
  {
    group: "node.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.node.v1",
    groupPriority: 16300,
    versionPriority: 15,
    resources: [cluster("runtimeclasses", "RuntimeClass")],
  },
  {
    group: "discovery.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.discovery.v1",
    groupPriority: 16200,
    versionPriority: 15,
    resources: [namespaced("endpointslices", "EndpointSlice")],
  },
  {
    group: "flowcontrol.apiserver.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.flowcontrol.v1",
    groupPriority: 16100,
    versionPriority: 21,
    resources: [
      cluster("flowschemas", "FlowSchema", { sub: [status] }),
      cluster("prioritylevelconfigurations", "PriorityLevelConfiguration", { sub: [status] }),
    ],
  },
  {
    group: "resource.k8s.io",
    version: "v1",
    pkg: "io.k8s.api.resource.v1",
    groupPriority: 15900,
    versionPriority: 21,
    resources: [
      cluster("deviceclasses", "DeviceClass"),
      namespaced("resourceclaims", "ResourceClaim", { sub: [status] }),
      namespaced("resourceclaimtemplates", "ResourceClaimTemplate"),
      cluster("resourceslices", "ResourceSlice"),
    ],
  },
];

/** Resources of one name in two groups or versions that share their storage: "group/resource" to the version that is kept. */
export const storageVersions: Readonly<Record<string, string>> = {
  "autoscaling/horizontalpodautoscalers": "autoscaling/v2",
  "events.k8s.io/events": "v1",
};

/**
 * Group versions before v1, off by default: what a 1.35 server serves of them when --runtime-config turns them on. The
 * kinds that wait for a feature gate of upstream's that is off in 1.35 are left out (coordination.k8s.io/v1beta1 …), but
 * for MutatingAdmissionPolicy, StorageVersionMigration, ClusterTrustBundle and PodCertificateRequest.
 * upstream: pkg/controlplane/instance.go, pkg/registry/<group>/rest/storage_<group>.go
 */
import { cluster, extensions, namespaced, status, type GroupVersionFact } from "./resource-fact.ts";

const mutatingPolicies = [
  cluster("mutatingadmissionpolicies", "MutatingAdmissionPolicy", { categories: extensions }),
  cluster("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", { categories: extensions }),
];

const devices = [
  cluster("deviceclasses", "DeviceClass"),
  namespaced("resourceclaims", "ResourceClaim", { sub: [status] }),
  namespaced("resourceclaimtemplates", "ResourceClaimTemplate"),
  cluster("resourceslices", "ResourceSlice"),
];

export const earlyGroupVersionFacts: readonly GroupVersionFact[] = [
  {
    group: "certificates.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.certificates.v1beta1",
    groupPriority: 17300,
    versionPriority: 9,
    resources: [
      cluster("clustertrustbundles", "ClusterTrustBundle"),
      namespaced("podcertificaterequests", "PodCertificateRequest", { sub: [status] }),
    ],
  },
  {
    group: "certificates.k8s.io",
    version: "v1alpha1",
    pkg: "io.k8s.api.certificates.v1alpha1",
    groupPriority: 17300,
    versionPriority: 1,
    resources: [cluster("clustertrustbundles", "ClusterTrustBundle")],
  },
  {
    group: "networking.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.networking.v1beta1",
    groupPriority: 17200,
    versionPriority: 9,
    resources: [
      cluster("ipaddresses", "IPAddress", { short: ["ip"] }),
      cluster("servicecidrs", "ServiceCIDR", { sub: [status] }),
    ],
  },
  {
    group: "storage.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.storage.v1beta1",
    groupPriority: 16800,
    versionPriority: 9,
    resources: [cluster("volumeattributesclasses", "VolumeAttributesClass", { short: ["vac"] })],
  },
  {
    group: "admissionregistration.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.admissionregistration.v1beta1",
    groupPriority: 16700,
    versionPriority: 12,
    resources: mutatingPolicies,
  },
  {
    group: "admissionregistration.k8s.io",
    version: "v1alpha1",
    pkg: "io.k8s.api.admissionregistration.v1alpha1",
    groupPriority: 16700,
    versionPriority: 9,
    resources: mutatingPolicies,
  },
  {
    group: "resource.k8s.io",
    version: "v1beta2",
    pkg: "io.k8s.api.resource.v1beta2",
    groupPriority: 15900,
    versionPriority: 15,
    resources: devices,
  },
  {
    group: "resource.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.resource.v1beta1",
    groupPriority: 15900,
    versionPriority: 9,
    resources: devices,
  },
  {
    group: "storagemigration.k8s.io",
    version: "v1beta1",
    pkg: "io.k8s.api.storagemigration.v1beta1",
    groupPriority: 15800,
    versionPriority: 9,
    resources: [cluster("storageversionmigrations", "StorageVersionMigration", { sub: [status] })],
  },
];

/** As storageVersions in resources.ts. */
export const earlyStorageVersions: Readonly<Record<string, string>> = {
  "admissionregistration.k8s.io/mutatingadmissionpolicies": "admissionregistration.k8s.io/v1beta1",
  "admissionregistration.k8s.io/mutatingadmissionpolicybindings": "admissionregistration.k8s.io/v1beta1",
  "certificates.k8s.io/clustertrustbundles": "certificates.k8s.io/v1beta1",
  "networking.k8s.io/ipaddresses": "networking.k8s.io/v1",
  "networking.k8s.io/servicecidrs": "networking.k8s.io/v1",
  "resource.k8s.io/deviceclasses": "resource.k8s.io/v1",
  "resource.k8s.io/resourceclaims": "resource.k8s.io/v1",
  "resource.k8s.io/resourceclaimtemplates": "resource.k8s.io/v1",
  "resource.k8s.io/resourceslices": "resource.k8s.io/v1",
  "storage.k8s.io/volumeattributesclasses": "storage.k8s.io/v1",
};

/** Since which release they are told to be on their way out. upstream: zz_generated.prerelease-lifecycle.go */
export const earlyDeprecations: Readonly<Record<string, { readonly since: string; readonly until: string }>> =
  {
    "networking.k8s.io/v1beta1": { since: "v1.34", until: "v1.37" },
    "resource.k8s.io/v1beta1": { since: "v1.35", until: "v1.38" },
    "storage.k8s.io/v1beta1": { since: "v1.34", until: "v1.37" },
  };

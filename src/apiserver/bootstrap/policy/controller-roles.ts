/**
 * What each controller may do; each acts as the service account of its name in kube-system.
 * upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/controller_policy.go
 */
import type { ServedFeatures } from "#apiserver/served-features.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from "#api/generated/types/rbac-v1.ts";
import { account, clusterBinding, clusterRole, core, eventsRule, read, rule } from "./rule.ts";

const prefix = "system:controller:";
const both = "apps extensions";
const storage = "storage.k8s.io";
const networking = "networking.k8s.io";
const certificates = "certificates.k8s.io";
const resource = "resource.k8s.io";
const discovery = "discovery.k8s.io";

const workloadRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "cronjob-controller": [
    rule(`${read} update`, "batch", "cronjobs"),
    rule(`${read} create update delete patch`, "batch", "jobs"),
    rule("update", "batch", "cronjobs/status"),
    rule("update", "batch", "cronjobs/finalizers"),
    rule("list watch delete", core, "pods"),
    eventsRule,
  ],
  "daemon-set-controller": [
    rule(read, both, "daemonsets"),
    rule("update", both, "daemonsets/status"),
    rule("update", both, "daemonsets/finalizers"),
    rule("list watch", core, "nodes"),
    rule("list watch create delete patch", core, "pods"),
    rule("create", core, "pods/binding"),
    rule(`${read} create delete update patch`, "apps", "controllerrevisions"),
    eventsRule,
  ],
  "deployment-controller": [
    rule(`${read} update`, both, "deployments"),
    rule("update", both, "deployments/status"),
    rule("update", both, "deployments/finalizers"),
    rule(`${read} create update patch delete`, both, "replicasets"),
    rule(`${read} update`, core, "pods"),
    eventsRule,
  ],
  "disruption-controller": [
    rule(read, both, "deployments"),
    rule(read, both, "replicasets"),
    rule(read, core, "replicationcontrollers"),
    rule(read, "policy", "poddisruptionbudgets"),
    rule(read, "apps", "statefulsets"),
    rule("update", "policy", "poddisruptionbudgets/status"),
    rule("patch update", core, "pods/status"),
    rule("get", "*", "*/scale"),
    eventsRule,
  ],
  "horizontal-pod-autoscaler": [
    rule(read, "autoscaling", "horizontalpodautoscalers"),
    rule("update", "autoscaling", "horizontalpodautoscalers/status"),
    rule("get update", "*", "*/scale"),
    rule("list watch", core, "pods"),
    rule("list watch", "metrics.k8s.io", "pods"),
    rule(read, "custom.metrics.k8s.io", "*"),
    rule(read, "external.metrics.k8s.io", "*"),
    eventsRule,
  ],
  "job-controller": [
    rule(`${read} update patch`, "batch", "jobs"),
    rule("update", "batch", "jobs/status"),
    rule("update", "batch", "jobs/finalizers"),
    rule("list watch create delete patch", core, "pods"),
    eventsRule,
  ],
  "replicaset-controller": [
    rule(`${read} update`, both, "replicasets"),
    rule("update", both, "replicasets/status"),
    rule("update", both, "replicasets/finalizers"),
    rule("list watch patch create delete", core, "pods"),
    eventsRule,
  ],
  "replication-controller": [
    rule(`${read} update`, core, "replicationcontrollers"),
    rule("update", core, "replicationcontrollers/status"),
    rule("update", core, "replicationcontrollers/finalizers"),
    rule("list watch patch create delete", core, "pods"),
    eventsRule,
  ],
  "statefulset-controller": [
    rule("list watch", core, "pods"),
    rule(read, "apps", "statefulsets"),
    rule("update", "apps", "statefulsets/status"),
    rule("update", "apps", "statefulsets/finalizers"),
    rule("get create delete update patch", core, "pods"),
    rule(`${read} create delete update patch`, "apps", "controllerrevisions"),
    rule(`${read} create`, core, "persistentvolumeclaims"),
    rule("update delete", core, "persistentvolumeclaims"),
    rule("update", core, "pods/finalizers"),
    eventsRule,
  ],
  "ttl-after-finished-controller": [rule(`${read} delete`, "batch", "jobs"), eventsRule],
};

const networkRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "endpoint-controller": [
    rule(read, core, "services pods"),
    rule(`${read} create update delete`, core, "endpoints"),
    rule("create", core, "endpoints/restricted"),
    eventsRule,
  ],
  "endpointslice-controller": [
    rule(read, core, "services pods nodes"),
    // Slices are owned by their service and block its deletion.
    rule("update", core, "services/finalizers"),
    rule(`${read} create update delete`, discovery, "endpointslices"),
    eventsRule,
  ],
  "endpointslicemirroring-controller": [
    rule(read, core, "services endpoints"),
    rule("update", core, "services/finalizers"),
    rule("update", core, "endpoints/finalizers"),
    rule(`${read} create update delete`, discovery, "endpointslices"),
    eventsRule,
  ],
  "route-controller": [rule("list watch", core, "nodes"), rule("patch", core, "nodes/status"), eventsRule],
  "service-controller": [
    rule(read, core, "services"),
    rule("patch update", core, "services/status"),
    rule("list watch", core, "nodes"),
    eventsRule,
  ],
  "service-cidrs-controller": [
    rule(`${read} patch update`, networking, "servicecidrs"),
    rule("patch update", networking, "servicecidrs/finalizers"),
    rule("patch update", networking, "servicecidrs/status"),
    rule(read, networking, "ipaddresses"),
    eventsRule,
  ],
};

const storageRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "attachdetach-controller": [
    rule("list watch", core, "persistentvolumes persistentvolumeclaims"),
    rule(read, core, "nodes"),
    rule("patch update", core, "nodes/status"),
    rule("list watch", core, "pods"),
    eventsRule,
    rule(`${read} create delete`, storage, "volumeattachments"),
    rule(read, storage, "csidrivers"),
    rule(read, storage, "csinodes"),
  ],
  "expand-controller": [
    rule(`${read} update patch`, core, "persistentvolumes"),
    rule("update patch", core, "persistentvolumeclaims/status"),
    rule(read, core, "persistentvolumeclaims"),
    eventsRule,
    rule("get", core, "services"),
  ],
  "ephemeral-volume-controller": [
    rule(read, core, "pods"),
    rule("update", core, "pods/finalizers"),
    rule(`${read} create`, core, "persistentvolumeclaims"),
    eventsRule,
  ],
  "persistent-volume-binder": [
    rule(`${read} update create delete`, core, "persistentvolumes"),
    rule("update", core, "persistentvolumes/status"),
    rule(`${read} update`, core, "persistentvolumeclaims"),
    rule("update", core, "persistentvolumeclaims/status"),
    rule(`${read} create delete`, core, "pods"),
    rule(read, storage, "storageclasses"),
    rule("list watch", core, "nodes"),
    eventsRule,
    rule("watch", core, "events"),
    rule("get", core, "services"),
  ],
  "pvc-protection-controller": [
    rule(`${read} update`, core, "persistentvolumeclaims"),
    rule(read, core, "pods"),
    eventsRule,
  ],
  "pv-protection-controller": [rule(`${read} update`, core, "persistentvolumes"), eventsRule],
  "resource-claim-controller": [
    rule(read, core, "pods"),
    rule("update", core, "pods/finalizers"),
    rule(`${read} create delete`, resource, "resourceclaims"),
    rule("update patch", resource, "resourceclaims resourceclaims/status"),
    rule("update patch", core, "pods/status"),
    eventsRule,
  ],
  "selinux-warning-controller": [
    eventsRule,
    rule(read, core, "persistentvolumes"),
    rule(read, core, "persistentvolumeclaims"),
    rule(read, core, "pods"),
    rule(read, storage, "csidrivers"),
  ],
  "volumeattributesclass-protection-controller": [
    rule(read, core, "persistentvolumeclaims"),
    rule(read, core, "persistentvolumes"),
    rule(`${read} update`, storage, "volumeattributesclasses"),
    eventsRule,
  ],
};

const clusterRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "certificate-controller": [
    rule(`${read} delete`, certificates, "certificatesigningrequests"),
    rule("update", certificates, "certificatesigningrequests/status certificatesigningrequests/approval"),
    rule("approve", certificates, "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
    rule(
      "sign",
      certificates,
      "signers",
      "kubernetes.io/legacy-unknown kubernetes.io/kube-apiserver-client " +
        "kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving",
    ),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    eventsRule,
  ],
  "clusterrole-aggregation-controller": [
    rule(`escalate ${read} update patch`, "rbac.authorization.k8s.io", "clusterroles"),
  ],
  "generic-garbage-collector": [rule(`${read} patch update delete`, "*", "*"), eventsRule],
  "legacy-service-account-token-cleaner": [
    rule("get", core, "configmaps", "kube-apiserver-legacy-service-account-token-tracking"),
    rule("patch delete", core, "secrets"),
  ],
  "namespace-controller": [
    rule(`${read} delete`, core, "namespaces"),
    rule("update", core, "namespaces/finalize namespaces/status"),
    rule(`${read} delete deletecollection`, "*", "*"),
  ],
  "node-controller": [
    rule(`${read} update delete patch`, core, "nodes"),
    rule("patch update", core, "nodes/status"),
    rule("patch update", core, "pods/status"),
    rule(`${read} delete`, core, "pods"),
    eventsRule,
  ],
  "pod-garbage-collector": [
    rule("list watch delete", core, "pods"),
    rule(read, core, "nodes"),
    rule("patch", core, "pods/status"),
  ],
  "resourcequota-controller": [
    rule("list watch", "*", "*"),
    rule("update", core, "resourcequotas/status"),
    eventsRule,
  ],
  "root-ca-cert-publisher": [rule("create update", core, "configmaps"), eventsRule],
  "service-account-controller": [rule("create", core, "serviceaccounts"), eventsRule],
  "ttl-controller": [rule("update patch list watch", core, "nodes"), eventsRule],
  "validatingadmissionpolicy-status-controller": [
    rule(read, "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    rule("get patch update", "admissionregistration.k8s.io", "validatingadmissionpolicies/status"),
    eventsRule,
  ],
};

/** Upstream has these where the feature is on. */
const migrationRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "storage-version-migrator-controller": [
    rule("list create patch", "*", "*"),
    rule("update", "storagemigration.k8s.io", "storageversionmigrations/status"),
  ],
};

const podCertificateRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  podcertificaterequestcleaner: [rule(`${read} delete`, "certificates.k8s.io", "podcertificaterequests")],
};

const trustBundleRules: Readonly<Record<string, readonly PolicyRule[]>> = {
  "kube-apiserver-serving-clustertrustbundle-publisher": [
    rule("attest", "certificates.k8s.io", "signers", "kubernetes.io/kube-apiserver-serving"),
    rule("create update delete list watch", "certificates.k8s.io", "clustertrustbundles"),
    eventsRule,
  ],
};

const all = (features: ServedFeatures): [string, readonly PolicyRule[]][] =>
  [
    workloadRules,
    networkRules,
    storageRules,
    clusterRules,
    features.migratesStorage ? migrationRules : {},
    features.podCertificates ? podCertificateRules : {},
    features.trustBundles ? trustBundleRules : {},
  ].flatMap((table) => Object.entries(table));

export const controllerRoles = (features: ServedFeatures): ClusterRole[] =>
  all(features).map(([name, rules]) => clusterRole(prefix + name, rules));

export const controllerRoleBindings = (features: ServedFeatures): ClusterRoleBinding[] =>
  all(features).map(([name]) => clusterBinding(prefix + name, [account(name)]));

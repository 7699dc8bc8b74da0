/**
 * The default cluster roles for people and components, and who holds them, with the features on that 1.35 has on.
 * upstream: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go
 */
import type { ServedFeatures } from "#apiserver/served-features.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from "#api/generated/types/rbac-v1.ts";
import {
  aggregateTo,
  account,
  clusterBinding,
  clusterRole,
  core,
  eventsRule,
  group,
  read,
  readUpdate,
  readWrite,
  rule,
  sumRole,
  urlRule,
  user,
  write,
} from "./rule.ts";

const health = "/livez /readyz /healthz";
const workloads =
  "statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale";
const workloadsRead =
  "controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status " +
  "deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale";

const viewRules: readonly PolicyRule[] = [
  rule(
    read,
    core,
    "pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status " +
      "endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps",
  ),
  rule(
    read,
    core,
    "limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status " +
      "replicationcontrollers/status pods/log",
  ),
  // In a namespace this means: may read this namespace.
  rule(read, core, "namespaces"),
  rule(read, "discovery.k8s.io", "endpointslices"),
  rule(read, "apps", workloadsRead),
  rule(read, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
  rule(read, "batch", "jobs cronjobs cronjobs/status jobs/status"),
  rule(
    read,
    "extensions",
    "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status " +
      "replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies",
  ),
  rule(read, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
  rule(read, "networking.k8s.io", "networkpolicies ingresses ingresses/status"),
  rule(read, "resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
];

const editRules: readonly PolicyRule[] = [
  // Reading these gives powers, so only editors may.
  rule(read, core, "pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy"),
  rule("impersonate", core, "serviceaccounts"),
  rule(write, core, "pods pods/attach pods/proxy pods/exec pods/portforward"),
  rule("create", core, "pods/eviction"),
  rule(
    write,
    core,
    "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy " +
      "persistentvolumeclaims configmaps secrets events",
  ),
  rule("create", core, "serviceaccounts/token"),
  rule(write, "apps", workloads),
  rule(write, "autoscaling", "horizontalpodautoscalers"),
  rule(write, "batch", "jobs cronjobs"),
  rule(
    write,
    "extensions",
    "daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale " +
      "replicationcontrollers/scale networkpolicies",
  ),
  rule(write, "policy", "poddisruptionbudgets"),
  rule(write, "networking.k8s.io", "networkpolicies ingresses"),
  rule(readWrite, "coordination.k8s.io", "leases"),
  rule(write, "resource.k8s.io", "resourceclaims resourceclaimtemplates"),
];

const usualNodeRules: readonly PolicyRule[] = [
  rule("create", "authentication.k8s.io", "tokenreviews"),
  rule("create", "authorization.k8s.io", "subjectaccessreviews localsubjectaccessreviews"),
  rule(read, core, "services"),
  rule(`create ${read}`, core, "nodes"),
  rule("update patch", core, "nodes/status"),
  rule("update patch", core, "nodes"),
  rule("create update patch", core, "events"),
  rule(read, core, "pods"),
  rule("create delete", core, "pods"),
  rule("update patch", core, "pods/status"),
  rule("create", core, "pods/eviction"),
  rule(read, core, "secrets configmaps"),
  rule("get", core, "persistentvolumeclaims persistentvolumes"),
  rule("get", core, "endpoints"),
  rule(`create ${read}`, "certificates.k8s.io", "certificatesigningrequests"),
  rule("get create update patch delete", "coordination.k8s.io", "leases"),
  rule("get", "storage.k8s.io", "volumeattachments"),
  rule("create", core, "serviceaccounts/token"),
  rule("get update patch", core, "persistentvolumeclaims/status"),
  rule(read, "storage.k8s.io", "csidrivers"),
  rule("get create update patch delete", "storage.k8s.io", "csinodes"),
  rule(read, "node.k8s.io", "runtimeclasses"),
  rule("get", "resource.k8s.io", "resourceclaims"),
  rule("deletecollection", "resource.k8s.io", "resourceslices"),
  rule("get", core, "serviceaccounts"),
];

/** What any node may do; the node authorizer and NodeRestriction narrow it down to the node's own affairs. */
export const nodeRules = ({ trustBundles, podCertificates }: ServedFeatures): readonly PolicyRule[] => [
  ...usualNodeRules,
  ...(trustBundles ? [readTrustBundles] : []),
  ...(podCertificates ? [rule(`create ${read}`, "certificates.k8s.io", "podcertificaterequests")] : []),
];

const readTrustBundles = rule(read, "certificates.k8s.io", "clustertrustbundles");

const controllerManagerRules: readonly PolicyRule[] = [
  eventsRule,
  rule("create", "coordination.k8s.io", "leases"),
  rule("get update", "coordination.k8s.io", "leases", "kube-controller-manager"),
  rule("create", core, "secrets serviceaccounts"),
  rule("delete", core, "secrets"),
  rule("get", core, "namespaces secrets serviceaccounts configmaps"),
  rule("update", core, "secrets serviceaccounts"),
  rule("create", "authentication.k8s.io", "tokenreviews"),
  rule("create", "authorization.k8s.io", "subjectaccessreviews"),
  rule("list watch", "*", "*"),
  rule("create", core, "serviceaccounts/token"),
];

const schedulerRules: readonly PolicyRule[] = [
  eventsRule,
  rule("create", "coordination.k8s.io", "leases"),
  rule("get update list watch", "coordination.k8s.io", "leases", "kube-scheduler"),
  rule(readWrite, "coordination.k8s.io", "leasecandidates"),
  rule(read, core, "nodes"),
  rule(`${read} delete`, core, "pods"),
  rule("create", core, "pods/binding bindings"),
  rule("patch update", core, "pods/status"),
  rule(read, core, "services replicationcontrollers"),
  rule(read, "apps extensions", "replicasets"),
  rule(read, "apps", "statefulsets"),
  rule(read, "policy", "poddisruptionbudgets"),
  rule(read, core, "persistentvolumeclaims persistentvolumes"),
  rule("create", "authentication.k8s.io", "tokenreviews"),
  rule("create", "authorization.k8s.io", "subjectaccessreviews"),
  rule(read, "storage.k8s.io", "csinodes"),
  rule(read, "storage.k8s.io", "volumeattachments"),
  rule(read, core, "namespaces"),
  rule(read, "storage.k8s.io", "csidrivers"),
  rule(read, "storage.k8s.io", "csistoragecapacities"),
  rule(read, "resource.k8s.io", "deviceclasses"),
  rule(readUpdate, "resource.k8s.io", "resourceclaims"),
  rule(readUpdate, "resource.k8s.io", "resourceclaims/status"),
  rule(readUpdate, core, "pods/finalizers"),
  rule(read, "resource.k8s.io", "resourceslices"),
];

const approver = (name: string, signer: string): ClusterRole =>
  clusterRole(`system:certificates.k8s.io:${name}-approver`, [
    rule("approve", "certificates.k8s.io", "signers", `kubernetes.io/${signer}`),
  ]);

const forPeople = (): ClusterRole[] => [
  clusterRole("cluster-admin", [rule("*", "*", "*"), urlRule("*", "*")]),
  clusterRole("system:discovery", [
    urlRule("get", `${health} /version /version/ /openapi /openapi/* /api /api/* /apis /apis/*`),
  ]),
  clusterRole("system:monitoring", [
    urlRule("get", `/metrics /metrics/slis ${health} /livez/* /readyz/* /healthz/*`),
    rule("get", core, "nodes/metrics"),
  ]),
  clusterRole("system:basic-user", [
    rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
    rule("create", "authentication.k8s.io", "selfsubjectreviews"),
  ]),
  clusterRole("system:public-info-viewer", [urlRule("get", `${health} /version /version/`)]),
  sumRole("admin"),
  sumRole("edit", "admin"),
  sumRole("view", "edit"),
  clusterRole(
    "system:aggregate-to-admin",
    [
      rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
      rule(readWrite, "rbac.authorization.k8s.io", "roles rolebindings"),
    ],
    aggregateTo("admin"),
  ),
  clusterRole("system:aggregate-to-edit", editRules, aggregateTo("edit")),
  clusterRole("system:aggregate-to-view", viewRules, aggregateTo("view")),
];

const discovery = "system:cluster-trust-bundle-discovery";

const forComponents = (features: ServedFeatures): ClusterRole[] => [
  clusterRole("system:heapster", [
    rule(read, core, "events pods nodes namespaces"),
    rule(read, "extensions", "deployments"),
  ]),
  clusterRole("system:node", nodeRules(features)),
  clusterRole("system:node-problem-detector", [
    rule("get", core, "nodes"),
    rule("patch", core, "nodes/status"),
    eventsRule,
  ]),
  clusterRole("system:node-bootstrapper", [
    rule(`create ${read}`, "certificates.k8s.io", "certificatesigningrequests"),
  ]),
  clusterRole("system:auth-delegator", [
    rule("create", "authentication.k8s.io", "tokenreviews"),
    rule("create", "authorization.k8s.io", "subjectaccessreviews"),
  ]),
  clusterRole("system:kube-aggregator", [rule(read, core, "services endpoints")]),
  clusterRole("system:kube-controller-manager", controllerManagerRules),
  clusterRole("system:kube-dns", [rule("list watch", core, "endpoints services")]),
  clusterRole("system:persistent-volume-provisioner", [
    rule(`${read} create delete`, core, "persistentvolumes"),
    rule(`${read} update`, core, "persistentvolumeclaims"),
    rule(read, "storage.k8s.io", "storageclasses"),
    rule("watch", core, "events"),
    eventsRule,
  ]),
  ...["nodeclient", "selfnodeclient"].map((kind) =>
    clusterRole(`system:certificates.k8s.io:certificatesigningrequests:${kind}`, [
      rule("create", "certificates.k8s.io", `certificatesigningrequests/${kind}`),
    ]),
  ),
  clusterRole("system:volume-scheduler", [
    rule(readUpdate, core, "persistentvolumes"),
    rule(read, "storage.k8s.io", "storageclasses"),
    rule(readUpdate, core, "persistentvolumeclaims"),
  ]),
  approver("legacy-unknown", "legacy-unknown"),
  approver("kubelet-serving", "kubelet-serving"),
  approver("kube-apiserver-client", "kube-apiserver-client"),
  approver("kube-apiserver-client-kubelet", "kube-apiserver-client-kubelet"),
  clusterRole("system:service-account-issuer-discovery", [
    urlRule(
      "get",
      "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
    ),
  ]),
  clusterRole("system:kubelet-api-admin", [
    rule(read, core, "nodes"),
    rule("proxy", core, "nodes"),
    rule("*", core, "nodes/proxy nodes/metrics nodes/stats nodes/log"),
    rule("*", core, "nodes/pods nodes/healthz nodes/configz"),
  ]),
  clusterRole("system:node-proxier", [
    rule("list watch", core, "services endpoints"),
    rule(read, core, "nodes"),
    eventsRule,
    rule("list watch", "networking.k8s.io", "servicecidrs"),
    rule("list watch", "discovery.k8s.io", "endpointslices"),
  ]),
  clusterRole("system:kube-scheduler", schedulerRules),
  ...(features.trustBundles ? [clusterRole(discovery, [readTrustBundles])] : []),
];

export const defaultClusterRoles = (features: ServedFeatures): ClusterRole[] => [
  ...forPeople(),
  ...forComponents(features),
];

export const defaultClusterRoleBindings = ({ trustBundles }: ServedFeatures): ClusterRoleBinding[] => {
  const everybody = group("system:authenticated");
  return [
    clusterBinding("cluster-admin", [group("system:masters")]),
    clusterBinding("system:monitoring", [group("system:monitoring")]),
    clusterBinding("system:discovery", [everybody]),
    clusterBinding("system:basic-user", [everybody]),
    clusterBinding("system:public-info-viewer", [everybody, group("system:unauthenticated")]),
    clusterBinding("system:node-proxier", [user("system:kube-proxy")]),
    clusterBinding("system:kube-controller-manager", [user("system:kube-controller-manager")]),
    clusterBinding("system:kube-dns", [account("kube-dns")]),
    clusterBinding("system:kube-scheduler", [user("system:kube-scheduler")]),
    clusterBinding("system:volume-scheduler", [user("system:kube-scheduler")]),
    // Bound to nobody: the node authorizer took its place.
    clusterBinding("system:node", []),
    clusterBinding("system:service-account-issuer-discovery", [group("system:serviceaccounts")]),
    ...(trustBundles ? [clusterBinding(discovery, [group("system:serviceaccounts")])] : []),
  ];
};

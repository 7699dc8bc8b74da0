import { testCreates, testUpdates, type Valid } from "./testing/validation-cases.ts";

const labels = { app: "x" };
const selector = { matchLabels: labels };
const pem = Buffer.from(
  "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
).toString("base64");
const spec = (fields: object): object => ({ spec: fields });
const valid: Valid = {
  "rbac.authorization.k8s.io/v1/Role": { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] },
  "rbac.authorization.k8s.io/v1/ClusterRole": { rules: [{ verbs: ["get"], nonResourceURLs: ["/healthz"] }] },
  "rbac.authorization.k8s.io/v1/RoleBinding": {
    roleRef: { kind: "Role", name: "system:r" },
    subjects: [
      { kind: "User", name: "u" },
      { kind: "ServiceAccount", name: "s" },
    ],
  },
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": { roleRef: { kind: "ClusterRole", name: "r" } },
  "networking.k8s.io/v1/Ingress": {
    spec: {
      rules: [
        {
          host: "*.example.com",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  },
  "networking.k8s.io/v1/IngressClass": { spec: { controller: "example.com/c" } },
  "networking.k8s.io/v1/NetworkPolicy": {
    spec: {
      podSelector: {},
      ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }] }],
    },
  },
  "policy/v1/PodDisruptionBudget": { spec: { minAvailable: "50%", selector } },
  "storage.k8s.io/v1/StorageClass": { provisioner: "example.com/p" },
  "autoscaling/v2/HorizontalPodAutoscaler": {
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
      behavior: {},
    },
  },
  "discovery.k8s.io/v1/EndpointSlice": {
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"] }],
    ports: [{ port: 80 }],
  },
  "coordination.k8s.io/v1/Lease": { spec: { leaseDurationSeconds: 15, holderIdentity: "h" } },
  "scheduling.k8s.io/v1/PriorityClass": { value: 5 },
  "certificates.k8s.io/v1/CertificateSigningRequest": {
    spec: { request: pem, signerName: "kubernetes.io/kubelet-serving", usages: ["server auth"] },
  },
  "authentication.k8s.io/v1/TokenRequest": { spec: { audiences: [] } },
  "node.k8s.io/v1/RuntimeClass": { handler: "h" },
};

testCreates(valid, [
  [
    "rbac.authorization.k8s.io/v1/Role",
    { rules: [{ apiGroups: [""] }] },
    "rules[0].verbs: Required value: verbs must contain at least one value",
    "rules[0].resources: Required value: resource rules must supply at least one resource",
  ],
  [
    "rbac.authorization.k8s.io/v1/Role",
    { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"] }] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRole",
    { rules: [{ verbs: ["get"], nonResourceURLs: ["/x"], apiGroups: [""] }] },
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRole",
    { aggregationRule: {} },
    "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRole",
    {
      aggregationRule: {
        clusterRoleSelectors: [
          { matchLabels: { a: "b" } },
          { matchExpressions: [{ key: "a", operator: "In" }] },
        ],
      },
    },
    "aggregationRule.clusterRoleSelectors[1].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    'aggregationRule.clusterRoleSelectors[1]: Invalid value: "null": invalid label selector.',
  ],
  [
    "rbac.authorization.k8s.io/v1/RoleBinding",
    { roleRef: { apiGroup: "x", kind: "Rule", name: "" } },
    'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    'roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"',
    "roleRef.name: Required value",
  ],
  [
    "rbac.authorization.k8s.io/v1/RoleBinding",
    {
      subjects: [
        { kind: "Robot", name: "r" },
        { kind: "User", name: "", apiGroup: "x" },
      ],
    },
    'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    "subjects[1].name: Required value",
    'subjects[1].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
    { roleRef: { kind: "Role" } },
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
    { subjects: [{ kind: "ServiceAccount", name: "s" }] },
    "subjects[0].namespace: Required value",
  ],
  [
    "networking.k8s.io/v1/Ingress",
    { spec: { rules: [] } },
    "spec: Invalid value: []: either `defaultBackend` or `rules` must be specified",
  ],
  [
    "networking.k8s.io/v1/Ingress",
    { spec: { rules: [{ host: "1.2.3.4" }] } },
    'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ],
  [
    "networking.k8s.io/v1/Ingress",
    { spec: { defaultBackend: { service: { name: "s" } } } },
    "spec.defaultBackend: Required value: port name or number is required",
  ],
  [
    "networking.k8s.io/v1/NetworkPolicy",
    spec({ ingress: [{ from: [{}] }] }),
    "spec.ingress[0].from[0]: Required value: must specify a peer",
  ],
  [
    "networking.k8s.io/v1/NetworkPolicy",
    spec({ ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }] }] }),
    'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
  ],
  [
    "policy/v1/PodDisruptionBudget",
    spec({ maxUnavailable: 1 }),
    'spec: Invalid value: {"MinAvailable":"50%","Selector":{"matchLabels":{"app":"x"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
  ],
  ["policy/v1/PodDisruptionBudget", { metadata: { name: "My_Budget", finalizers: ["mine"] } }],
  [
    "policy/v1/PodDisruptionBudget",
    { metadata: { name: "a%b" }, ...spec({ minAvailable: -1 }) },
    "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "policy/v1/PodDisruptionBudget",
    { metadata: { name: "a%b" } },
    "metadata.name: Invalid value: \"a%b\": may not contain '%'",
  ],
  [
    "policy/v1/PodDisruptionBudget",
    spec({ minAvailable: "101%", unhealthyPodEvictionPolicy: "Never" }),
    'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
    'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
  ],
  [
    "policy/v1/PodDisruptionBudget",
    spec({ minAvailable: "x" }),
    'spec.minAvailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending…',
  ],
  ["storage.k8s.io/v1/StorageClass", { provisioner: "" }, "provisioner: Required value"],
  [
    "autoscaling/v2/HorizontalPodAutoscaler",
    spec({ maxReplicas: 1, minReplicas: 2 }),
    "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`",
  ],
  [
    "autoscaling/v2/HorizontalPodAutoscaler",
    spec({ metrics: [{ type: "Pods" }] }),
    "spec.metrics[0].pods: Required value: must populate information for the given metric source",
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    { endpoints: [{ addresses: [] }] },
    "endpoints[0].addresses: Required value: must contain at least 1 address",
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    { addressType: "IPv5" },
    'addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"',
  ],
  [
    "coordination.k8s.io/v1/Lease",
    spec({ leaseDurationSeconds: 0 }),
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
  ],
  [
    "scheduling.k8s.io/v1/PriorityClass",
    { value: 1_000_000_001 },
    "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
  ],
  [
    "scheduling.k8s.io/v1/PriorityClass",
    { metadata: { name: "system-x" } },
    "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
  ],
  ["certificates.k8s.io/v1/CertificateSigningRequest", spec({ usages: [] }), "spec.usages: Required value"],
  [
    "authentication.k8s.io/v1/TokenRequest",
    spec({ expirationSeconds: 5 }),
    "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
  ],
  [
    "node.k8s.io/v1/RuntimeClass",
    {
      scheduling: {
        nodeSelector: { "a b": "c" },
        tolerations: [
          { key: "k", operator: "Exists", value: "" },
          { key: "k", operator: "Exists" },
        ],
      },
    },
    'scheduling.nodeSelector: Invalid value: "a b": name part must consist of…',
    'scheduling.tolerations[1]: Duplicate value: {"Key":"k","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
  ],
  [
    "node.k8s.io/v1/RuntimeClass",
    { overhead: { podFixed: { cpu: "-1" } } },
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    "node.k8s.io/v1/RuntimeClass",
    { handler: "" },
    'handler: Invalid value: "": a lowercase RFC 1123 label must consist of…',
  ],
]);
testUpdates(valid, [
  [
    "rbac.authorization.k8s.io/v1/RoleBinding",
    {},
    { roleRef: { name: "q" } },
    'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"q"}: cannot change roleRef',
  ],
  [
    "storage.k8s.io/v1/StorageClass",
    {},
    { parameters: { a: "b" } },
    "parameters: Forbidden: updates to parameters are forbidden.",
  ],
  [
    "scheduling.k8s.io/v1/PriorityClass",
    {},
    { value: 6 },
    "value: Forbidden: may not be changed in an update.",
  ],
  [
    "scheduling.k8s.io/v1/PriorityClass",
    {},
    { value: 1_000_000_001, preemptionPolicy: "Maybe" },
    "value: Forbidden: may not be changed in an update.",
    'preemptionPolicy: Invalid value: "Maybe": field is immutable',
  ],
  [
    "scheduling.k8s.io/v1/PriorityClass",
    { metadata: { name: "system-node-critical" }, value: 2_000_001_000 },
    { globalDefault: true },
  ],
  [
    "rbac.authorization.k8s.io/v1/ClusterRole",
    {
      aggregationRule: {
        clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "In", values: ["?"] }] }],
      },
    },
    {},
    'aggregationRule.clusterRoleSelectors[0]: Invalid value: "null": invalid label selector.',
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    {},
    { addressType: "IPv6", endpoints: [] },
    'addressType: Invalid value: "IPv6": field is immutable',
  ],
]);

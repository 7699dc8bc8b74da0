/** Objects that pass validation, so that updates, patches and deletes have something to work on. Keyed by apiVersion/kind. */

const labels = { app: "fuzz" };
const podSpec = {
  containers: [
    {
      name: "c",
      image: "nginx:1",
      ports: [{ name: "http", containerPort: 80 }],
      env: [{ name: "A", value: "1" }],
      resources: { requests: { cpu: "10m" }, limits: { memory: "64Mi" } },
      readinessProbe: { httpGet: { path: "/", port: "http" } },
    },
  ],
  volumes: [{ name: "v", emptyDir: {} }],
  tolerations: [{ key: "x", operator: "Exists" }],
};
const template = { metadata: { labels }, spec: podSpec };
const selector = { matchLabels: labels };
const reference = { name: "x", namespace: "default", path: "/x" };
const webhook = {
  name: "x.example.com",
  clientConfig: { service: reference },
  rules: [
    { apiGroups: ["never.example.com"], apiVersions: ["*"], operations: ["CREATE"], resources: ["none"] },
  ],
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  failurePolicy: "Ignore",
  matchConditions: [{ name: "m", expression: "object.metadata.name == 'x'" }],
};
const matchConstraints = { resourceRules: webhook.rules };

export const goodObjects: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "v1/ConfigMap": { data: { a: "1" }, binaryData: { b: "AAE=" } },
  "v1/Secret": { type: "Opaque", stringData: { a: "1" } },
  "v1/Pod": { metadata: { labels }, spec: podSpec },
  "v1/Service": { spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] } },
  "v1/ServiceAccount": { secrets: [{ name: "x" }] },
  "v1/Endpoints": { subsets: [{ addresses: [{ ip: "10.1.2.3" }], ports: [{ port: 80 }] }] },
  "v1/Namespace": {},
  "v1/Node": { spec: { taints: [{ key: "a", effect: "NoSchedule" }] } },
  "v1/LimitRange": { spec: { limits: [{ type: "Container", default: { cpu: "1" } }] } },
  "v1/ResourceQuota": { spec: { hard: { pods: "1000" } } },
  "v1/PersistentVolumeClaim": {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
  "v1/PersistentVolume": {
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
  },
  "v1/ReplicationController": { spec: { replicas: 1, selector: labels, template } },
  "v1/Event": {
    involvedObject: { kind: "Pod", namespace: "default", name: "x" },
    reason: "R",
    message: "m",
    type: "Normal",
  },
  "apps/v1/Deployment": { spec: { replicas: 1, selector, template, strategy: { type: "RollingUpdate" } } },
  "apps/v1/ReplicaSet": { spec: { replicas: 1, selector, template } },
  "apps/v1/DaemonSet": { spec: { selector, template } },
  "apps/v1/StatefulSet": { spec: { serviceName: "x", selector, template } },
  "apps/v1/ControllerRevision": { revision: 1, data: { a: 1 } },
  "batch/v1/Job": {
    spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } }, completions: 2, parallelism: 1 },
  },
  "batch/v1/CronJob": {
    spec: {
      schedule: "*/5 * * * *",
      jobTemplate: { spec: { template: { spec: { ...podSpec, restartPolicy: "Never" } } } },
    },
  },
  "autoscaling/v2/HorizontalPodAutoscaler": {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "x" },
      maxReplicas: 3,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
        },
      ],
    },
  },
  "networking.k8s.io/v1/Ingress": {
    spec: {
      rules: [
        {
          host: "a.example.com",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "x", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  },
  "networking.k8s.io/v1/NetworkPolicy": {
    spec: {
      podSelector: selector,
      ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 80 }] }],
    },
  },
  "policy/v1/PodDisruptionBudget": { spec: { minAvailable: "50%", selector } },
  "rbac.authorization.k8s.io/v1/Role": { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] },
  "rbac.authorization.k8s.io/v1/RoleBinding": {
    subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: "x" }],
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "fuzz-a" },
  },
  "storage.k8s.io/v1/StorageClass": { provisioner: "example.com/x" },
  "coordination.k8s.io/v1/Lease": { spec: { holderIdentity: "x", leaseDurationSeconds: 15 } },
  "discovery.k8s.io/v1/EndpointSlice": {
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.1.2.3"], conditions: { ready: true } }],
    ports: [{ name: "http", port: 80 }],
  },
  "scheduling.k8s.io/v1/PriorityClass": { value: 1000 },
  "flowcontrol.apiserver.k8s.io/v1/FlowSchema": {
    spec: {
      priorityLevelConfiguration: { name: "global-default" },
      matchingPrecedence: 9999,
      rules: [
        {
          subjects: [{ kind: "User", user: { name: "nobody" } }],
          resourceRules: [{ verbs: ["get"], apiGroups: ["x"], resources: ["y"], clusterScope: true }],
        },
      ],
    },
  },
  "certificates.k8s.io/v1/CertificateSigningRequest": {
    spec: { request: "AAAA", signerName: "example.com/x", usages: ["client auth"] },
  },
  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": { webhooks: [webhook] },
  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": { webhooks: [webhook] },
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": {
    spec: {
      matchConstraints,
      failurePolicy: "Ignore",
      variables: [{ name: "v", expression: "object.metadata.name" }],
      validations: [
        { expression: "variables.v.startsWith('x') && has(object.metadata.labels)", message: "no" },
      ],
    },
  },
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": {
    spec: { policyName: "fuzz-a", validationActions: ["Audit"] },
  },
};

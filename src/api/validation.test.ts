import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDefaults } from "./defaults.ts";
import { fieldErrorText } from "./meta/field-error.ts";
import { parseApiVersion, type AnyObject, type GroupVersionKind } from "./meta/object.ts";
import { createTypeTable } from "./schema/table.ts";
import { createScheme } from "./scheme.ts";
import {
  validateCreate,
  validateStatusUpdate,
  validateUpdate,
  Validator,
  type ValidationContext,
} from "./validation.ts";

const scheme = createScheme();
const table = createTypeTable();

const kindOf = (apiVersion: string, kind: string): GroupVersionKind => ({
  ...parseApiVersion(apiVersion),
  kind,
});

function contextOf(gvk: GroupVersionKind): ValidationContext {
  const definition = scheme.kind(gvk);
  return {
    table,
    struct: definition?.struct ?? scheme.structOf(gvk),
    namespaced: definition?.namespaced ?? true,
  };
}

interface Given {
  readonly metadata?: object;
  readonly [field: string]: unknown;
}

/** Deeply merged; undefined takes a field away. */
function over(base: unknown, changes: unknown): unknown {
  if (typeof base !== "object" || base === null || Array.isArray(base)) return changes;
  if (typeof changes !== "object" || changes === null || Array.isArray(changes)) return changes;
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const merged = over(result[key], value);
    if (merged === undefined) delete result[key];
    else result[key] = merged;
  }
  return result;
}

const labels = { app: "x" };
const container = { name: "c", image: "i" };
const template = { metadata: { labels }, spec: { containers: [container] } };
const selector = { matchLabels: labels };
const jobTemplate = {
  ...template,
  spec: { ...template.spec, restartPolicy: "Never" },
};
const pem = Buffer.from(
  "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n",
).toString("base64");

/** One faultless object of each kind that has rules. */
const valid: Readonly<Record<string, Given>> = {
  "v1/Pod": { spec: { containers: [container] } },
  "v1/Service": { spec: { selector: labels, ports: [{ port: 80 }] } },
  "v1/Namespace": {},
  "v1/Node": {},
  "v1/ConfigMap": { data: { "a.b": "c" } },
  "v1/Secret": { data: { a: "AA==" } },
  "v1/ServiceAccount": {},
  "v1/Endpoints": { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }] },
  "v1/Event": { involvedObject: { kind: "Pod", namespace: "n", name: "p" } },
  "v1/ReplicationController": { spec: { template } },
  "v1/PodTemplate": { template },
  "v1/LimitRange": { spec: { limits: [{ type: "Container", max: { cpu: "1" } }] } },
  "v1/ResourceQuota": { spec: { hard: { pods: "10", "requests.cpu": "1" } } },
  "v1/PersistentVolume": {
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
  },
  "v1/PersistentVolumeClaim": {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  },
  "v1/Binding": { target: { kind: "Node", name: "n1" } },
  "apps/v1/Deployment": { spec: { selector, template } },
  "apps/v1/ReplicaSet": { spec: { selector, template } },
  "apps/v1/DaemonSet": { spec: { selector, template } },
  "apps/v1/StatefulSet": { spec: { selector, template } },
  "apps/v1/ControllerRevision": { data: {}, revision: 1 },
  "batch/v1/Job": { spec: { manualSelector: true, selector, template: jobTemplate } },
  "batch/v1/CronJob": {
    spec: { schedule: "*/5 1-3 * jan mon,fri", jobTemplate: { spec: { template: jobTemplate } } },
  },
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
  "autoscaling/v1/HorizontalPodAutoscaler": {
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" } },
  },
  "autoscaling/v1/Scale": { spec: { replicas: 0 } },
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
  "events.k8s.io/v1/Event": {
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingComponent: "example.com/c",
    reportingInstance: "i",
    action: "a",
    reason: "r",
    type: "Normal",
    involvedObject: { kind: "Pod", namespace: "n", name: "p" },
  },
  "node.k8s.io/v1/RuntimeClass": { handler: "h" },
};

function objectOf(
  key: string,
  changes: object,
): { gvk: GroupVersionKind; object: AnyObject; context: ValidationContext } {
  const slash = key.lastIndexOf("/");
  const gvk = kindOf(key.slice(0, slash), key.slice(slash + 1));
  const context = contextOf(gvk);
  const metadata = { name: "x", ...(context.namespaced ? { namespace: "n" } : {}) };
  const object = structuredClone(over({ metadata, ...valid[key] }, changes)) as AnyObject;
  applyDefaults(gvk, object);
  return { gvk, object, context };
}

function createFaults(key: string, changes: object = {}): readonly string[] {
  const { gvk, object, context } = objectOf(key, changes);
  return validateCreate(gvk, object, context).map(fieldErrorText);
}

function updateFaults(key: string, changes: object, oldChanges: object = {}): readonly string[] {
  const { gvk, object, context } = objectOf(key, over(oldChanges, changes) as object);
  return validateUpdate(gvk, object, objectOf(key, oldChanges).object, context).map(fieldErrorText);
}

for (const key of Object.keys(valid)) {
  test(`a good ${key} is created and updated with itself`, () => {
    assert.deepEqual(createFaults(key), []);
    assert.deepEqual(updateFaults(key, {}), []);
  });
}

const one = (changes: object): object => ({ spec: { containers: [{ ...container, ...changes }] } });
const spec = (changes: object): object => ({ spec: changes });
type Case = readonly [key: string, changes: object, ...faults: readonly string[]];

const meta: readonly Case[] = [
  [
    "v1/ConfigMap",
    { metadata: { name: undefined } },
    "metadata.name: Required value: name or generateName is required",
  ],
  [
    "v1/ConfigMap",
    { metadata: { name: undefined, generateName: "a-" } },
    "metadata.name: Required value: name or generateName is required",
  ],
  ["v1/ConfigMap", { metadata: { namespace: undefined } }, "metadata.namespace: Required value"],
  [
    "v1/Namespace",
    { metadata: { namespace: "n" } },
    "metadata.namespace: Forbidden: not allowed on this type",
  ],
  [
    "v1/Namespace",
    { metadata: { name: "a.b" } },
    'metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  [
    "v1/ConfigMap",
    { metadata: { name: "A" } },
    `metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  ],
  [
    "v1/Service",
    { metadata: { name: "1a" } },
    `metadata.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    "v1/ConfigMap",
    { metadata: { labels: { "a b": "" } } },
    'metadata.labels: Invalid value: "a b": name part must consist of',
  ],
  [
    "v1/ConfigMap",
    { metadata: { labels: { a: "b c" } } },
    'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of',
  ],
  [
    "v1/ConfigMap",
    { metadata: { annotations: { a: "x".repeat(262_145) } } },
    "metadata.annotations: Too long: may not be more than 262144 bytes",
  ],
  [
    "v1/ConfigMap",
    { metadata: { finalizers: ["mine"] } },
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    "v1/ConfigMap",
    { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p" }] } },
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ],
  [
    "v1/ConfigMap",
    {
      metadata: {
        ownerReferences: ["a", "b"].map((name) => ({
          apiVersion: "v1",
          kind: "Pod",
          name,
          uid: "u",
          controller: true,
        })),
      },
    },
    "metadata.ownerReferences: Invalid value: [",
  ],
  [
    "rbac.authorization.k8s.io/v1/Role",
    { metadata: { name: "a/b" } },
    `metadata.name: Invalid value: "a/b": may not contain '/'`,
  ],
  [
    "batch/v1/CronJob",
    { metadata: { name: "a".repeat(53) } },
    `metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`,
  ],
];

const pods: readonly Case[] = [
  ["v1/Pod", spec({ containers: [] }), "spec.containers: Required value"],
  ["v1/Pod", one({ name: "" }), "spec.containers[0].name: Required value"],
  ["v1/Pod", one({ image: "" }), "spec.containers[0].image: Required value"],
  [
    "v1/Pod",
    one({ image: " i" }),
    'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
  ],
  ["v1/Pod", spec({ containers: [container, container] }), 'spec.containers[1].name: Duplicate value: "c"'],
  ["v1/Pod", spec({ initContainers: [container] }), 'spec.initContainers[0].name: Duplicate value: "c"'],
  [
    "v1/Pod",
    spec({ restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "v1/Pod",
    spec({ dnsPolicy: "None" }),
    "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
  ],
  [
    "v1/Pod",
    one({ imagePullPolicy: "Now" }),
    'spec.containers[0].imagePullPolicy: Unsupported value: "Now": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 0 }] }),
    "spec.containers[0].ports[0].containerPort: Required value",
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 70_000 }] }),
    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 1, protocol: "tcp" }] }),
    'spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    "v1/Pod",
    one({
      ports: [
        { containerPort: 1, hostPort: 5 },
        { containerPort: 2, hostPort: 5 },
      ],
    }),
    'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"',
  ],
  [
    "v1/Pod",
    spec({ hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 1, hostPort: 2 }] }] }),
    "spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true",
  ],
  ["v1/Pod", one({ env: [{ name: "" }] }), "spec.containers[0].env[0].name: Required value"],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: {} }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", value: "b", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: { fieldRef: { fieldPath: "spec.foo" } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name"',
  ],
  [
    "v1/Pod",
    one({ volumeMounts: [{ name: "v", mountPath: "/x" }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    "v1/Pod",
    spec({
      volumes: [{ name: "v" }],
      containers: [
        {
          ...container,
          volumeMounts: [
            { name: "v", mountPath: "/x" },
            { name: "v", mountPath: "/x" },
          ],
        },
      ],
    }),
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
  ],
  ["v1/Pod", spec({ volumes: [{ name: "v" }, { name: "v" }] }), 'spec.volumes[1].name: Duplicate value: "v"'],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] }),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", secret: {} }] }),
    "spec.volumes[0].secret.secretName: Required value",
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", configMap: { name: "m", items: [{ key: "k", path: "../x" }] } }] }),
    `spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain '..'`,
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", secret: { secretName: "s", defaultMode: 1000 } }] }),
    "spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: {} }),
    "spec.containers[0].livenessProbe: Required value: must specify a handler type",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: { exec: { command: ["a"] }, tcpSocket: { port: 1 } } }),
    "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
    "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
  ],
  [
    "v1/Pod",
    one({ readinessProbe: { httpGet: { port: "x_y" } } }),
    'spec.containers[0].readinessProbe.httpGet.port: Invalid value: "x_y": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [
    "v1/Pod",
    one({ readinessProbe: { tcpSocket: { port: 1 }, periodSeconds: -1 } }),
    "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "v1/Pod",
    spec({ initContainers: [{ ...container, name: "i", livenessProbe: { tcpSocket: { port: 1 } } }] }),
    "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "-1" } } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { foo: "1" } } }),
    'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
    'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
  ],
  [
    "v1/Pod",
    one({ resources: { limits: { "example.com/gpu": "1500m" } } }),
    'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
    'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { "example.com/gpu": "1" } } }),
    "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "abc" } } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "abc": quantities must match the regular expression',
  ],
  [
    "v1/Pod",
    spec({ activeDeadlineSeconds: 0 }),
    "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ operator: "Equal" }] }),
    'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ key: "a", tolerationSeconds: 1 }] }),
    `spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
      },
    }),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 0, podAffinityTerm: { topologyKey: "a" } },
          ],
        },
      },
    }),
    "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
  ],
  [
    "v1/Pod",
    spec({
      topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" }],
    }),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
  ],
  [
    "v1/Pod",
    spec({ securityContext: { runAsUser: -1 } }),
    "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive",
  ],
  [
    "v1/Pod",
    one({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    "spec.containers[0].securityContext: Invalid value: {",
  ],
  [
    "v1/Pod",
    spec({ ephemeralContainers: [{ ...container, name: "e" }] }),
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
  ],
  [
    "v1/Pod",
    spec({ preemptionPolicy: "Perhaps" }),
    'spec.preemptionPolicy: Unsupported value: "Perhaps": supported values: "Never", "PreemptLowerPriority"',
  ],
];

const badTemplate = over(template, { metadata: { labels: { app: "y" } } });
const workloads: readonly Case[] = [
  [
    "apps/v1/Deployment",
    spec({ replicas: -1 }),
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  ],
  ["apps/v1/Deployment", spec({ selector: undefined }), "spec.selector: Required value"],
  [
    "apps/v1/Deployment",
    spec({ selector: { matchLabels: { app: undefined } } }),
    'spec.selector: Invalid value: {"matchLabels":{}}: empty selector is invalid for deployment',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: badTemplate as object }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/ReplicaSet",
    spec({ template: badTemplate as object }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/DaemonSet",
    spec({ template: badTemplate as object }),
    'spec.template.metadata.labels: Invalid value: {"app":"y"}: `selector` does not match template `labels`',
  ],
  [
    "v1/ReplicationController",
    spec({ selector: { app: "z" } }),
    'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: { spec: { restartPolicy: "Never" } } }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    "apps/v1/Deployment",
    spec({ template: { spec: { containers: [] } } }),
    "spec.template.spec.containers: Required value",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { type: "Blue" } }),
    'spec.strategy.type: Unsupported value: "Blue": supported values: "Recreate", "RollingUpdate"',
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { type: "Recreate", rollingUpdate: {} } }),
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
  ],
  [
    "apps/v1/Deployment",
    spec({ strategy: { rollingUpdate: { maxUnavailable: "101%" } } }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  [
    "apps/v1/Deployment",
    spec({ progressDeadlineSeconds: 5, minReadySeconds: 5 }),
    "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
  ],
  [
    "apps/v1/DaemonSet",
    spec({ updateStrategy: { rollingUpdate: { maxSurge: 1 } } }),
    "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
  ],
  [
    "apps/v1/StatefulSet",
    spec({ podManagementPolicy: "Chaos" }),
    `spec.podManagementPolicy: Invalid value: "Chaos": must be 'OrderedReady' or 'Parallel'`,
  ],
  [
    "apps/v1/StatefulSet",
    { metadata: { name: "a.b" } },
    'metadata.name: Invalid value: "a.b": must not contain dots',
  ],
  ["apps/v1/ControllerRevision", { data: undefined }, "data: Required value: data is mandatory"],
  [
    "batch/v1/Job",
    spec({ template: over(jobTemplate, { spec: { restartPolicy: "Always" } }) as object }),
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    "batch/v1/Job",
    spec({ completionMode: "Indexed", completions: undefined, parallelism: 1 }),
    "spec.completions: Required value: when completion mode is Indexed",
  ],
  [
    "batch/v1/Job",
    spec({ backoffLimit: -1 }),
    "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
  ],
  ["batch/v1/CronJob", spec({ schedule: "" }), "spec.schedule: Required value"],
  [
    "batch/v1/CronJob",
    spec({ schedule: "* *" }),
    'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "60 * * * *" }),
    'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "@never" }),
    'spec.schedule: Invalid value: "@never": unrecognized descriptor: @never',
  ],
  [
    "batch/v1/CronJob",
    spec({ schedule: "x * * * *" }),
    'spec.schedule: Invalid value: "x * * * *": failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
  ],
  [
    "batch/v1/CronJob",
    spec({ timeZone: "Mars/Olympus" }),
    'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
  ],
  [
    "batch/v1/CronJob",
    spec({ concurrencyPolicy: "Maybe" }),
    'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
  ],
];

const others: readonly Case[] = [
  ["v1/Service", spec({ ports: [] }), "spec.ports: Required value"],
  [
    "v1/Service",
    spec({ ports: [{ port: 80 }, { port: 81 }] }),
    "spec.ports[0].name: Required value",
    "spec.ports[1].name: Required value",
  ],
  [
    "v1/Service",
    spec({
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    }),
    "spec.ports[1]: Duplicate value: {",
  ],
  [
    "v1/Service",
    spec({ ports: [{ port: 0 }] }),
    "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
  ],
  [
    "v1/Service",
    spec({ type: "Magic" }),
    'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "v1/Service",
    spec({ ports: [{ port: 80, nodePort: 30_000 }] }),
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  ["v1/Service", spec({ type: "ExternalName" }), "spec.externalName: Required value"],
  [
    "v1/Service",
    spec({ type: "NodePort", clusterIP: "None", clusterIPs: ["None"] }),
    `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
  ],
  [
    "v1/Service",
    spec({ clusterIP: "x", clusterIPs: ["x"] }),
    'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ],
  [
    "v1/Service",
    spec({ externalIPs: ["127.0.0.1"] }),
    'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    "v1/Service",
    spec({ loadBalancerSourceRanges: ["10.0.0.0/8"] }),
    "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  [
    "v1/Service",
    spec({ externalTrafficPolicy: "Local" }),
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    "v1/Endpoints",
    { subsets: [{}] },
    "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
  ],
  [
    "v1/Endpoints",
    { subsets: [{ addresses: [{ ip: "127.0.0.1" }] }] },
    'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    "v1/ConfigMap",
    { data: { "a/b": "" } },
    `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
  ],
  ["v1/ConfigMap", { data: { a: "x".repeat(1_048_577) } }, ": Too long: may not be more than 1048576 bytes"],
  [
    "v1/Secret",
    { type: "kubernetes.io/tls" },
    "data[tls.crt]: Required value",
    "data[tls.key]: Required value",
  ],
  [
    "v1/Secret",
    { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "e" } },
    'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": ',
  ],
  [
    "v1/Node",
    spec({ taints: [{ key: "a", effect: "Go" }] }),
    'metadata.taints[0].effect: Unsupported value: "Go": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ],
  [
    "v1/Event",
    { involvedObject: { namespace: "other" } },
    'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
  ],
  ["events.k8s.io/v1/Event", { reason: "" }, "reason: Required value"],
  [
    "v1/LimitRange",
    spec({ limits: [{ type: "Container", min: { cpu: "2" }, max: { cpu: "1" } }] }),
    'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
    'spec.limits[0].default[cpu]: Invalid value: "1": min value 2 is greater than default value 1',
  ],
  [
    "v1/LimitRange",
    spec({ limits: [{ type: "Pod", default: { cpu: "2" } }] }),
    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
  ],
  [
    "v1/ResourceQuota",
    spec({ hard: { foo: "1" } }),
    'spec.hard[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
  ],
  [
    "v1/PersistentVolume",
    spec({ capacity: undefined }),
    "spec.capacity: Required value",
    'spec.capacity: Unsupported value: {}: supported values: "storage"',
  ],
  ["v1/PersistentVolume", spec({ hostPath: undefined }), "spec: Required value: must specify a volume type"],
  [
    "v1/PersistentVolumeClaim",
    spec({ accessModes: [] }),
    "spec.accessModes: Required value: at least 1 access mode is required",
  ],
  ["v1/PersistentVolumeClaim", spec({ resources: undefined }), "spec.resources[storage]: Required value"],
  [
    "v1/PersistentVolumeClaim",
    spec({ accessModes: ["RWX"] }),
    'spec.accessModes: Unsupported value: "RWX": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
  ],
  [
    "v1/Binding",
    { target: { kind: "Pod" } },
    'target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>"',
  ],
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
  ["policy/v1/PodDisruptionBudget", spec({ maxUnavailable: 1 }), "spec: Invalid value: {"],
  [
    "policy/v1/PodDisruptionBudget",
    spec({ minAvailable: "x" }),
    'spec.minAvailable: Invalid value: "x": a valid percent string must be a numeric string followed by an ending',
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
    "autoscaling/v1/Scale",
    spec({ replicas: -1 }),
    "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
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
    { handler: "" },
    'handler: Invalid value: "": a lowercase RFC 1123 label must consist of',
  ],
];

function assertFaults(got: readonly string[], want: readonly string[]): void {
  assert.equal(got.length, want.length, got.join("\n"));
  for (const [index, text] of want.entries()) {
    assert.ok(got[index]?.startsWith(text), `${got[index]}\nis not\n${text}`);
  }
}

for (const [key, changes, ...want] of [...meta, ...pods, ...workloads, ...others]) {
  test(`${key} with ${JSON.stringify(changes).slice(0, 100)}: ${want[0]?.slice(0, 80)}`, () =>
    assertFaults(createFaults(key, changes), want));
}

const updates: readonly (readonly [
  key: string,
  old: object,
  changes: object,
  ...faults: readonly string[],
])[] = [
  ["v1/ConfigMap", {}, { metadata: { name: "y" } }, 'metadata.name: Invalid value: "y": field is immutable'],
  [
    "v1/ConfigMap",
    { metadata: { uid: "u" } },
    { metadata: { uid: "v" } },
    'metadata.uid: Invalid value: "v": field is immutable',
  ],
  [
    "v1/ConfigMap",
    { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } },
    { metadata: { finalizers: ["a/b"] } },
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a/b"}',
  ],
  [
    "v1/ConfigMap",
    { immutable: true },
    { data: { b: "c" } },
    "data: Forbidden: field is immutable when `immutable` is set",
  ],
  ["v1/Secret", {}, { type: "x" }, 'type: Invalid value: "x": field is immutable'],
  ["v1/Pod", {}, one({ image: "j" })],
  ["v1/Pod", {}, spec({ activeDeadlineSeconds: 5 })],
  ["v1/Pod", {}, spec({ tolerations: [{ operator: "Exists" }] })],
  [
    "v1/Pod",
    {},
    spec({ hostname: "h" }),
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n",
  ],
  [
    "v1/Pod",
    {},
    spec({ containers: [container, { ...container, name: "d" }] }),
    "spec.containers: Forbidden: pod updates may not add or remove containers",
  ],
  [
    "v1/Pod",
    spec({ activeDeadlineSeconds: 5 }),
    spec({ activeDeadlineSeconds: 6 }),
    "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ operator: "Exists" }] }),
    spec({ tolerations: [] }),
    "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
  ],
  [
    "v1/Pod",
    spec({ schedulingGates: [{ name: "a" }] }),
    spec({ schedulingGates: [], nodeSelector: { a: "b" } }),
  ],
  [
    "v1/Pod",
    spec({ schedulingGates: [{ name: "a" }] }),
    spec({ schedulingGates: [{ name: "b" }] }),
    "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
  ],
  [
    "v1/Service",
    spec({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] }),
    spec({ clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"] }),
    'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
  ],
  ["v1/Service", spec({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"] }), spec({ type: "NodePort" })],
  [
    "v1/Node",
    {},
    { metadata: { labels: { a: "b" } }, spec: { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"] } },
  ],
  [
    "v1/Node",
    spec({ podCIDRs: ["10.0.0.0/24"] }),
    spec({ podCIDRs: ["10.0.1.0/24"] }),
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ],
  ["apps/v1/Deployment", {}, spec({ replicas: 3 })],
  [
    "apps/v1/Deployment",
    {},
    spec({ selector: { matchLabels: { app: "x", b: "c" } }, template: { metadata: { labels: { b: "c" } } } }),
    'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
  ],
  ["apps/v1/StatefulSet", {}, spec({ replicas: 3 })],
  [
    "apps/v1/StatefulSet",
    {},
    spec({ serviceName: "s" }),
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  ],
  ["apps/v1/ControllerRevision", {}, { data: { a: 1 } }, 'data: Invalid value: {"a":1}: field is immutable'],
  ["batch/v1/Job", {}, spec({ completions: 2 }), "spec.completions: Invalid value: 2: field is immutable"],
  [
    "batch/v1/Job",
    spec({ suspend: true }),
    spec({ suspend: false, template: { spec: { nodeSelector: { a: "b" } } } }),
  ],
  [
    "batch/v1/Job",
    {},
    spec({ template: { spec: { nodeSelector: { a: "b" } } } }),
    "spec.template: Invalid value: {",
  ],
  ["rbac.authorization.k8s.io/v1/RoleBinding", {}, { roleRef: { name: "q" } }, "roleRef: Invalid value: {"],
  ["v1/PersistentVolumeClaim", {}, spec({ volumeName: "v" })],
  [
    "v1/PersistentVolumeClaim",
    {},
    spec({ volumeMode: "Block" }),
    "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n",
    'volumeMode: Invalid value: "Block": field is immutable',
  ],
  [
    "v1/PersistentVolumeClaim",
    { status: { phase: "Bound" } },
    spec({ resources: { requests: { storage: "2Gi" } } }),
  ],
  [
    "v1/PersistentVolume",
    {},
    spec({ hostPath: { path: "/y" } }),
    "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n",
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
    "discovery.k8s.io/v1/EndpointSlice",
    {},
    { addressType: "IPv6", endpoints: [] },
    'addressType: Invalid value: "IPv6": field is immutable',
  ],
];
for (const [key, old, changes, ...want] of updates) {
  test(`${key} changed by ${JSON.stringify(changes).slice(0, 100)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () =>
    assertFaults(updateFaults(key, changes, old), want));
}

const done = { name: "c", state: { terminated: { exitCode: 0 } } };
const tokens = { projected: { sources: [{ serviceAccountToken: { path: "t" } }] } };
const term = (...values: readonly string[]): object => ({
  matchExpressions: values.map((key) => ({ key, operator: "Exists" })),
});
const affinity = (...terms: readonly object[]): object => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
  },
});
const gates = { schedulingGates: [{ name: "a" }] };
const balancer = { type: "LoadBalancer", externalTrafficPolicy: "Local" };

test("a token source needs an account", () => {
  const changes = spec({ volumes: [{ name: "v", ...tokens }] });
  assertFaults(createFaults("v1/Pod", changes), [
    "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
  ]);
  assertFaults(createFaults("v1/Pod", over(changes, spec({ serviceAccountName: "s" })) as object), []);
});

test("what a gated pod may be told", () => {
  const old = spec({ ...gates, ...affinity(term("a")), nodeSelector: { x: "y" } });
  assertFaults(updateFaults("v1/Pod", spec(affinity(term("a", "b"))), old), []);
  assertFaults(updateFaults("v1/Pod", spec({ nodeSelector: { z: "w" } }), old), []);
  assertFaults(updateFaults("v1/Pod", spec({ nodeSelector: { x: "z" } }), old), [
    'spec.nodeSelector: Invalid value: {"x":"z"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
  ]);
  assertFaults(updateFaults("v1/Pod", spec(affinity(term("b"))), old), [
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value",
  ]);
  assertFaults(updateFaults("v1/Pod", spec(affinity(term("a"), term("b"))), old), [
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value",
  ]);
  assertFaults(updateFaults("v1/Pod", spec(affinity(term("a"))), spec(gates)), []);
});

test("a balancer's health check has a port that stays", () => {
  assertFaults(createFaults("v1/Service", spec(balancer)), ["spec.healthCheckNodePort: Required value"]);
  const old = spec({ ...balancer, healthCheckNodePort: 30_000 });
  assertFaults(updateFaults("v1/Service", {}, old), []);
  assertFaults(updateFaults("v1/Service", spec({ healthCheckNodePort: 30_001 }), old), [
    "spec.healthCheckNodePort: Forbidden: field is immutable",
  ]);
});

const statuses: readonly (readonly [key: string, old: object, now: object, ...faults: readonly string[]])[] =
  [
    [
      "apps/v1/Deployment",
      {},
      { status: { replicas: 1, readyReplicas: 2 } },
      "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
    ],
    [
      "apps/v1/ReplicaSet",
      {},
      { status: { replicas: 1, observedGeneration: -1 } },
      "status.observedGeneration: Invalid value: -1: must be greater than or equal to 0",
    ],
    [
      "apps/v1/Deployment",
      { status: { collisionCount: 2 } },
      { status: { collisionCount: 1 } },
      "status.collisionCount: Invalid value: 1: cannot be decremented",
    ],
    [
      "v1/Namespace",
      {},
      { status: { phase: "Terminating" } },
      `status.Phase: Invalid value: "Terminating": may only be 'Active' if \`deletionTimestamp\` is empty`,
    ],
    [
      "v1/Pod",
      { spec: { restartPolicy: "Never" }, status: { containerStatuses: [done] } },
      {
        spec: { restartPolicy: "Never" },
        status: { containerStatuses: [{ name: "c", state: { running: {} } }] },
      },
      "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
    ],
    [
      "v1/Pod",
      { status: { containerStatuses: [done] } },
      { status: { containerStatuses: [{ name: "c", state: { running: {} } }] } },
    ],
    [
      "v1/Pod",
      {},
      { status: { podIPs: [{ ip: "x" }] } },
      'status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      "v1/Node",
      {},
      {
        status: {
          addresses: [
            { type: "Hostname", address: "a" },
            { type: "Hostname", address: "a" },
          ],
        },
      },
      'status.addresses[1]: Duplicate value: {"type":"Hostname","address":"a"}',
    ],
  ];
for (const [key, old, now, ...want] of statuses) {
  test(`${key} with ${JSON.stringify(now).slice(0, 100)}: ${want[0]?.slice(0, 80) ?? "fine"}`, () => {
    const { gvk, object } = objectOf(key, now);
    assertFaults(validateStatusUpdate(gvk, object, objectOf(key, old).object).map(fieldErrorText), want);
  });
}

const ephemeral = (changes: object = {}): object =>
  spec({ ephemeralContainers: [{ ...container, name: "e", ...changes }] });
const requests = (list: object): object => one({ resources: { requests: list } });
const limits = (memory: string, more: object = {}): object =>
  one({ resources: { limits: { memory } }, ...more });
const restarts = { resizePolicy: [{ resourceName: "memory", restartPolicy: "RestartContainer" }] };
const parts: readonly (readonly [
  part: "ephemeralContainers" | "resources",
  old: object,
  now: object,
  ...faults: readonly string[],
])[] = [
  ["ephemeralContainers", {}, ephemeral()],
  [
    "ephemeralContainers",
    ephemeral(),
    {},
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be removed',
  ],
  [
    "ephemeralContainers",
    ephemeral(),
    ephemeral({ image: "k" }),
    'spec.ephemeralContainers: Forbidden: existing ephemeral containers "e" may not be changed',
  ],
  [
    "ephemeralContainers",
    {},
    ephemeral({ ports: [{ containerPort: 1 }] }),
    "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
  ],
  [
    "ephemeralContainers",
    {},
    ephemeral({ targetContainerName: "z" }),
    'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
  ],
  ["resources", requests({ cpu: "1" }), requests({ cpu: "2" })],
  [
    "resources",
    requests({ cpu: "1" }),
    requests({}),
    "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
  ],
  [
    "resources",
    requests({}),
    requests({ "ephemeral-storage": "1" }),
    "spec: Forbidden: only cpu and memory resources are mutable",
  ],
  ["resources", limits("2Gi"), limits("3Gi")],
  [
    "resources",
    limits("2Gi"),
    limits("1Gi"),
    "spec.containers[0].resources.limits[memory]: Forbidden: memory limits cannot be decreased unless resizePolicy is RestartContainer",
  ],
  ["resources", limits("2Gi", restarts), limits("1Gi", restarts)],
  [
    "resources",
    { metadata: { annotations: { "kubernetes.io/config.mirror": "x" } } },
    {},
    ": Forbidden: static pods cannot be resized",
  ],
];
for (const [part, old, now, ...want] of parts) {
  test(`a pod's ${part}: ${want[0]?.slice(0, 90) ?? JSON.stringify(now)}`, () => {
    const validator = new Validator({ scheme, table });
    const faults = validator.podPartUpdate(
      part,
      objectOf("v1/Pod", now).object,
      objectOf("v1/Pod", old).object,
    );
    assertFaults(faults.map(fieldErrorText), want);
  });
}

test("a validator knows kinds by the scheme", () => {
  const validator = new Validator({ scheme, table });
  const { gvk, object } = objectOf("v1/Namespace", {});
  assert.deepEqual(validator.create(gvk, object), []);
  assert.deepEqual(validator.update(gvk, object, object), []);
  assert.deepEqual(validator.statusUpdate(gvk, object, object), []);
});

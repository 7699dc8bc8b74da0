import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "./schema/table.ts";
import { createScheme } from "./scheme.ts";
import { testDefaults, defaulted, podSpec, template, fullTemplate, type Case } from "./testing/defaulted.ts";

const services: readonly Case[] = [
  [
    "a service",
    "v1",
    "Service",
    { spec: { ports: [{ port: 80 }], sessionAffinityConfig: {} } },
    {
      spec: {
        sessionAffinity: "None",
        type: "ClusterIP",
        internalTrafficPolicy: "Cluster",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      },
    },
  ],
  [
    "a balanced, sticky service",
    "v1",
    "Service",
    {
      spec: { type: "LoadBalancer", sessionAffinity: "ClientIP", ports: [{ port: 80, targetPort: "web" }] },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }, { hostname: "x" }] } },
    },
    {
      spec: {
        type: "LoadBalancer",
        sessionAffinity: "ClientIP",
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
        internalTrafficPolicy: "Cluster",
        externalTrafficPolicy: "Cluster",
        allocateLoadBalancerNodePorts: true,
        ports: [{ port: 80, targetPort: "web", protocol: "TCP" }],
      },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }, { hostname: "x" }] } },
    },
  ],
  [
    "an external name",
    "v1",
    "Service",
    { spec: { type: "ExternalName", externalName: "x" } },
    { spec: { type: "ExternalName", externalName: "x", sessionAffinity: "None" } },
  ],
];

const workloads: readonly Case[] = [
  [
    "a deployment",
    "apps/v1",
    "Deployment",
    { spec: { template } },
    {
      spec: {
        replicas: 1,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        template: fullTemplate,
      },
    },
  ],
  [
    "a deployment that stops before it starts, of none",
    "apps/v1",
    "Deployment",
    { spec: { replicas: 0, strategy: { type: "Recreate" }, template } },
    {
      spec: {
        replicas: 0,
        strategy: { type: "Recreate" },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        template: fullTemplate,
      },
    },
  ],
  [
    "a daemon set",
    "apps/v1",
    "DaemonSet",
    { spec: { template } },
    {
      spec: {
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
        revisionHistoryLimit: 10,
        template: fullTemplate,
      },
    },
  ],
  [
    "a stateful set with claims",
    "apps/v1",
    "StatefulSet",
    { spec: { template, volumeClaimTemplates: [{ metadata: { name: "d" }, spec: {} }] } },
    {
      spec: {
        podManagementPolicy: "OrderedReady",
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: 1 } },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        replicas: 1,
        revisionHistoryLimit: 10,
        template: fullTemplate,
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "d" },
            spec: { volumeMode: "Filesystem" },
            status: { phase: "Pending" },
          },
        ],
      },
    },
  ],
  // Upstream's template is a struct: its defaults are there, whatever is missing in it.
  [
    "a replica set without a template",
    "apps/v1",
    "ReplicaSet",
    {},
    { spec: { replicas: 1, template: { spec: podSpec } } },
  ],
  [
    "a replication controller without a template",
    "v1",
    "ReplicationController",
    {},
    { spec: { replicas: 1 } },
  ],
  [
    "a replication controller takes its pods' labels",
    "v1",
    "ReplicationController",
    { spec: { template } },
    { metadata: { labels: { a: "b" } }, spec: { replicas: 1, selector: { a: "b" }, template: fullTemplate } },
  ],
  [
    "a job",
    "batch/v1",
    "Job",
    { spec: { template } },
    {
      metadata: { labels: { a: "b" } },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: "NonIndexed",
        suspend: false,
        podReplacementPolicy: "TerminatingOrFailed",
        manualSelector: false,
        template: fullTemplate,
      },
    },
  ],
  [
    "a parallel job with a failure policy",
    "batch/v1",
    "Job",
    {
      spec: {
        parallelism: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }] },
      },
    },
    {
      spec: {
        parallelism: 3,
        backoffLimitPerIndex: 1,
        backoffLimit: 2_147_483_647,
        completionMode: "NonIndexed",
        suspend: false,
        podFailurePolicy: {
          rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
        },
        podReplacementPolicy: "Failed",
        manualSelector: false,
        template: { spec: podSpec },
      },
    },
  ],
  [
    "a cron job",
    "batch/v1",
    "CronJob",
    { spec: { jobTemplate: { spec: { template } } } },
    {
      spec: {
        concurrencyPolicy: "Allow",
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: { template: fullTemplate } },
      },
    },
  ],
];

const webhook = {
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  namespaceSelector: {},
  objectSelector: {},
  timeoutSeconds: 10,
};
const others: readonly Case[] = [
  ["a secret", "v1", "Secret", {}, { type: "Opaque" }],
  [
    "a secret written as text",
    "v1",
    "Secret",
    { data: { a: "YQ==", b: "Yg==" }, stringData: { b: "ö", c: "" } },
    { type: "Opaque", data: { a: "YQ==", b: "w7Y=", c: "" } },
  ],
  [
    "a namespace",
    "v1",
    "Namespace",
    { metadata: { name: "n" } },
    { metadata: { name: "n", labels: { "kubernetes.io/metadata.name": "n" } }, status: { phase: "Active" } },
  ],
  ["a namespace yet to be named", "v1", "Namespace", {}, { status: { phase: "Active" } }],
  [
    "a node",
    "v1",
    "Node",
    { status: { capacity: { cpu: "4000m" } } },
    { status: { capacity: { cpu: "4" }, allocatable: { cpu: "4" } } },
  ],
  [
    "a volume",
    "v1",
    "PersistentVolume",
    { spec: { hostPath: { path: "/x" }, capacity: { storage: "1024Mi" } } },
    {
      spec: {
        hostPath: { path: "/x", type: "" },
        capacity: { storage: "1Gi" },
        persistentVolumeReclaimPolicy: "Retain",
        volumeMode: "Filesystem",
      },
      status: { phase: "Pending" },
    },
  ],
  [
    "limits",
    "v1",
    "LimitRange",
    { spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { memory: "1Ki" } }, { type: "Pod" }] } },
    {
      spec: {
        limits: [
          {
            type: "Container",
            max: { cpu: "2" },
            min: { memory: "1Ki" },
            default: { cpu: "2" },
            defaultRequest: { cpu: "2", memory: "1Ki" },
          },
          { type: "Pod" },
        ],
      },
    },
  ],
  [
    "a role binding",
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    {
      roleRef: { kind: "Role", name: "r" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "ServiceAccount", name: "s" },
      ],
    },
    {
      roleRef: { kind: "Role", name: "r", apiGroup: "rbac.authorization.k8s.io" },
      subjects: [
        { kind: "User", name: "u", apiGroup: "rbac.authorization.k8s.io" },
        { kind: "ServiceAccount", name: "s" },
      ],
    },
  ],
  [
    "a network policy",
    "networking.k8s.io/v1",
    "NetworkPolicy",
    { spec: { egress: [{ ports: [{ port: 1 }] }] } },
    { spec: { egress: [{ ports: [{ port: 1, protocol: "TCP" }] }], policyTypes: ["Ingress", "Egress"] } },
  ],
  [
    "an autoscaler",
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    { spec: { behavior: { scaleDown: { selectPolicy: "Min" } } } },
    {
      spec: {
        minReplicas: 1,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
          },
        ],
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 0,
            selectPolicy: "Max",
            policies: [
              { type: "Pods", value: 4, periodSeconds: 15 },
              { type: "Percent", value: 100, periodSeconds: 15 },
            ],
          },
          scaleDown: { selectPolicy: "Min", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
        },
      },
    },
  ],
  [
    "an old autoscaler",
    "autoscaling/v1",
    "HorizontalPodAutoscaler",
    {},
    { spec: { minReplicas: 1, targetCPUUtilizationPercentage: 80 } },
  ],
  [
    "a storage class",
    "storage.k8s.io/v1",
    "StorageClass",
    {},
    { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
  ],
  [
    "a priority class",
    "scheduling.k8s.io/v1",
    "PriorityClass",
    {},
    { preemptionPolicy: "PreemptLowerPriority" },
  ],
  [
    "mutating webhooks",
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    { webhooks: [{ clientConfig: { service: { name: "s" } }, rules: [{}] }] },
    {
      webhooks: [
        {
          ...webhook,
          reinvocationPolicy: "Never",
          clientConfig: { service: { name: "s", port: 443 } },
          rules: [{ scope: "*" }],
        },
      ],
    },
  ],
  ...["v1alpha1", "v1beta1"].map((version): Case => [
    `parameters of ${version} that aren't there`,
    `admissionregistration.k8s.io/${version}`,
    "MutatingAdmissionPolicyBinding",
    { spec: { paramRef: { name: "a" } } },
    {
      spec: {
        paramRef: { name: "a", ...(version === "v1alpha1" ? { parameterNotFoundAction: "Deny" } : {}) },
      },
    },
  ]),
  [
    "an endpoint slice",
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { ports: [{ port: 1 }] },
    { ports: [{ port: 1, name: "", protocol: "TCP" }] },
  ],
  ["a token request", "authentication.k8s.io/v1", "TokenRequest", {}, { spec: { expirationSeconds: 3600 } }],
  [
    "a custom resource definition",
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    { spec: { names: { kind: "Foo" } } },
    {
      spec: {
        names: { kind: "Foo", singular: "foo", listKind: "FooList" },
        conversion: { strategy: "None" },
      },
    },
  ],
  [
    "a claim for devices",
    "resource.k8s.io/v1",
    "ResourceClaim",
    { spec: { devices: { requests: [{ exactly: { tolerations: [{}] } }] } } },
    {
      spec: {
        devices: {
          requests: [
            { exactly: { allocationMode: "ExactCount", count: 1, tolerations: [{ operator: "Equal" }] } },
          ],
        },
      },
    },
  ],
];

testDefaults([...services, ...workloads, ...others]);

test("every kind is defaulted from nothing, with fields that it has", () => {
  const table = createTypeTable();
  for (const { group, version, kind, struct } of createScheme().all()) {
    const object = defaulted(group === "" ? version : `${group}/${version}`, kind, {});
    const known = table.struct(struct)?.byName;
    for (const field of Object.keys(object)) assert.ok(known?.has(field), `${kind}.${field}`);
  }
});

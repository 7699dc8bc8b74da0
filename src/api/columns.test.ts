import assert from "node:assert/strict";
import { test } from "node:test";
import { cellsOf, columnsOf } from "./columns.ts";
import { createScheme } from "./scheme.ts";
import { now, hourAgo, metadata, kindOf, cells } from "./testing/cells.ts";

test("every kind has as many cells as columns, also of nothing", () => {
  for (const { group, version, kind } of createScheme().all()) {
    const gvk = { group, version, kind };
    assert.equal(cellsOf(gvk, {}, now).cells.length, columnsOf(gvk).length, kind);
  }
});

test("columns say their type, format and width", () => {
  assert.deepEqual(
    columnsOf(kindOf("v1", "Pod")).map(({ name, type, format, priority }) => [name, type, format, priority]),
    [
      ["Name", "string", "name", 0],
      ["Ready", "string", "", 0],
      ["Status", "string", "", 0],
      ["Restarts", "string", "", 0],
      ["Age", "string", "", 0],
      ["IP", "string", "", 1],
      ["Node", "string", "", 1],
      ["Nominated Node", "string", "", 1],
      ["Readiness Gates", "string", "", 1],
    ],
  );
  assert.deepEqual(
    columnsOf(kindOf("example.com/v1", "Foo")).map(({ name, type }) => [name, type]),
    [
      ["Name", "string"],
      ["Created At", "date"],
    ],
  );
});

const template = {
  spec: {
    containers: [
      { name: "a", image: "i:1" },
      { name: "b", image: "j" },
    ],
  },
};
const selector = { matchLabels: { app: "x" } };
const ready = (status: string): object => ({ conditions: [{ type: "Ready", status }] });
const rows: readonly (readonly [string, string, object, readonly unknown[]])[] = [
  [
    "v1",
    "Service",
    {
      spec: {
        type: "ClusterIP",
        clusterIPs: ["10.96.0.1"],
        ports: [{ port: 80, protocol: "TCP" }],
        selector: { b: "1", a: "2" },
      },
    },
    ["x", "ClusterIP", "10.96.0.1", "<none>", "80/TCP", "60m", "a=2,b=1"],
  ],
  [
    "v1",
    "Service",
    {
      spec: {
        type: "NodePort",
        clusterIP: "10.96.0.1",
        ports: [
          { port: 80, nodePort: 30_080, protocol: "TCP" },
          { port: 53, protocol: "UDP" },
        ],
      },
    },
    ["x", "NodePort", "10.96.0.1", "<none>", "80:30080/TCP,53/UDP", "60m", "<none>"],
  ],
  [
    "v1",
    "Service",
    { spec: { type: "LoadBalancer" } },
    ["x", "LoadBalancer", "<none>", "<pending>", "<none>", "60m", "<none>"],
  ],
  [
    "v1",
    "Service",
    {
      spec: { type: "LoadBalancer", externalIPs: ["9.9.9.9"] },
      status: { loadBalancer: { ingress: [{ ip: "2.2.2.2" }, { hostname: "b" }, { ip: "1.1.1.1" }] } },
    },
    ["x", "LoadBalancer", "<none>", "1.1.1.1,2.2.2.2,b,9.9.9.9", "<none>", "60m", "<none>"],
  ],
  [
    "v1",
    "Service",
    { spec: { type: "ExternalName", externalName: "e.com" } },
    ["x", "ExternalName", "<none>", "e.com", "<none>", "60m", "<none>"],
  ],
  [
    "v1",
    "Endpoints",
    { subsets: [{ addresses: [{ ip: "1.1.1.1" }, { ip: "::1" }], ports: [{ port: 80 }, { port: 81 }] }] },
    ["x", "1.1.1.1:80,[::1]:80,1.1.1.1:81 + 1 more...", "60m"],
  ],
  ["v1", "Endpoints", {}, ["x", "<none>", "60m"]],
  [
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { addressType: "IPv4", ports: [{ port: 80 }, { name: "web" }], endpoints: [{ addresses: ["1.1.1.1"] }] },
    ["x", "IPv4", "80,web", "1.1.1.1", "60m"],
  ],
  [
    "discovery.k8s.io/v1",
    "EndpointSlice",
    { addressType: "IPv4" },
    ["x", "IPv4", "<unset>", "<unset>", "60m"],
  ],
  [
    "v1",
    "Node",
    {
      metadata: {
        ...metadata,
        labels: { "node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "etcd" },
      },
      spec: { unschedulable: true },
      status: {
        ...ready("True"),
        addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
        nodeInfo: {
          kubeletVersion: "v1.35.0",
          osImage: "Debian",
          kernelVersion: "6",
          containerRuntimeVersion: "docker://1",
        },
      },
    },
    [
      "x",
      "Ready,SchedulingDisabled",
      "control-plane,etcd",
      "60m",
      "v1.35.0",
      "10.0.0.1",
      "<none>",
      "Debian",
      "6",
      "docker://1",
    ],
  ],
  [
    "v1",
    "Node",
    { status: ready("Unknown") },
    ["x", "NotReady", "<none>", "60m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
  ],
  [
    "v1",
    "Node",
    {},
    ["x", "Unknown", "<none>", "60m", "", "<none>", "<none>", "<unknown>", "<unknown>", "<unknown>"],
  ],
  ["v1", "ConfigMap", { data: { a: "" }, binaryData: { b: "" } }, ["x", 2, "60m"]],
  ["v1", "Secret", { type: "Opaque", data: { a: "" } }, ["x", "Opaque", 1, "60m"]],
  ["v1", "Namespace", { status: { phase: "Active" } }, ["x", "Active", "60m"]],
  ["v1", "ServiceAccount", {}, ["x", 0, "60m"]],
  [
    "v1",
    "ResourceQuota",
    { status: { hard: { "limits.cpu": "2", pods: "10", cpu: "1" }, used: { pods: "3" } } },
    ["x", "cpu: 0/1, pods: 3/10", "limits.cpu: 0/2", "60m"],
  ],
  [
    "v1",
    "PersistentVolume",
    {
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteMany", "ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        claimRef: { namespace: "n", name: "c" },
        storageClassName: "s",
        volumeMode: "Filesystem",
      },
      status: { phase: "Bound" },
    },
    ["x", "1Gi", "RWO,RWX", "Retain", "Bound", "n/c", "s", "<unset>", "", "60m", "Filesystem"],
  ],
  [
    "v1",
    "PersistentVolumeClaim",
    { spec: {}, status: { phase: "Pending" } },
    ["x", "Pending", "", "", "", "", "<unset>", "60m", "<unset>"],
  ],
  [
    "v1",
    "PersistentVolumeClaim",
    {
      spec: { volumeName: "v" },
      status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOncePod"] },
    },
    ["x", "Bound", "v", "1Gi", "RWOP", "", "<unset>", "60m", "<unset>"],
  ],
  [
    "v1",
    "Event",
    {
      involvedObject: { kind: "Pod", name: "p", fieldPath: "f" },
      type: "Normal",
      reason: "Started",
      message: " up ",
      source: { component: "kubelet", host: "n1" },
      firstTimestamp: hourAgo,
      lastTimestamp: "2026-01-01T00:59:00Z",
      count: 3,
    },
    ["60s", "Normal", "Started", "pod/p", "f", "kubelet, n1", "up", "60m", 3, "x"],
  ],
  [
    "events.k8s.io/v1",
    "Event",
    {
      regarding: { kind: "Node", name: "n" },
      note: "m",
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "c",
      series: { count: 5, lastObservedTime: "2026-01-01T00:59:00.000000Z" },
    },
    ["60s", "", "", "node/n", "", "c", "m", "60m", 5, "x"],
  ],
  [
    "apps/v1",
    "Deployment",
    {
      spec: { replicas: 3, selector, template },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 },
    },
    ["x", "2/3", 3, 2, "60m", "a,b", "i:1,j", "app=x"],
  ],
  [
    "apps/v1",
    "ReplicaSet",
    { spec: { replicas: 3, selector, template }, status: { replicas: 2, readyReplicas: 1 } },
    ["x", 3, 2, 1, "60m", "a,b", "i:1,j", "app=x"],
  ],
  [
    "apps/v1",
    "DaemonSet",
    {
      spec: { selector, template: { spec: { ...template.spec, nodeSelector: { a: "b" } } } },
      status: { desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 1 },
    },
    ["x", 2, 2, 1, 0, 0, "a=b", "60m", "a,b", "i:1,j", "app=x"],
  ],
  ["apps/v1", "StatefulSet", { spec: { replicas: 1, template } }, ["x", "0/1", "60m", "a,b", "i:1,j"]],
  [
    "apps/v1",
    "ControllerRevision",
    {
      metadata: {
        ...metadata,
        ownerReferences: [
          { apiVersion: "apps/v1", kind: "DaemonSet", name: "d", uid: "u", controller: true },
        ],
      },
      revision: 4,
    },
    ["x", "daemonset.apps/d", 4, "60m"],
  ],
  [
    "batch/v1",
    "Job",
    {
      spec: { completions: 3, template, selector },
      status: {
        succeeded: 1,
        startTime: hourAgo,
        completionTime: "2026-01-01T00:00:30Z",
        conditions: [{ type: "Complete", status: "True" }],
      },
    },
    ["x", "Complete", "1/3", "30s", "60m", "a,b", "i:1,j", "app=x"],
  ],
  [
    "batch/v1",
    "Job",
    { spec: { parallelism: 2 } },
    ["x", "Running", "0/1 of 2", "", "60m", "", "", "<none>"],
  ],
  [
    "batch/v1",
    "CronJob",
    {
      spec: { schedule: "* * * * *", suspend: false, jobTemplate: { spec: { template } } },
      status: { active: [{}], lastScheduleTime: "2026-01-01T00:59:30Z" },
    },
    ["x", "* * * * *", "<none>", "False", 1, "30s", "60m", "a,b", "i:1,j", "<none>"],
  ],
  [
    "networking.k8s.io/v1",
    "Ingress",
    {
      spec: {
        ingressClassName: "c",
        rules: [{ host: "a" }, { host: "b" }, { host: "c" }, { host: "d" }],
        tls: [{}],
      },
      status: { loadBalancer: { ingress: [{ ip: "1.1.1.1" }] } },
    },
    ["x", "c", "a,b,c + 1 more...", "1.1.1.1", "80, 443", "60m"],
  ],
  ["networking.k8s.io/v1", "Ingress", { spec: { rules: [{}] } }, ["x", "<none>", "*", "", "80", "60m"]],
  ["networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {} } }, ["x", "<none>", "60m"]],
  [
    "networking.k8s.io/v1",
    "IPAddress",
    { spec: { parentRef: { resource: "services", namespace: "n", name: "s" } } },
    ["x", "services/n/s"],
  ],
  [
    "rbac.authorization.k8s.io/v1",
    "RoleBinding",
    {
      roleRef: { kind: "Role", name: "r" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "Group", name: "g" },
        { kind: "ServiceAccount", namespace: "n", name: "s" },
      ],
    },
    ["x", "Role/r", "60m", "u", "g", "n/s"],
  ],
  ["rbac.authorization.k8s.io/v1", "Role", {}, ["x", hourAgo]],
  [
    "storage.k8s.io/v1",
    "StorageClass",
    {
      metadata: { ...metadata, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "p",
    },
    ["x (default)", "p", "Delete", "Immediate", false, "60m"],
  ],
  [
    "policy/v1",
    "PodDisruptionBudget",
    { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 1 } },
    ["x", "50%", "N/A", 1, "60m"],
  ],
  [
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    {
      spec: {
        scaleTargetRef: { kind: "Deployment", name: "d" },
        minReplicas: 1,
        maxReplicas: 5,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { averageUtilization: 80 } } },
          { type: "Pods", pods: { target: { averageValue: "1000m" } } },
          { type: "External" },
        ],
      },
      status: {
        currentReplicas: 2,
        currentMetrics: [
          { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 40 } } },
        ],
      },
    },
    ["x", "Deployment/d", "cpu: 40%/80%, <unknown>/1 + 1 more...", "1", 5, 2, "60m"],
  ],
  [
    "autoscaling/v1",
    "HorizontalPodAutoscaler",
    {
      spec: {
        scaleTargetRef: { kind: "Deployment", name: "d" },
        targetCPUUtilizationPercentage: 50,
        maxReplicas: 3,
      },
    },
    ["x", "Deployment/d", "cpu: <unknown>/50%", "<unset>", 3, 0, "60m"],
  ],
  ["autoscaling/v1", "Scale", { spec: { replicas: 2 }, status: { replicas: 1 } }, ["x", 2, 1, "60m"]],
  [
    "certificates.k8s.io/v1",
    "CertificateSigningRequest",
    {
      spec: { signerName: "s", username: "u", expirationSeconds: 3600 },
      status: { conditions: [{ type: "Approved" }], certificate: "AA" },
    },
    ["x", "60m", "s", "u", "60m", "Approved,Issued"],
  ],
  ["coordination.k8s.io/v1", "Lease", { spec: { holderIdentity: "h" } }, ["x", "h", "60m"]],
  [
    "scheduling.k8s.io/v1",
    "PriorityClass",
    { value: 10, preemptionPolicy: "Never" },
    ["x", 10, false, "60m", "Never"],
  ],
  [
    "apiregistration.k8s.io/v1",
    "APIService",
    { status: { conditions: [{ type: "Available", status: "False", reason: "R" }] } },
    ["x", "Local", "False (R)", "60m"],
  ],
  [
    "flowcontrol.apiserver.k8s.io/v1",
    "PriorityLevelConfiguration",
    { spec: { type: "Limited", limited: { nominalConcurrencyShares: 5 } } },
    ["x", "Limited", 5, "<none>", "<none>", "<none>", "60m"],
  ],
  [
    "resource.k8s.io/v1",
    "ResourceClaim",
    { status: { allocation: {}, reservedFor: [{}] } },
    ["x", "allocated,reserved", "60m"],
  ],
];
for (const [index, [apiVersion, kind, object, want]] of rows.entries()) {
  test(`${kind} in a table (${index})`, () => assert.deepEqual(cells(apiVersion, kind, object), want));
}

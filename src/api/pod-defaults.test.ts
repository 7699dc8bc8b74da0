import assert from "node:assert/strict";
import { test } from "node:test";
import { testDefaults, defaulted, podSpec, container, probe, file, type Case } from "./testing/defaulted.ts";

const pods: readonly Case[] = [
  [
    "a pod",
    "v1",
    "Pod",
    { spec: { containers: [{ name: "c", image: "nginx:1" }] } },
    { spec: { ...podSpec, enableServiceLinks: true, containers: [container] } },
  ],
  [
    "a pod asks for what it is limited to, in canonical amounts",
    "v1",
    "Pod",
    {
      spec: {
        containers: [
          {
            ...container,
            resources: { limits: { cpu: "0.5", memory: "1024Ki" }, requests: { cpu: "0.0001" } },
          },
        ],
      },
    },
    {
      spec: {
        ...podSpec,
        enableServiceLinks: true,
        containers: [
          {
            ...container,
            resources: { limits: { cpu: "500m", memory: "1Mi" }, requests: { cpu: "1m", memory: "1Mi" } },
          },
        ],
      },
    },
  ],
  [
    "a pod on the host's network has host ports",
    "v1",
    "Pod",
    { spec: { hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 80 }] }] } },
    {
      spec: {
        ...podSpec,
        hostNetwork: true,
        enableServiceLinks: true,
        containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }] }],
      },
    },
  ],
  [
    "probes, hooks and env",
    "v1",
    "Pod",
    {
      spec: {
        serviceAccount: "x",
        containers: [
          {
            ...container,
            livenessProbe: { httpGet: { port: 80 } },
            readinessProbe: { grpc: { port: 1 }, periodSeconds: 2 },
            lifecycle: { preStop: { httpGet: { port: 80, path: "/x", scheme: "HTTPS" } } },
            env: [{ name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
          },
        ],
      },
    },
    {
      spec: {
        ...podSpec,
        serviceAccount: "x",
        serviceAccountName: "x",
        enableServiceLinks: true,
        containers: [
          {
            ...container,
            livenessProbe: { ...probe, httpGet: { port: 80, path: "/", scheme: "HTTP" } },
            readinessProbe: { ...probe, periodSeconds: 2, grpc: { port: 1, service: "" } },
            lifecycle: { preStop: { httpGet: { port: 80, path: "/x", scheme: "HTTPS" } } },
            env: [{ name: "N", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
          },
        ],
      },
    },
  ],
  [
    "volumes",
    "v1",
    "Pod",
    {
      spec: {
        containers: [],
        volumes: [
          { name: "a" },
          { name: "b", secret: { secretName: "s" } },
          { name: "c", configMap: { name: "m", defaultMode: 0 } },
          { name: "d", hostPath: { path: "/" } },
          {
            name: "e",
            projected: {
              sources: [
                { serviceAccountToken: { path: "token" } },
                { downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.name" } }] } },
              ],
            },
          },
          { name: "f", ephemeral: { volumeClaimTemplate: { spec: {} } } },
        ],
      },
    },
    {
      spec: {
        ...podSpec,
        enableServiceLinks: true,
        containers: [],
        volumes: [
          { name: "a", emptyDir: {} },
          { name: "b", secret: { secretName: "s", ...file } },
          { name: "c", configMap: { name: "m", defaultMode: 0 } },
          { name: "d", hostPath: { path: "/", type: "" } },
          {
            name: "e",
            projected: {
              ...file,
              sources: [
                { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
                {
                  downwardAPI: {
                    items: [{ path: "n", fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } }],
                  },
                },
              ],
            },
          },
          { name: "f", ephemeral: { volumeClaimTemplate: { spec: { volumeMode: "Filesystem" } } } },
        ],
      },
    },
  ],
  [
    "a pod's own requests come from its containers, else from its limits",
    "v1",
    "Pod",
    {
      spec: {
        resources: { limits: { cpu: "2", memory: "1Gi" } },
        containers: [{ ...container, resources: { requests: { cpu: "300m" } } }, container],
        initContainers: [
          { ...container, restartPolicy: "Always", resources: { requests: { cpu: "100m" } } },
          { ...container, resources: { requests: { cpu: "200m" } } },
        ],
      },
    },
    {
      spec: {
        ...podSpec,
        enableServiceLinks: true,
        resources: { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "400m", memory: "1Gi" } },
        containers: [{ ...container, resources: { requests: { cpu: "300m" } } }, container],
        initContainers: [
          { ...container, restartPolicy: "Always", resources: { requests: { cpu: "100m" } } },
          { ...container, resources: { requests: { cpu: "200m" } } },
        ],
      },
    },
  ],
];

testDefaults(pods);

const huge = "hugepages-2Mi";
const cpu = { cpu: "5m" };
const both = { cpu: "5m", [huge]: "10Mi" };
const ofContainers = { cpu: "3m", [huge]: "6Mi" };
const plain = [{}];
const hugeLimits = [{ limits: { cpu: "2m", [huge]: "4Mi" } }, { limits: { cpu: "1m", [huge]: "2Mi" } }];
const hugeRequests = [{ requests: { cpu: "2m", [huge]: "4Mi" } }];
for (const [given, containers, expected] of [
  [{ limits: cpu }, plain, { limits: cpu, requests: cpu }],
  [{}, hugeLimits, {}],
  [{ limits: {}, requests: {} }, hugeLimits, { limits: {}, requests: {} }],
  [{ requests: cpu }, plain, { requests: cpu }],
  [{ limits: cpu }, hugeLimits, { limits: { ...cpu, [huge]: "6Mi" }, requests: ofContainers }],
  [{ requests: cpu }, hugeLimits, { limits: { [huge]: "6Mi" }, requests: { ...cpu, [huge]: "6Mi" } }],
  [{ limits: both }, hugeLimits, { limits: both, requests: { cpu: "3m", [huge]: "10Mi" } }],
  [{ limits: cpu, requests: both }, hugeLimits, { limits: cpu, requests: both }],
  [{ requests: both }, hugeLimits, { requests: both }],
  [{ limits: cpu }, hugeRequests, { limits: cpu, requests: { cpu: "2m" } }],
  [{ limits: { storage: "1Mi" } }, plain, { limits: { storage: "1Mi" } }],
] as const) {
  test(`a pod's own ${JSON.stringify(given)} beside ${JSON.stringify(containers)}`, () => {
    const spec = {
      resources: given,
      containers: containers.map((resources) => ({ ...container, resources })),
    };
    const pod = defaulted("v1", "Pod", { spec });
    assert.deepEqual((pod["spec"] as { resources: unknown }).resources, expected);
  });
}

for (const [image, policy] of [
  ["nginx", "Always"],
  ["nginx:latest", "Always"],
  ["localhost:5000/nginx", "Always"],
  ["localhost:5000/nginx:1", "IfNotPresent"],
  [`nginx@sha256:${"a".repeat(64)}`, "IfNotPresent"],
  ["", "IfNotPresent"],
] as const) {
  test(`image ${JSON.stringify(image)} is pulled ${policy}`, () => {
    const pod = defaulted("v1", "Pod", { spec: { containers: [{ name: "c", image }] } });
    assert.equal(
      (pod["spec"] as { containers: { imagePullPolicy: string }[] }).containers[0]?.imagePullPolicy,
      policy,
    );
  });
}

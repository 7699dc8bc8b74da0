import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Pod, PodSpec } from "../generated/types/core-v1.ts";
import type { AnyObject } from "../meta/object.ts";
import { usageText } from "./amounts.ts";
import { quotaEvaluator, quotaResources } from "./registry.ts";
import { scopesOf } from "./scopes.ts";

const now = Date.UTC(2026, 0, 1);

function usage(resource: string, object: unknown): string {
  const evaluator = quotaEvaluator(resource);
  assert.ok(evaluator !== undefined);
  return usageText(evaluator.usage(object as AnyObject, now));
}

const podOf = (spec: Partial<PodSpec>, more: Partial<Pod> = {}): Pod => ({
  metadata: { name: "p" },
  spec: { containers: [], ...spec },
  ...more,
});

suite("what an object takes", () => {
  const cases: [string, string, unknown, string][] = [
    ["a pod that asks for nothing", "pods", podOf({}), "count/pods=1,pods=1"],
    [
      "requests and limits",
      "pods",
      podOf({
        containers: [
          {
            name: "a",
            image: "x",
            resources: {
              requests: { cpu: "1m", memory: "1Mi", "example.com/dongle": "1" },
              limits: { cpu: "2m" },
            },
          },
          {
            name: "b",
            image: "x",
            resources: { requests: { cpu: "1m", "hugepages-2Mi": "100Mi", "ephemeral-storage": "32Mi" } },
          },
        ],
        initContainers: [{ name: "i", image: "x", resources: { requests: { cpu: "100m" } } }],
        overhead: { cpu: "1m", memory: "1Mi" },
      }),
      "count/pods=1,cpu=101m,ephemeral-storage=32Mi,hugepages-2Mi=100Mi,limits.cpu=3m,memory=2Mi,pods=1,requests.cpu=101m," +
        "requests.ephemeral-storage=32Mi,requests.example.com/dongle=1,requests.hugepages-2Mi=100Mi,requests.memory=2Mi",
    ],
    [
      "sidecars add up, with what starts after them",
      "pods",
      podOf({
        containers: [{ name: "a", image: "x", resources: { requests: { cpu: "5" } } }],
        initContainers: [
          { name: "s", image: "x", restartPolicy: "Always", resources: { requests: { cpu: "2" } } },
          { name: "i", image: "x", resources: { requests: { cpu: "6" } } },
        ],
      }),
      "count/pods=1,cpu=8,pods=1,requests.cpu=8",
    ],
    [
      "what the pod says as a whole",
      "pods",
      podOf({
        resources: { requests: { cpu: "9" } },
        containers: [{ name: "a", image: "x", resources: { requests: { cpu: "1", memory: "1Gi" } } }],
      }),
      "count/pods=1,cpu=9,memory=1Gi,pods=1,requests.cpu=9,requests.memory=1Gi",
    ],
    ["a pod that is over", "pods", podOf({}, { status: { phase: "Succeeded" } }), "count/pods=1"],
    [
      "a pod that should be gone",
      "pods",
      podOf({}, { metadata: { deletionTimestamp: "2025-12-31T23:00:00Z", deletionGracePeriodSeconds: 30 } }),
      "count/pods=1",
    ],
    [
      "a pod that is going",
      "pods",
      podOf({}, { metadata: { deletionTimestamp: "2025-12-31T23:59:59Z", deletionGracePeriodSeconds: 30 } }),
      "count/pods=1,pods=1",
    ],
    [
      "a pod that is being shrunk has what it was given",
      "pods",
      podOf(
        { containers: [{ name: "a", image: "x", resources: { requests: { cpu: "1" } } }] },
        { status: { containerStatuses: [{ name: "a", resources: { requests: { cpu: "3" } } } as never] } },
      ),
      "count/pods=1,cpu=3,pods=1,requests.cpu=3",
    ],
    [
      "a plain service",
      "services",
      { spec: { type: "ClusterIP", ports: [{ port: 1 }] } },
      "count/services=1,services.loadbalancers=0,services.nodeports=0,services=1",
    ],
    [
      "node ports",
      "services",
      { spec: { type: "NodePort", ports: [{ port: 1 }, { port: 2 }] } },
      "count/services=1,services.loadbalancers=0,services.nodeports=2,services=1",
    ],
    [
      "a load balancer without node ports but one",
      "services",
      {
        spec: {
          type: "LoadBalancer",
          allocateLoadBalancerNodePorts: false,
          ports: [{ port: 1 }, { port: 2, nodePort: 30000 }],
        },
      },
      "count/services=1,services.loadbalancers=1,services.nodeports=1,services=1",
    ],
    [
      "a claim of a class",
      "persistentvolumeclaims",
      { spec: { storageClassName: "gold", resources: { requests: { storage: "1500m" } } } },
      "count/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/persistentvolumeclaims=1,gold.storageclass.storage.k8s.io/requests.storage=2,persistentvolumeclaims=1,requests.storage=2",
    ],
    [
      "a claim that is being given more",
      "persistentvolumeclaims",
      {
        spec: { resources: { requests: { storage: "1Gi" } } },
        status: { allocatedResources: { storage: "2Gi" } },
      },
      "count/persistentvolumeclaims=1,persistentvolumeclaims=1,requests.storage=2Gi",
    ],
    [
      "devices: all of a class, the largest of alternatives",
      "resourceclaims.resource.k8s.io",
      {
        spec: {
          devices: {
            requests: [
              { name: "a", exactly: { deviceClassName: "gpu", allocationMode: "All" } },
              {
                name: "b",
                firstAvailable: [
                  { name: "x", deviceClassName: "gpu", count: 2 },
                  { name: "y", deviceClassName: "tpu" },
                ],
              },
            ],
          },
        },
      },
      "count/resourceclaims.resource.k8s.io=1,gpu.deviceclass.resource.k8s.io/devices=34,tpu.deviceclass.resource.k8s.io/devices=1",
    ],
    ["anything else counts", "deployments.apps", {}, "count/deployments.apps=1"],
    ["under its old name, too", "secrets", {}, "count/secrets=1,secrets=1"],
  ];
  for (const [name, resource, object, expected] of cases) {
    test(name, () => {
      assert.equal(usage(resource, object), expected);
    });
  }

  test("events count for nothing", () => {
    assert.equal(quotaEvaluator("events"), undefined);
    assert.equal(quotaEvaluator("events.events.k8s.io"), undefined);
  });
});

suite("what a pod must say", () => {
  const silent = podOf({
    containers: [
      { name: "b", image: "x" },
      { name: "a", image: "x", resources: { requests: { cpu: "1" } } },
    ],
  });
  const cases: [string, readonly string[], Pod, string | undefined][] = [
    [
      "cpu, memory",
      ["requests.cpu", "limits.memory", "pods"],
      silent,
      "must specify limits.memory for: a,b; requests.cpu for: b",
    ],
    ["nothing of disks", ["requests.ephemeral-storage"], silent, undefined],
    [
      "nothing when it says it as a whole",
      ["requests.cpu"],
      podOf({ ...silent.spec, resources: { requests: { cpu: "1" } } }),
      undefined,
    ],
  ];
  for (const [name, names, pod, expected] of cases) {
    test(name, () => {
      assert.equal(quotaEvaluator("pods")?.missing(names, pod as AnyObject), expected);
    });
  }
});

suite("scopes of a pod", () => {
  const peer = { topologyKey: "k", namespaces: ["other"] };
  const cases: [
    string,
    Parameters<NonNullable<ReturnType<typeof quotaEvaluator>>["isInScope"]>[0],
    Pod,
    boolean,
  ][] = [
    [
      "a deadline is an end",
      { scopeName: "Terminating", operator: "Exists" },
      podOf({ activeDeadlineSeconds: 0 }),
      true,
    ],
    ["without a deadline", { scopeName: "NotTerminating", operator: "Exists" }, podOf({}), true],
    ["asks for nothing", { scopeName: "BestEffort", operator: "Exists" }, podOf({}), true],
    [
      "asks for something",
      { scopeName: "NotBestEffort", operator: "Exists" },
      podOf({ containers: [{ name: "a", image: "x", resources: { requests: { cpu: "1" } } }] }),
      true,
    ],
    [
      "one of the classes",
      { scopeName: "PriorityClass", operator: "In", values: ["high"] },
      podOf({ priorityClassName: "high" }),
      true,
    ],
    [
      "none of the classes",
      { scopeName: "PriorityClass", operator: "NotIn", values: ["high"] },
      podOf({ priorityClassName: "high" }),
      false,
    ],
    ["any class", { scopeName: "PriorityClass", operator: "Exists" }, podOf({}), false],
    ["no class", { scopeName: "PriorityClass", operator: "DoesNotExist" }, podOf({}), true],
    [
      "neighbours from elsewhere",
      { scopeName: "CrossNamespacePodAffinity", operator: "Exists" },
      podOf({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [peer] } } }),
      true,
    ],
    ["no neighbours", { scopeName: "CrossNamespacePodAffinity", operator: "Exists" }, podOf({}), false],
  ];
  for (const [name, scope, pod, expected] of cases) {
    test(name, () => {
      assert.equal(quotaEvaluator("pods")?.isInScope(scope, pod as AnyObject), expected);
    });
  }
});

test("a resource that is named like what every object of the language has is counted", () => {
  assert.equal(quotaEvaluator("constructor")?.measures("count/constructor"), true);
});

test("what a quota says of its scopes more than once is asked once", () => {
  const high = { scopeName: "PriorityClass", operator: "In", values: ["high"] };
  const exists = { scopeName: "BestEffort", operator: "Exists" };
  const scopes = scopesOf({
    spec: {
      scopes: ["BestEffort", "BestEffort", "Terminating"],
      scopeSelector: { matchExpressions: [high, exists, { ...high, values: ["low"] }, high] },
    },
  });
  assert.deepEqual(scopes, [
    exists,
    { scopeName: "Terminating", operator: "Exists" },
    high,
    { ...high, values: ["low"] },
  ]);
});

test("the resources that names are about", () => {
  const names = [
    "pods",
    "requests.cpu",
    "services.nodeports",
    "gold.storageclass.storage.k8s.io/requests.storage",
    "secrets",
    "count/foos.example.com",
    "count/events",
    "nonsense",
  ];
  assert.deepEqual(quotaResources(names), [
    "pods",
    "services",
    "persistentvolumeclaims",
    "secrets",
    "foos.example.com",
  ]);
});

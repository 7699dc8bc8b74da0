import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  Container,
  NodeSelectorTerm,
  PodSpec,
  Taint,
  Toleration,
} from "#api/generated/types/core-v1.ts";
import { podRequests } from "../cache/resources.ts";
import { SchedulerCache } from "../cache/cache.ts";
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";
import type { ClusterEvent, FilterPlugin, ScorePlugin } from "../framework/plugin.ts";
import { makeNode, makePod, nodeInfo, podInfo, type NodeParts } from "../testing/objects.ts";
import { balancedAllocation } from "./balanced-allocation.ts";
import { imageLocality } from "./image-locality.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { nodeName } from "./node-name.ts";
import { nodePorts } from "./node-ports.ts";
import { nodeResourcesFit } from "./node-resources-fit.ts";
import { nodeUnschedulable } from "./node-unschedulable.ts";
import { taintToleration } from "./taint-toleration.ts";

/** The reasons against the node, with "!" when taking pods off it can't help; [] when it will do. */
function verdict(plugin: FilterPlugin, pod: PodInfo, node: NodeInfo): string[] {
  const prepared = plugin.prepareFilter(pod);
  if (prepared === undefined) return [];
  if ("rejectedPod" in prepared) return [prepared.rejectedPod];
  const rejection = prepared.filter(node);
  return (rejection?.reasons ?? []).map((reason) =>
    rejection?.isResolvable === true ? reason : `${reason}!`,
  );
}

const requirements: readonly (readonly [string, Partial<PodSpec>, Record<string, number>])[] = [
  [
    "containers add up",
    { containers: [container("a", { cpu: "100m", memory: "1Mi" }), container("b", { cpu: "1" })] },
    { milliCpu: 1100, memory: 1024 ** 2, assumedMilliCpu: 1100, assumedMemory: 1024 ** 2 + 200 * 1024 ** 2 },
  ],
  ["nothing asked", { containers: [container("a", {})] }, { milliCpu: 0, memory: 0, assumedMilliCpu: 100 }],
  [
    "a large init container counts alone",
    { initContainers: [container("i", { cpu: "2" })], containers: [container("a", { cpu: "500m" })] },
    { milliCpu: 2000 },
  ],
  [
    "a small init container doesn't count",
    { initContainers: [container("i", { cpu: "200m" })], containers: [container("a", { cpu: "500m" })] },
    { milliCpu: 500 },
  ],
  [
    "sidecars run beside containers",
    {
      initContainers: [container("s", { cpu: "300m" }, "Always")],
      containers: [container("a", { cpu: "500m" })],
    },
    { milliCpu: 800 },
  ],
  [
    "an init container runs beside the sidecars before it, not after it",
    {
      initContainers: [
        container("s1", { cpu: "300m" }, "Always"),
        container("i", { cpu: "1" }),
        container("s2", { cpu: "400m" }, "Always"),
      ],
      containers: [container("a", { cpu: "100m" })],
    },
    { milliCpu: 1300 },
  ],
  [
    "overhead comes on top",
    { containers: [container("a", { cpu: "500m" })], overhead: { cpu: "50m", memory: "1Ki" } },
    { milliCpu: 550, memory: 1024 },
  ],
  [
    "the pod's own requests replace the sum",
    { containers: [container("a", { cpu: "500m", memory: "1Ki" })], resources: { requests: { cpu: "1" } } },
    { milliCpu: 1000, memory: 1024 },
  ],
];

function container(name: string, requests: Record<string, string>, restartPolicy?: string): Container {
  return { name, resources: { requests }, restartPolicy };
}

for (const [name, spec, wanted] of requirements) {
  test(`requests: ${name}`, () => {
    const { requests, ...assumed } = podRequests(makePod("p", {}, spec));
    const actual: Record<string, unknown> = { ...requests, ...assumed };
    for (const [field, amount] of Object.entries(wanted)) assert.equal(actual[field], amount, field);
  });
}

const fits: readonly (readonly [string, Record<string, string>, NodeParts, readonly string[]])[] = [
  ["room for it", { cpu: "1" }, {}, []],
  ["exactly the rest", { cpu: "3" }, {}, []],
  ["a little too much cpu", { cpu: "3001m" }, {}, ["Insufficient cpu"]],
  ["more than the whole node", { cpu: "5" }, {}, ["Insufficient cpu!"]],
  ["too much of several", { cpu: "3500m", memory: "8Gi" }, {}, ["Insufficient cpu", "Insufficient memory"]],
  ["a device that the node lacks", { "example.com/gpu": "1" }, {}, ["Insufficient example.com/gpu!"]],
  ["a device that is there", { "example.com/gpu": "1" }, { more: { "example.com/gpu": "2" } }, []],
  [
    "no disk",
    { "ephemeral-storage": "1Gi" },
    { more: { "ephemeral-storage": "1Mi" } },
    ["Insufficient ephemeral-storage!"],
  ],
  ["no place for another pod", {}, { pods: "1" }, ["Too many pods"]],
];
for (const [name, requests, parts, wanted] of fits) {
  test(`NodeResourcesFit: ${name}`, () => {
    const node = nodeInfo("n1", parts, [podInfo("there", { cpu: "1", memory: "1Gi" })]);
    assert.deepEqual(verdict(nodeResourcesFit, podInfo("p", requests), node), wanted);
  });
}

test("NodeResourcesFit: what a removed pod held is free again", () => {
  const node = nodeInfo("n1", { cpu: "1", more: { "example.com/gpu": "1" } });
  const pod = podInfo("a", { cpu: "1", "example.com/gpu": "1" });
  node.addPod(pod);
  assert.equal(verdict(nodeResourcesFit, podInfo("b", { cpu: "1", "example.com/gpu": "1" }), node).length, 2);
  node.removePod(pod.uid);
  assert.deepEqual(verdict(nodeResourcesFit, podInfo("b", { cpu: "1", "example.com/gpu": "1" }), node), []);
});

const portCases: readonly (readonly [string, string, string, boolean])[] = [
  ["another port", "0.0.0.0:TCP:80", "0.0.0.0:TCP:81", true],
  ["the same port", "0.0.0.0:TCP:80", "0.0.0.0:TCP:80", false],
  ["another protocol", "0.0.0.0:TCP:80", "0.0.0.0:UDP:80", true],
  ["another address", "10.0.0.1:TCP:80", "10.0.0.2:TCP:80", true],
  ["all addresses after one", "10.0.0.1:TCP:80", ":TCP:80", false],
  ["one address after all", ":TCP:80", "10.0.0.1:TCP:80", false],
];
/** `text` is "address:protocol:port". */
function withPort(pod: string, text: string): PodInfo {
  const [hostIP = "", protocol = "", port = ""] = text.split(":");
  const ports = [{ containerPort: 1, hostPort: Number(port), hostIP, protocol }];
  return podInfo(pod, {}, { containers: [{ name: "a", ports }] });
}

for (const [name, there, wanted, isFine] of portCases) {
  test(`NodePorts: ${name}`, () => {
    const node = nodeInfo("n1", {}, [withPort("there", there)]);
    const reasons = isFine ? [] : ["node(s) didn't have free ports for the requested pod ports"];
    assert.deepEqual(verdict(nodePorts, withPort("p", wanted), node), reasons);
    node.removePod("uid-there");
    assert.deepEqual(verdict(nodePorts, withPort("p", wanted), node), []);
  });
}

const affinity = (...nodeSelectorTerms: NodeSelectorTerm[]): Partial<PodSpec> => ({
  affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
});
const labelled = (key: string, operator: string, ...values: string[]): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, values }],
});
const named = (operator: string, ...values: string[]): NodeSelectorTerm => ({
  matchFields: [{ key: "metadata.name", operator, values }],
});

const affinities: readonly (readonly [string, Partial<PodSpec>, boolean])[] = [
  ["no wish", {}, true],
  ["a label that is there", { nodeSelector: { disk: "ssd" } }, true],
  ["another value", { nodeSelector: { disk: "hdd" } }, false],
  [
    "a label and an affinity, both needed",
    { nodeSelector: { disk: "ssd" }, ...affinity(labelled("size", "Lt", "5")) },
    false,
  ],
  ["In", affinity(labelled("disk", "In", "hdd", "ssd")), true],
  ["NotIn", affinity(labelled("disk", "NotIn", "ssd")), false],
  ["NotIn of an absent label", affinity(labelled("zone", "NotIn", "a")), true],
  ["Exists", affinity(labelled("disk", "Exists")), true],
  ["DoesNotExist", affinity(labelled("disk", "DoesNotExist")), false],
  ["Gt", affinity(labelled("size", "Gt", "9")), true],
  ["Gt of an equal value", affinity(labelled("size", "Gt", "10")), false],
  ["Gt of no number", affinity(labelled("disk", "Gt", "1")), false],
  ["the second of two terms", affinity(labelled("disk", "In", "hdd"), labelled("size", "Exists")), true],
  [
    "all expressions of a term",
    affinity({
      matchExpressions: [
        { key: "disk", operator: "Exists" },
        { key: "zone", operator: "Exists" },
      ],
    }),
    false,
  ],
  ["an empty term matches nothing", affinity({}), false],
  ["by name", affinity(named("In", "n1")), true],
  ["by another name", affinity(named("In", "n2")), false],
  ["not by name", affinity(named("NotIn", "n1")), false],
];
for (const [name, spec, isFine] of affinities) {
  test(`NodeAffinity: ${name}`, () => {
    const node = nodeInfo("n1", { labels: { disk: "ssd", size: "10" } });
    const reasons = isFine ? [] : ["node(s) didn't match Pod's node affinity/selector!"];
    assert.deepEqual(verdict(nodeAffinity, podInfo("p", {}, spec), node), reasons);
  });
}

const restrictions: readonly (readonly [string, Partial<PodSpec>, readonly string[] | undefined])[] = [
  ["every term names nodes", affinity(named("In", "a"), named("In", "b", "c")), ["a", "b", "c"]],
  ["one term names none", affinity(named("In", "a"), labelled("x", "Exists")), undefined],
  ["only what isn't wanted is named", affinity(named("NotIn", "a")), undefined],
];
for (const [name, spec, names] of restrictions) {
  test(`NodeAffinity looks at few nodes: ${name}`, () => {
    const prepared = nodeAffinity.prepareFilter(podInfo("p", {}, spec));
    assert.ok(prepared !== undefined && !("rejectedPod" in prepared));
    assert.deepEqual(prepared.nodeNames === undefined ? undefined : [...prepared.nodeNames], names);
  });
}

test("NodeAffinity: terms that contradict each other refuse the pod", () => {
  const term: NodeSelectorTerm = {
    matchFields: [
      { key: "metadata.name", operator: "In", values: ["a"] },
      { key: "metadata.name", operator: "In", values: ["b"] },
    ],
  };
  assert.deepEqual(verdict(nodeAffinity, podInfo("p", {}, affinity(term)), nodeInfo("a")), [
    "pod affinity terms conflict",
  ]);
});

const taintCases: readonly (readonly [string, readonly Toleration[], readonly string[]])[] = [
  ["not tolerated", [], ["node(s) had untolerated taint {key: value}!"]],
  ["tolerated by value", [{ key: "key", value: "value", effect: "NoSchedule" }], []],
  ["another value", [{ key: "key", value: "other" }], ["node(s) had untolerated taint {key: value}!"]],
  [
    "another effect",
    [{ key: "key", operator: "Exists", effect: "NoExecute" }],
    ["node(s) had untolerated taint {key: value}!"],
  ],
  ["any value", [{ key: "key", operator: "Exists" }], []],
  ["everything", [{ operator: "Exists" }], []],
];
for (const [name, tolerations, reasons] of taintCases) {
  test(`TaintToleration: ${name}`, () => {
    const taints = [
      { key: "soft", effect: "PreferNoSchedule" },
      { key: "key", value: "value", effect: "NoSchedule" },
    ];
    const pod = podInfo("p", {}, { tolerations: [...tolerations] });
    assert.deepEqual(verdict(taintToleration, pod, nodeInfo("n1", { taints })), reasons);
  });
}

test("NodeUnschedulable: cordoned nodes take only pods that tolerate that", () => {
  const node = nodeInfo("n1", { isCordoned: true });
  assert.deepEqual(verdict(nodeUnschedulable, podInfo("p"), node), ["node(s) were unschedulable!"]);
  const tolerations = [{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" }];
  assert.deepEqual(verdict(nodeUnschedulable, podInfo("p", {}, { tolerations }), node), []);
});

test("NodeName: a named node only", () => {
  assert.deepEqual(verdict(nodeName, podInfo("p", {}, { nodeName: "n1" }), nodeInfo("n1")), []);
  assert.deepEqual(verdict(nodeName, podInfo("p", {}, { nodeName: "n1" }), nodeInfo("n2")), [
    "node(s) didn't match the requested node name!",
  ]);
});

function scores(
  plugin: ScorePlugin,
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  cache = new SchedulerCache(),
): number[] | undefined {
  const prepared = plugin.prepareScore(pod, cache);
  if (prepared === undefined) return undefined;
  const values = nodes.map((node) => prepared.score(node));
  prepared.normalize?.(values);
  return values;
}

test("score NodeResourcesFit: the emptier node is better", () => {
  const nodes = [
    nodeInfo("empty"),
    nodeInfo("half", {}, [podInfo("a", { cpu: "2", memory: "4Gi" })]),
    nodeInfo("full", { cpu: "1" }),
  ];
  assert.deepEqual(scores(nodeResourcesFit, podInfo("p", { cpu: "1", memory: "2Gi" }), nodes), [75, 25, 37]);
});

test("score NodeResourcesFit: pods that ask for nothing still spread", () => {
  const nodes = [nodeInfo("empty"), nodeInfo("one", {}, [podInfo("a")])];
  const [empty = 0, one = 0] = scores(nodeResourcesFit, podInfo("p"), nodes) ?? [];
  assert.ok(empty > one);
});

const soft = (key: string): Taint => ({ key, effect: "PreferNoSchedule" });

test("score TaintToleration: fewer taints of the soft kind are better", () => {
  const nodes = [
    nodeInfo("a"),
    nodeInfo("b", { taints: [soft("x")] }),
    nodeInfo("c", { taints: [soft("x"), soft("y")] }),
  ];
  assert.deepEqual(scores(taintToleration, podInfo("p"), nodes), [100, 50, 0]);
  const tolerations = [{ key: "x", operator: "Exists" }];
  assert.deepEqual(scores(taintToleration, podInfo("p", {}, { tolerations }), nodes), [100, 100, 0]);
});

test("score NodeAffinity: weights of the preferences that hold", () => {
  const preferred = [
    { weight: 60, preference: labelled("disk", "In", "ssd") },
    { weight: 20, preference: labelled("zone", "Exists") },
  ];
  const spec = { affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } } };
  const nodes = [
    nodeInfo("a", { labels: { disk: "ssd", zone: "1" } }),
    nodeInfo("b", { labels: { zone: "1" } }),
    nodeInfo("c"),
  ];
  assert.deepEqual(scores(nodeAffinity, podInfo("p", {}, spec), nodes), [100, 25, 0]);
  assert.equal(scores(nodeAffinity, podInfo("p"), nodes), undefined);
});

test("score BalancedAllocation: cpu and memory that run out together are better", () => {
  const nodes = [nodeInfo("even", { cpu: "4", memory: "4Gi" }), nodeInfo("odd", { cpu: "2", memory: "4Gi" })];
  assert.deepEqual(scores(balancedAllocation, podInfo("p", { cpu: "1", memory: "1Gi" }), nodes), [100, 87]);
});

test("score ImageLocality: large images that are there count, unless only there", () => {
  const cache = new SchedulerCache();
  const images = [{ names: ["app:latest", "app@sha256:1"], sizeBytes: 1000 * 1024 * 1024 }];
  const withImage = (name: string): NodeInfo => {
    const node = makeNode(name);
    return cache.setNode({ ...node, status: { ...node.status, images } });
  };
  const nodes = [withImage("a"), withImage("b"), cache.setNode(makeNode("c")), cache.setNode(makeNode("d"))];
  const pod = podInfo("p", {}, { containers: [{ name: "a", image: "app" }] });
  assert.deepEqual(scores(imageLocality, pod, nodes, cache), [48, 48, 0, 0]);
  cache.setNode(makeNode("a"));
  assert.deepEqual(scores(imageLocality, pod, nodes, cache), [0, 23, 0, 0]);
});

const node = nodeInfo("n1", { cpu: "2", labels: { disk: "ssd" } });
const changed = (what: "allocatable" | "labels" | "taints"): ClusterEvent => ({
  kind: "node changed",
  node,
  changes: { allocatable: false, labels: false, taints: false, [what]: true },
});
const freed: ClusterEvent = { kind: "pod freed resources", pod: makePod("gone") };
const hints: readonly (readonly [string, FilterPlugin, PodInfo, ClusterEvent, boolean])[] = [
  ["a node large enough", nodeResourcesFit, podInfo("p", { cpu: "2" }), { kind: "node added", node }, true],
  ["a node too small", nodeResourcesFit, podInfo("p", { cpu: "3" }), { kind: "node added", node }, false],
  ["a node grew", nodeResourcesFit, podInfo("p", { cpu: "2" }), changed("allocatable"), true],
  ["a node's labels say nothing of its size", nodeResourcesFit, podInfo("p"), changed("labels"), false],
  ["a pod is gone", nodeResourcesFit, podInfo("p"), freed, true],
  [
    "a label came",
    nodeAffinity,
    podInfo("p", {}, { nodeSelector: { disk: "ssd" } }),
    changed("labels"),
    true,
  ],
  [
    "a label that doesn't match came",
    nodeAffinity,
    podInfo("p", {}, { nodeSelector: { disk: "hdd" } }),
    changed("labels"),
    false,
  ],
  ["a gone pod changes no labels", nodeAffinity, podInfo("p"), freed, false],
  ["a taint went", taintToleration, podInfo("p"), changed("taints"), true],
  ["a node was uncordoned", nodeUnschedulable, podInfo("p"), changed("taints"), true],
  ["a pod without the port is gone", nodePorts, podInfo("p"), freed, false],
];
for (const [name, plugin, pod, event, wanted] of hints) {
  test(`worth another try, ${plugin.name}: ${name}: ${wanted ? "yes" : "no"}`, () => {
    assert.equal(plugin.mayHelp(pod, event), wanted);
  });
}

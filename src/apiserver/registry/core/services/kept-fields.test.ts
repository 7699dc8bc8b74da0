/** Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestNormalizeClusterIPs, TestPatchAllocatedValues) and pkg/registry/core/service/strategy_test.go (TestDropTypeDependentFields). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "#api/generated/types/core-v1.ts";
import { dropForeign, keepAllocated, normalizeAddresses } from "./kept-fields.ts";

const [ten, eleven, six] = ["10.0.0.10", "10.0.0.11", "2000::1"];
type Addresses = readonly [clusterIP: string | undefined, ...clusterIPs: readonly string[]];

const normalized: readonly (readonly [string, Addresses | undefined, Addresses, Addresses])[] = [
  ["a new one with one field", undefined, [ten], [ten, ten]],
  ["a new one with the list", undefined, [undefined, ten], [undefined, ten]],
  ["a new one with both", undefined, [ten, ten], [ten, ten]],
  ["no change", [ten, ten], [ten, ten], [ten, ten]],
  ["both changed", [ten, ten], [eleven, eleven], [eleven, eleven]],
  ["the second changed, too", [ten, ten, six], [eleven, eleven, "3000::1"], [eleven, eleven, "3000::1"]],
  ["a second one", [ten, ten], [ten, ten, six], [ten, ten, six]],
  ["the second one gone", [ten, ten, six], [ten, ten], [ten, ten]],
  ["the single one gone", [ten, ten], [undefined, ten], [undefined]],
  ["the list gone", [ten, ten], [ten], [ten, ten]],
  ["both gone", [ten, ten], [undefined], [undefined]],
  ["the single one gone, the list changed", [ten, ten], [undefined, eleven], [undefined, eleven]],
  ["the list gone, the single one changed", [ten, ten, six], [eleven], [eleven]],
  ["from None", ["None", "None"], [ten, "None"], [ten, ten]],
  ["to None", [ten, ten], ["None", ten], ["None", "None"]],
  ["to None by mistake", [ten, ten, six], ["None", eleven, six], ["None", eleven, six]],
];

const specOf = ([clusterIP, ...clusterIPs]: Addresses): ServiceSpec => ({
  ...(clusterIP === undefined ? {} : { clusterIP }),
  ...(clusterIPs.length === 0 ? {} : { clusterIPs }),
});

for (const [name, before, said, want] of normalized) {
  test(`addresses of a Service: ${name}`, () => {
    const spec = specOf(said);
    normalizeAddresses(spec, before === undefined ? undefined : specOf(before));
    assert.deepEqual(spec, specOf(want));
  });
}

const clusterIPs = ["10.0.0.93", "2000::76"];
const addresses = { clusterIP: "10.0.0.93", clusterIPs };
const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
const off = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ...addresses };
const on = { ...off, allocateLoadBalancerNodePorts: true };
const named = (...nodePorts: readonly (number | undefined)[]): Pick<ServiceSpec, "ports"> => ({
  ports: nodePorts.map((nodePort, at) => ({
    name: `p${at}`,
    port: 93 + at,
    ...(nodePort === undefined ? {} : { nodePort }),
  })),
});
const had = { ...addresses, ...named(30_093), healthCheckNodePort: 31_234 };

const kept: readonly (readonly [string, ServiceSpec, ServiceSpec, ServiceSpec])[] = [
  ["all", { ...had, ...local }, { ...local, ...named(undefined) }, { ...had, ...local }],
  [
    "addresses only",
    { ...had, type: "ClusterIP" },
    { type: "ClusterIP", ...named(undefined) },
    { type: "ClusterIP", ...named(undefined), ...addresses },
  ],
  [
    "node ports",
    { ...had, type: "NodePort" },
    { type: "NodePort", ...addresses, ...named(undefined) },
    { type: "NodePort", ...addresses, ...named(30_093) },
  ],
  [
    "the port that health is asked at",
    { ...had, ...local },
    { ...local, ...addresses, ...named(30_093), healthCheckNodePort: 0 },
    { ...had, ...local },
  ],
  [
    "nothing of a name elsewhere",
    { ...had, type: "ExternalName" },
    { type: "ExternalName", ...named(undefined) },
    { type: "ExternalName", ...named(undefined) },
  ],
  [
    "no node port without allocation",
    { ...off, ...named(30_093) },
    { ...off, ...named(0) },
    { ...off, ...named(0) },
  ],
  [
    "no node port that was left out without allocation",
    { ...off, ...named(30_093, 30_094) },
    { ...off, ...named(30_093, 0) },
    { ...off, ...named(30_093, 0) },
  ],
  [
    "a node port with allocation",
    { ...on, ...named(30_093) },
    { ...on, ...named(0) },
    { ...on, ...named(30_093) },
  ],
  [
    "none that was asked for without allocation",
    { ...off, ...named(30_093) },
    { ...on, ...named(undefined) },
    { ...on, ...named(undefined) },
  ],
  [
    "none that another port has now",
    { ...had, ...named(30_093, 30_076), type: "NodePort" },
    { type: "NodePort", ...addresses, ...named(30_076, undefined) },
    { type: "NodePort", ...addresses, ...named(30_076, undefined) },
  ],
];

for (const [name, before, said, want] of kept) {
  test(`a Service that doesn't say what it had keeps ${name}`, () => {
    const spec = structuredClone(said);
    keepAllocated(spec, before);
    assert.deepEqual(spec, want);
  });
}

const dual: ServiceSpec = { ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" };
const inside: ServiceSpec = { type: "ClusterIP", ...addresses, ...dual };
const other: ServiceSpec = { clusterIP: "10.0.0.94", clusterIPs: ["10.0.0.94", "2000::76"] };
const elsewhere: ServiceSpec = { type: "ExternalName" };
const balanced: ServiceSpec = { type: "LoadBalancer", ...named(30_000, 30_001) };
const within: ServiceSpec = { type: "ClusterIP" };
const onNodes: ServiceSpec = { type: "NodePort" };
const [yes, no] = [true, false].map((allocateLoadBalancerNodePorts) => ({ allocateLoadBalancerNodePorts }));
const [one, two] = ["a.io/one", "a.io/two"].map((loadBalancerClass) => ({ loadBalancerClass }));
const healthy: ServiceSpec = { externalTrafficPolicy: "Local", healthCheckNodePort: 32_000 };
const plain: ServiceSpec = { type: "LoadBalancer" };

const dropped: readonly (readonly [string, ServiceSpec, ServiceSpec, ServiceSpec])[] = [
  ["nothing of what has addresses still", inside, inside, inside],
  ["addresses", inside, { ...inside, ...elsewhere }, elsewhere],
  ["but addresses that changed", inside, { ...inside, ...elsewhere, ...other }, { ...elsewhere, ...other }],
  [
    "but families that changed",
    inside,
    { ...inside, ...elsewhere, ipFamilies: ["IPv6", "IPv6"] },
    { ...elsewhere, ipFamilies: ["IPv6", "IPv6"] },
  ],
  [
    "but a policy that changed",
    inside,
    { ...inside, ...elsewhere, ipFamilyPolicy: "SingleStack" },
    { ...elsewhere, ipFamilyPolicy: "SingleStack" },
  ],
  [
    "no node ports of nodes",
    { ...balanced, ...onNodes },
    { ...balanced, ...onNodes },
    { ...balanced, ...onNodes },
  ],
  ["no node ports of what is balanced", balanced, balanced, balanced],
  ["node ports", balanced, { ...balanced, ...within }, { ...within, ...named(undefined, undefined) }],
  [
    "no node ports that changed",
    balanced,
    { ...within, ...named(30_100, 30_101) },
    { ...within, ...named(30_100, 30_101) },
  ],
  [
    "node ports where a port comes",
    balanced,
    { ...within, ...named(30_000, 30_001, undefined) },
    { ...within, ...named(undefined, undefined, undefined) },
  ],
  [
    "no node ports where one comes with a port",
    balanced,
    { ...within, ...named(30_000, 30_001, 30_002) },
    { ...within, ...named(30_000, 30_001, 30_002) },
  ],
  [
    "node ports where a port goes",
    balanced,
    { ...within, ...named(30_000) },
    { ...within, ...named(undefined) },
  ],
  [
    "node ports where a port changes",
    { ...plain, ports: [{ port: 80, nodePort: 30_000 }] },
    { ...within, ports: [{ port: 180, protocol: "UDP", nodePort: 30_000 }] },
    { ...within, ports: [{ port: 180, protocol: "UDP" }] },
  ],
  [
    "no health port of what is balanced",
    { ...plain, ...healthy },
    { ...plain, ...healthy },
    { ...plain, ...healthy },
  ],
  ["a health port", { ...plain, ...healthy }, { ...within, ...healthy }, within],
  [
    "no health port that changed",
    { ...plain, ...healthy },
    { ...within, ...healthy, healthCheckNodePort: 32_100 },
    { ...within, healthCheckNodePort: 32_100 },
  ],
  ["allocation", { ...plain, ...yes }, { ...onNodes, ...yes }, onNodes],
  ["no allocation", { ...plain, ...no }, { ...onNodes, ...no }, onNodes],
  ["no allocation that came", plain, { ...onNodes, ...yes }, { ...onNodes, ...yes }],
  ["no allocation that was refused", plain, { ...onNodes, ...no }, { ...onNodes, ...no }],
  ["allocation that went", { ...plain, ...yes }, onNodes, onNodes],
  ["refused allocation that went", { ...plain, ...no }, onNodes, onNodes],
  ["no allocation that ended", { ...plain, ...yes }, { ...onNodes, ...no }, { ...onNodes, ...no }],
  ["no allocation that began", { ...plain, ...no }, { ...onNodes, ...yes }, { ...onNodes, ...yes }],
  ["a class", { ...plain, ...one }, { ...within, ...one }, within],
  ["no class that changed", { ...plain, ...one }, { ...plain, ...two }, { ...plain, ...two }],
  ["a class that went", { ...plain, ...one }, plain, plain],
  ["no class that changed with the type", { ...plain, ...one }, { ...within, ...two }, { ...within, ...two }],
  ["no class that came with the type", within, { ...plain, ...one }, { ...plain, ...one }],
  ["no class of what is balanced", { ...plain, ...one }, { ...plain, ...one }, { ...plain, ...one }],
];

for (const [name, before, said, want] of dropped) {
  test(`a Service's type takes with it ${name}`, () => {
    const service = { spec: structuredClone(said) };
    dropForeign(service, before);
    assert.deepEqual(service.spec, want);
  });
}

/** Cases re-expressed from pkg/registry/core/service/storage/storage_test.go (TestNormalizeClusterIPs, TestPatchAllocatedValues). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "#api/generated/types/core-v1.ts";
import { keepAllocated, normalizeAddresses } from "./kept-fields.ts";

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

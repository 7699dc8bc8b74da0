import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceSpec } from "#api/generated/types/core-v1.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { settleFamilies, type OfferedFamilies } from "./families.ts";

type Settled = Pick<ServiceSpec, "ipFamilies" | "ipFamilyPolicy" | "clusterIPs">;
type Case = readonly [
  name: string,
  offered: OfferedFamilies,
  spec: ServiceSpec,
  old: ServiceSpec | undefined,
  settled: Settled | string,
];

const four: OfferedFamilies = ["IPv4"];
const both: OfferedFamilies = ["IPv4", "IPv6"];
const ofApp = { type: "ClusterIP", selector: { app: "x" } };
const headless = { type: "ClusterIP", clusterIP: "None", clusterIPs: ["None"] };
const one = { ...ofApp, clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv4"] };
const two = { ...one, clusterIPs: ["10.0.0.1", "fd00::1"], ipFamilies: ["IPv4", "IPv6"] };
const single = { ipFamilyPolicy: "SingleStack" };
const prefer = { ipFamilyPolicy: "PreferDualStack" };
const require = { ipFamilyPolicy: "RequireDualStack" };
const notDual = "this cluster is not configured for dual-stack services";

const cases: readonly Case[] = [
  ["nothing is said", four, ofApp, undefined, { ...single, ipFamilies: ["IPv4"] }],
  ["nothing is said where both are", both, ofApp, undefined, { ...single, ipFamilies: ["IPv4"] }],
  [
    "an address says its family",
    both,
    { ...ofApp, clusterIP: "fd00::1", clusterIPs: ["fd00::1"] },
    undefined,
    { ...single, ipFamilies: ["IPv6"], clusterIPs: ["fd00::1"] },
  ],
  [
    "an address of a family that isn't there",
    four,
    { ...ofApp, clusterIP: "fd00::1", clusterIPs: ["fd00::1"] },
    undefined,
    'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster',
  ],
  [
    "a family that isn't there",
    four,
    { ...ofApp, ipFamilies: ["IPv6"] },
    undefined,
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  ],
  ["both, if there are both", four, { ...ofApp, ...prefer }, undefined, { ...prefer, ipFamilies: ["IPv4"] }],
  [
    "both, the second one first",
    both,
    { ...ofApp, ...prefer, ipFamilies: ["IPv6"] },
    undefined,
    { ...prefer, ipFamilies: ["IPv6", "IPv4"] },
  ],
  [
    "both, without fail",
    four,
    { ...ofApp, ...require },
    undefined,
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": ${notDual}`,
  ],
  [
    "two families and no policy",
    both,
    { ...ofApp, ipFamilies: ["IPv4", "IPv6"] },
    undefined,
    `spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified`,
  ],
  [
    "nobody's pods, without an address: both, even where one is",
    four,
    headless,
    undefined,
    { ...require, ipFamilies: ["IPv4", "IPv6"], clusterIPs: ["None"] },
  ],
  [
    "nobody's pods, but one family",
    four,
    { ...headless, ...single },
    undefined,
    { ...single, ipFamilies: ["IPv4"], clusterIPs: ["None"] },
  ],
  [
    "somebody's pods, without an address",
    four,
    { ...headless, selector: { app: "x" } },
    undefined,
    { ...single, ipFamilies: ["IPv4"], clusterIPs: ["None"] },
  ],
  ["one family from now on", both, { ...two, ...single }, { ...two, ...require }, { ...one, ...single }],
  [
    "the second address left out",
    both,
    { ...one, ...require },
    { ...two, ...require },
    `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be 'SingleStack' to release the secondary cluster IP`,
  ],
  [
    "the second family from now on",
    both,
    { ...one, ...require },
    { ...one, ...single },
    { ...one, ...require, ipFamilies: ["IPv4", "IPv6"] },
  ],
  [
    "what it has, though there could be more",
    both,
    { ...one, ...prefer },
    { ...one, ...prefer },
    { ...one, ...prefer },
  ],
  [
    "the policy of before",
    both,
    { ...two, type: "NodePort" },
    { ...two, ...require },
    { ...two, ...require },
  ],
];

for (const [name, offered, spec, old, settled] of cases) {
  test(`a Service's families: ${name}`, () => {
    const service = { kind: "Service", apiVersion: "v1", spec: structuredClone(spec) };
    const before = old === undefined ? undefined : { kind: "Service", apiVersion: "v1", spec: old };
    const faults = settleFamilies(service, before, offered).all.map(fieldErrorText);
    if (typeof settled === "string") {
      assert.equal(faults[0], settled);
      return;
    }
    assert.deepEqual(faults, []);
    const { ipFamilies, ipFamilyPolicy, clusterIPs } = service.spec;
    assert.deepEqual(
      { ipFamilies, ipFamilyPolicy, clusterIPs },
      {
        ipFamilies: settled.ipFamilies,
        ipFamilyPolicy: settled.ipFamilyPolicy,
        clusterIPs: settled.clusterIPs,
      },
    );
  });
}

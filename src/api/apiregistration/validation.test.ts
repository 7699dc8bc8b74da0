import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIServiceSpec } from "../generated/types/apiregistration-v1.ts";
import { faultsOfNew, type Valid } from "../testing/validation-cases.ts";

const good: APIServiceSpec = {
  group: "demo.example.com",
  version: "v1",
  groupPriorityMinimum: 1000,
  versionPriority: 15,
};
const valid: Valid = { "apiregistration.k8s.io/v1/APIService": { spec: good } };
const service = { namespace: "default", name: "a" };
const cases: readonly (readonly [string, Partial<APIServiceSpec>, string, readonly string[]])[] = [
  ["a local one", {}, "v1.demo.example.com", []],
  ["a remote one", { service, insecureSkipTLSVerify: true }, "v1.demo.example.com", []],
  [
    "another name",
    {},
    "v2.demo.example.com",
    ['metadata.name: must be `spec.version+"."+spec.group`: "v1.demo.example.com"'],
  ],
  [
    "the start of another name",
    {},
    "",
    [
      'metadata.generateName: must be `spec.version+"."+spec.group`: "v1.demo.example.com"',
      "metadata.name: name or generateName is required",
    ],
  ],
  [
    "no group",
    { group: "", version: "v2" },
    "v2.",
    ["spec.group: only v1 may have an empty group and it better be legacy kube"],
  ],
  [
    "priorities out of range",
    { groupPriorityMinimum: 20_001, versionPriority: 0 },
    "v1.demo.example.com",
    [
      "spec.groupPriorityMinimum: must be positive and less than 20000",
      "spec.versionPriority: must be positive and less than 1000",
    ],
  ],
  [
    "a local one with an authority",
    { caBundle: "YWJj", insecureSkipTLSVerify: true },
    "v1.demo.example.com",
    [
      "spec.caBundle: local APIServices may not have a caBundle",
      "spec.insecureSkipTLSVerify: local APIServices may not have insecureSkipTLSVerify",
    ],
  ],
  [
    "a service without a name, verified and not",
    { service: {}, caBundle: "YWJj", insecureSkipTLSVerify: true },
    "v1.demo.example.com",
    [
      "spec.service.namespace: ",
      "spec.service.name: ",
      "spec.insecureSkipTLSVerify: may not be true if caBundle is present",
    ],
  ],
];

for (const [what, spec, name, faults] of cases) {
  test(`APIService: ${what}`, () => {
    const metadata = name === "" ? { generateName: "v1.demo-", name: undefined } : { name };
    assert.deepEqual(
      faultsOfNew(valid, "apiregistration.k8s.io/v1/APIService", { metadata, spec }).map(
        ({ field, message }) =>
          `${field}: ${message.replace(/^(Required value|Invalid value: (\d+|true|"[^"]*")):? ?/, "")}`,
      ),
      faults,
    );
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIServiceSpec } from "../generated/types/apiregistration-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import { apiregistrationValidations } from "./validation.ts";

const good: APIServiceSpec = {
  group: "demo.example.com",
  version: "v1",
  groupPriorityMinimum: 1000,
  versionPriority: 15,
};
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
    ['metadata.generateName: must be `spec.version+"."+spec.group`: "v1.demo.example.com"'],
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
    const found = new FaultList();
    const metadata = name === "" ? { generateName: "v1.demo-", name } : { name };
    const object = { metadata, spec: { ...good, ...spec } };
    apiregistrationValidations["APIService"]?.check?.(object as never, found);
    assert.deepEqual(
      found.all.map(
        ({ field, message }) =>
          `${field}: ${message.replace(/^(Required value|Invalid value: (\d+|true|"[^"]*")):? ?/, "")}`,
      ),
      faults,
    );
  });
}

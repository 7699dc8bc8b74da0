import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIService } from "#api/generated/types/apiregistration-v1.ts";
import { planRegistration, type Wanted } from "./registration-plan.ts";

const wanted = (management: "onstart" | "true"): Wanted => ({
  group: "a.example.com",
  version: "v1",
  groupPriority: 1000,
  versionPriority: 100,
  management,
});
const current = (management: string | undefined, versionPriority: number): APIService => ({
  metadata: {
    name: "v1.a.example.com",
    labels: management === undefined ? {} : { "kube-aggregator.kubernetes.io/automanaged": management },
  },
  spec: { group: "a.example.com", version: "v1", groupPriorityMinimum: 1000, versionPriority },
});

/** upstream's table, by its own names: what is there, what is desired, whether it is from before and seen to. */
const cases: readonly (readonly [
  string,
  APIService | undefined,
  Wanted | undefined,
  boolean,
  boolean,
  string | undefined,
])[] = [
  ["2A", undefined, undefined, false, false, undefined],
  ["2B first", undefined, wanted("onstart"), false, false, "create"],
  ["2B later", undefined, wanted("onstart"), false, true, undefined],
  ["2C", undefined, wanted("true"), false, true, "create"],
  ["3A", current(undefined, 1), undefined, false, false, undefined],
  ["3B", current(undefined, 1), wanted("onstart"), false, false, undefined],
  ["3C", current(undefined, 1), wanted("true"), false, false, undefined],
  ["4A", current("onstart", 1), undefined, false, false, undefined],
  ["4C", current("onstart", 1), wanted("true"), false, false, undefined],
  ["5A first", current("onstart", 1), undefined, true, false, "delete"],
  ["5A later", current("onstart", 1), undefined, true, true, undefined],
  ["5B first", current("onstart", 1), wanted("onstart"), true, false, "update"],
  ["5B as it should be", current("onstart", 100), wanted("onstart"), true, false, undefined],
  ["6A", current("true", 1), undefined, false, true, "delete"],
  ["6B", current("true", 1), wanted("onstart"), false, false, "update"],
  ["6C", current("true", 1), wanted("true"), false, true, "update"],
  ["6C as it should be", current("true", 100), wanted("true"), false, true, undefined],
];

for (const [name, object, want, isFromBefore, isSeenTo, action] of cases) {
  test(`registration ${name}`, () => {
    const step = planRegistration({ current: object, wanted: want, isFromBefore, isSeenTo });
    assert.equal(step?.action, action);
  });
}

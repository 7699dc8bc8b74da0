import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodAffinityTerm } from "../generated/types/core-v1.ts";
import { applyLabelKeys } from "./pod-label-keys.ts";

const must = "requiredDuringSchedulingIgnoredDuringExecution";
const wish = "preferredDuringSchedulingIgnoredDuringExecution";
const term = (): PodAffinityTerm => ({
  topologyKey: "z",
  labelSelector: { matchLabels: { app: "x" } },
  matchLabelKeys: ["hash", "absent"],
  mismatchLabelKeys: ["tenant"],
});

test("a pod's own labels complete the selectors of its affinity and spreading", () => {
  const terms = [term(), term(), term(), term()] as const;
  const spread = { maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", ...term() };
  const bare = {
    maxSkew: 1,
    topologyKey: "y",
    whenUnsatisfiable: "ScheduleAnyway",
    matchLabelKeys: ["hash"],
  };
  const pod: Pod = {
    metadata: { labels: { hash: "1", tenant: "t" } },
    spec: {
      containers: [],
      affinity: {
        podAffinity: { [must]: [terms[0]], [wish]: [{ weight: 1, podAffinityTerm: terms[1] }] },
        podAntiAffinity: { [must]: [terms[2]], [wish]: [{ weight: 1, podAffinityTerm: terms[3] }] },
      },
      topologySpreadConstraints: [spread, bare],
    },
  };
  applyLabelKeys(pod);
  for (const { labelSelector } of [...terms, spread]) {
    assert.deepEqual(labelSelector?.matchExpressions, [
      { key: "hash", operator: "In", values: ["1"] },
      { key: "tenant", operator: "NotIn", values: ["t"] },
    ]);
  }
  assert.equal("labelSelector" in bare, false);
});

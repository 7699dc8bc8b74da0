/** Pods stay off nodes whose taints they don't tolerate. upstream: pkg/scheduler/framework/plugins/tainttoleration */
import type { Taint, Toleration } from "#api/generated/types/core-v1.ts";
import type { NodeInfo } from "../cache/node-info.ts";
import {
  normalizeByLargest,
  unresolvable,
  type FilterPlugin,
  type Rejection,
  type ScorePlugin,
} from "../framework/plugin.ts";
import { tolerates } from "./tolerations.ts";

const repels = ({ effect }: Taint): boolean => effect === "NoSchedule" || effect === "NoExecute";

function untolerated(node: NodeInfo, tolerations: readonly Toleration[]): Taint | undefined {
  for (const taint of node.taints) if (repels(taint) && !tolerates(tolerations, taint)) return taint;
  return undefined;
}

const name = "TaintToleration";

export const taintToleration: FilterPlugin & ScorePlugin = {
  name,
  weight: 3,
  prepareFilter: ({ pod }) => {
    const tolerations = pod.spec?.tolerations ?? [];
    // One object per text, so that a thousand nodes with the same taint are counted, not listed.
    const rejections = new Map<string, Rejection>();
    return {
      filter: (node) => {
        const taint = untolerated(node, tolerations);
        if (taint === undefined) return undefined;
        const text = `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
        let rejection = rejections.get(text);
        if (rejection === undefined) {
          rejection = unresolvable(text);
          rejections.set(text, rejection);
        }
        return rejection;
      },
    };
  },
  mayHelp: ({ pod }, event) => {
    switch (event.kind) {
      case "node added":
        return untolerated(event.node, pod.spec?.tolerations ?? []) === undefined;
      case "node changed":
        return event.changes.taints && untolerated(event.node, pod.spec?.tolerations ?? []) === undefined;
      case "pod changed":
        return true;
      case "pod freed resources":
        return false;
    }
  },
  prepareScore: ({ pod }) => {
    const tolerations = (pod.spec?.tolerations ?? []).filter(
      ({ effect = "" }) => effect === "" || effect === "PreferNoSchedule",
    );
    return {
      score: (node) => {
        let count = 0;
        for (const taint of node.taints) {
          if (taint.effect === "PreferNoSchedule" && !tolerates(tolerations, taint)) count += 1;
        }
        return count;
      },
      normalize: (scores) => {
        normalizeByLargest(scores, true);
      },
    };
  },
};

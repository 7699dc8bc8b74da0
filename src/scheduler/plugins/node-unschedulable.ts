/** Cordoned nodes take no new pods. upstream: pkg/scheduler/framework/plugins/nodeunschedulable */
import type { NodeInfo, PodInfo } from "../cache/node-info.ts";
import { unresolvable, type FilterPlugin } from "../framework/plugin.ts";
import { tolerates } from "./tolerations.ts";

const cordoned = unresolvable("node(s) were unschedulable");
const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

const accepts = (node: NodeInfo): boolean => node.node?.spec?.unschedulable !== true;
const toleratesCordon = ({ pod }: PodInfo): boolean => tolerates(pod.spec?.tolerations ?? [], taint);

export const nodeUnschedulable: FilterPlugin = {
  name: "NodeUnschedulable",
  prepareFilter: (pod) =>
    toleratesCordon(pod) ? undefined : { filter: (node) => (accepts(node) ? undefined : cordoned) },
  mayHelp: (pod, event) => {
    switch (event.kind) {
      case "node added":
        return accepts(event.node);
      case "node changed":
        return event.changes.taints && accepts(event.node);
      case "pod changed":
        return toleratesCordon(pod);
      case "pod freed resources":
        return false;
    }
  },
};

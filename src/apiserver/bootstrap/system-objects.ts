/** Namespaces and priority classes that every cluster has. upstream: pkg/controlplane/controller/systemnamespaces, pkg/apis/scheduling/helpers.go */
import type { Namespace } from "#api/generated/types/core-v1.ts";
import type { PriorityClass } from "#api/generated/types/scheduling-v1.ts";

export const systemNamespaces = (): Namespace[] =>
  ["default", "kube-system", "kube-public", "kube-node-lease"].map((name) => ({ metadata: { name } }));

export const systemPriorityClasses = (): PriorityClass[] => [
  {
    metadata: { name: "system-node-critical" },
    value: 2_000_001_000,
    description: "Used for system critical pods that must not be moved from their current node.",
    preemptionPolicy: "PreemptLowerPriority",
  },
  {
    metadata: { name: "system-cluster-critical" },
    value: 2_000_000_000,
    description:
      "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    preemptionPolicy: "PreemptLowerPriority",
  },
];

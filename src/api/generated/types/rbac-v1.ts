/** Made by scripts/generate.ts from the Go types in kubectl and helm, client-node's models and src/api/facts. Never edited. */
import type { KubeObject } from "#api/meta/object.ts";
import type { LabelSelector } from "./meta-v1.ts";

export interface AggregationRule {
  clusterRoleSelectors?: LabelSelector[] | undefined;
}

export interface ClusterRole extends KubeObject {
  rules?: PolicyRule[] | undefined;
  aggregationRule?: AggregationRule | undefined;
}

export interface ClusterRoleBinding extends KubeObject {
  subjects?: Subject[] | undefined;
  roleRef: RoleRef;
}

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[] | undefined;
  resources?: string[] | undefined;
  resourceNames?: string[] | undefined;
  nonResourceURLs?: string[] | undefined;
}

export interface Role extends KubeObject {
  rules?: PolicyRule[] | undefined;
}

export interface RoleBinding extends KubeObject {
  subjects?: Subject[] | undefined;
  roleRef: RoleRef;
}

export interface RoleRef {
  apiGroup: string;
  kind: string;
  name: string;
}

export interface Subject {
  kind: string;
  apiGroup?: string | undefined;
  name: string;
  namespace?: string | undefined;
}

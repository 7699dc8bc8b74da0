/** Made by scripts/generate.ts from the Go types in kubectl and helm, client-node's models and src/api/facts. Never edited. */
import type { KubeObject } from "#api/meta/object.ts";
import type { Condition, DeleteOptions, LabelSelector } from "./meta-v1.ts";

export interface Eviction extends KubeObject {
  deleteOptions?: DeleteOptions | undefined;
}

export interface PodDisruptionBudget extends KubeObject {
  spec?: PodDisruptionBudgetSpec | undefined;
  status?: PodDisruptionBudgetStatus | undefined;
}

export interface PodDisruptionBudgetSpec {
  minAvailable?: number | string | undefined;
  selector?: LabelSelector | undefined;
  maxUnavailable?: number | string | undefined;
  unhealthyPodEvictionPolicy?: string | undefined;
}

export interface PodDisruptionBudgetStatus {
  observedGeneration?: number | bigint | undefined;
  disruptedPods?: Record<string, string> | undefined;
  disruptionsAllowed: number;
  currentHealthy: number;
  desiredHealthy: number;
  expectedPods: number;
  conditions?: Condition[] | undefined;
}

/** Which features are on, under upstream's name. upstream: component-base/metrics/prometheus/feature/metrics.go */
import { Gauge, type Registry } from "prom-client";
import type { Logger } from "#base/log.ts";
import { beta } from "./stability.ts";

export interface FeatureGate {
  readonly name: string;
  readonly stage: "ALPHA" | "BETA" | "GA" | "DEPRECATED";
  readonly isEnabled: boolean;
  /** What is to be said to who has set it. */
  readonly warning?: string | undefined;
}

/** Those that can be turned off here; the others are as 1.35 has them. */
export type SwitchableGate = "APIServerIdentity" | "StorageVersionHash";

/** On unless it is said to be off. */
export const isGateOn = (gates: readonly FeatureGate[], wanted: SwitchableGate): boolean =>
  gates.every(({ name, isEnabled }) => name !== wanted || isEnabled);

/** Warns of those that won't always be there, too. */
export function registerFeatureGates(registry: Registry, gates: readonly FeatureGate[], log: Logger): void {
  const gauge = new Gauge({
    name: "kubernetes_feature_enabled",
    help: beta("This metric records the data about the stage and enablement of a k8s feature."),
    labelNames: ["name", "stage"],
    registers: [registry],
  });
  for (const { name, stage, isEnabled, warning } of gates) {
    if (warning !== undefined) log.warn(warning);
    gauge.set({ name, stage: stage === "GA" ? "" : stage }, isEnabled ? 1 : 0);
  }
}

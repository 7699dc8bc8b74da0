/** Which features are on, under upstream's name. upstream: component-base/metrics/prometheus/feature/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { beta } from "./stability.ts";

export interface FeatureGate {
  readonly name: string;
  readonly stage: "ALPHA" | "BETA" | "GA" | "DEPRECATED";
  readonly isEnabled: boolean;
}

export function registerFeatureGates(registry: Registry, gates: readonly FeatureGate[]): void {
  const gauge = new Gauge({
    name: "kubernetes_feature_enabled",
    help: beta("This metric records the data about the stage and enablement of a k8s feature."),
    labelNames: ["name", "stage"],
    registers: [registry],
  });
  for (const { name, stage, isEnabled } of gates) {
    gauge.set({ name, stage: stage === "GA" ? "" : stage }, isEnabled ? 1 : 0);
  }
}

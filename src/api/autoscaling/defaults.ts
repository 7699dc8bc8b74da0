/** Defaults of the autoscaling group. upstream: pkg/apis/autoscaling/v2/defaults.go, v1/defaults.go */
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from "../generated/types/autoscaling-v1.ts";
import type { HorizontalPodAutoscaler, HPAScalingRules } from "../generated/types/autoscaling-v2.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

const cpuUtilization = 80;
const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";

/** Doubling every 15 s, or 4 pods, whichever is more. */
const scaleUp = (): Loose<HPAScalingRules> => ({
  stabilizationWindowSeconds: 0,
  selectPolicy: "Max",
  policies: [
    { type: "Pods", value: 4, periodSeconds: 15 },
    { type: "Percent", value: 100, periodSeconds: 15 },
  ],
});

const scaleDown = (): Loose<HPAScalingRules> => ({
  selectPolicy: "Max",
  policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
});

function defaultAutoscaler(autoscaler: Loose<HorizontalPodAutoscaler>): void {
  const spec = (autoscaler.spec ??= {});
  spec.minReplicas ??= 1;
  if ((spec.metrics ?? []).length === 0) {
    const target = { type: "Utilization", averageUtilization: cpuUtilization };
    spec.metrics = [{ type: "Resource", resource: { name: "cpu", target } }];
  }
  const { behavior } = spec;
  if (behavior === undefined) return;
  behavior.scaleUp = { ...scaleUp(), ...behavior.scaleUp };
  behavior.scaleDown = { ...scaleDown(), ...behavior.scaleDown };
}

function defaultAutoscalerV1(autoscaler: Loose<HorizontalPodAutoscalerV1>): void {
  const spec = (autoscaler.spec ??= {});
  spec.minReplicas ??= 1;
  if (autoscaler.metadata?.annotations?.[metricsAnnotation] === undefined) {
    spec.targetCPUUtilizationPercentage ??= cpuUtilization;
  }
}

export const autoscalingV1Defaults: DefaultsByKind = { HorizontalPodAutoscaler: defaultAutoscalerV1 };
export const autoscalingV2Defaults: DefaultsByKind = { HorizontalPodAutoscaler: defaultAutoscaler };

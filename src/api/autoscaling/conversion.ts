/**
 * HorizontalPodAutoscaler between autoscaling/v1 and v2. What v1 has no field for travels in annotations.
 * upstream: pkg/apis/autoscaling/v1/conversion.go
 */
import { listOf, readAnnotation, type Shape } from "../codec/json-shape.ts";
import type {
  HorizontalPodAutoscaler as V1,
  HorizontalPodAutoscalerStatus as StatusV1,
} from "../generated/types/autoscaling-v1.ts";
import type {
  HorizontalPodAutoscaler as V2,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  HPAScalingRules,
  MetricSpec,
  MetricStatus,
} from "../generated/types/autoscaling-v2.ts";
import {
  metricSpecFromV1,
  metricSpecToV1,
  metricStatusFromV1,
  metricStatusToV1,
  type MetricSpecV1,
  type MetricStatusV1,
} from "./metrics-v1.ts";
import { behaviorShape, conditionShape, metricSpecShape, metricStatusShape } from "./annotation-shapes.ts";

const prefix = "autoscaling.alpha.kubernetes.io/";
const metricsKey = `${prefix}metrics`;
const currentMetricsKey = `${prefix}current-metrics`;
const conditionsKey = `${prefix}conditions`;
const behaviorKey = `${prefix}behavior`;
const roundTripKeys = [metricsKey, currentMetricsKey, conditionsKey, behaviorKey];

/** What v1 has always meant by no target at all. */
const defaultCpuUtilization = 80;

export function autoscalerToV1(autoscaler: V2): V1 {
  const { metadata, spec, status } = autoscaler;
  const metrics = spec?.metrics ?? [];
  const cpu = metrics.find((metric) => isCpu(metric))?.resource?.target.averageUtilization;
  const others = metrics.filter(
    (metric) => !isCpu(metric) || metric.resource?.target.averageUtilization === undefined,
  );
  const annotations = {
    ...plainAnnotations(metadata?.annotations),
    ...encoded(metricsKey, others.map(metricSpecToV1)),
    ...encoded(currentMetricsKey, (status?.currentMetrics ?? []).map(metricStatusToV1)),
    ...encoded(conditionsKey, status?.conditions ?? []),
    ...(spec?.behavior === undefined ? {} : { [behaviorKey]: JSON.stringify(goBehavior(spec.behavior)) }),
  };
  return shallow({
    ...autoscaler,
    apiVersion: "autoscaling/v1",
    metadata: metadata && withAnnotations(metadata, annotations),
    spec:
      spec &&
      defined({
        scaleTargetRef: spec.scaleTargetRef,
        minReplicas: spec.minReplicas,
        maxReplicas: spec.maxReplicas,
        targetCPUUtilizationPercentage: cpu,
      }),
    status: status && statusToV1(status),
  });
}

function statusToV1(status: HorizontalPodAutoscalerStatus): StatusV1 {
  const cpu = status.currentMetrics?.findLast((metric) => isCpu(metric))?.resource?.current
    .averageUtilization;
  return defined({
    observedGeneration: status.observedGeneration,
    lastScaleTime: status.lastScaleTime,
    currentReplicas: status.currentReplicas ?? 0,
    desiredReplicas: status.desiredReplicas,
    currentCPUUtilizationPercentage: cpu,
  });
}

export function autoscalerToV2(autoscaler: V1): V2 {
  const { metadata, spec, status } = autoscaler;
  const annotations = metadata?.annotations ?? {};
  const others = readList<MetricSpecV1>(annotations[metricsKey], metricSpecShape).map(metricSpecFromV1);
  const metrics = [...others, ...cpuTarget(spec?.targetCPUUtilizationPercentage)];
  const behavior = read(annotations[behaviorKey], behaviorShape) as
    | HorizontalPodAutoscalerBehavior
    | undefined;
  return shallow({
    ...autoscaler,
    apiVersion: "autoscaling/v2",
    metadata: metadata && withAnnotations(metadata, plainAnnotations(annotations)),
    spec:
      spec &&
      defined({
        scaleTargetRef: spec.scaleTargetRef,
        minReplicas: spec.minReplicas,
        maxReplicas: spec.maxReplicas,
        metrics: metrics.length === 0 ? cpuTarget(defaultCpuUtilization) : metrics,
        behavior,
      }),
    status: status && statusToV2(status, annotations),
  });
}

function statusToV2(status: StatusV1, annotations: Record<string, string>): HorizontalPodAutoscalerStatus {
  const kept = readList<MetricStatusV1>(annotations[currentMetricsKey], metricStatusShape).map(
    metricStatusFromV1,
  );
  const cpu = status.currentCPUUtilizationPercentage;
  const current: MetricStatus[] =
    kept.length > 0 || cpu === undefined
      ? kept
      : [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
  const conditions = readList<HorizontalPodAutoscalerCondition>(annotations[conditionsKey], conditionShape);
  return defined({
    observedGeneration: status.observedGeneration,
    lastScaleTime: status.lastScaleTime,
    currentReplicas: status.currentReplicas,
    desiredReplicas: status.desiredReplicas,
    currentMetrics: current.length === 0 ? undefined : current,
    conditions: conditions.length === 0 ? undefined : conditions,
  });
}

const isCpu = ({ type, resource }: MetricSpec | MetricStatus): boolean =>
  type === "Resource" && resource?.name === "cpu";

const cpuTarget = (averageUtilization: number | undefined): MetricSpec[] =>
  averageUtilization === undefined
    ? []
    : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } }];

function plainAnnotations(annotations: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !roundTripKeys.includes(key)));
}

function withAnnotations<M extends { annotations?: Record<string, string> | undefined }>(
  metadata: M,
  annotations: Record<string, string>,
): M {
  return shallow({
    ...metadata,
    annotations: Object.keys(annotations).length === 0 ? undefined : annotations,
  });
}

const encoded = (key: string, list: readonly unknown[]): Record<string, string> =>
  list.length === 0 ? {} : { [key]: JSON.stringify(list) };

/** An annotation that somebody broke counts as none. */
const read = (annotation: string | undefined, shape: Shape): unknown =>
  readAnnotation(annotation, shape, () => undefined);

const readList = <T>(annotation: string | undefined, items: Shape): T[] =>
  (read(annotation, listOf(items)) ?? []) as T[];

/** Upstream writes its internal type here, whose fields have Go's names. */
function goBehavior({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): unknown {
  return {
    ScaleUp: scaleUp === undefined ? null : goRules(scaleUp),
    ScaleDown: scaleDown === undefined ? null : goRules(scaleDown),
  };
}

const goRules = ({
  stabilizationWindowSeconds,
  selectPolicy,
  policies,
  tolerance,
}: HPAScalingRules): unknown => ({
  StabilizationWindowSeconds: stabilizationWindowSeconds ?? null,
  SelectPolicy: selectPolicy ?? null,
  Policies:
    policies?.map(({ type, value, periodSeconds }) => ({
      Type: type,
      Value: value,
      PeriodSeconds: periodSeconds,
    })) ?? null,
  Tolerance: tolerance ?? null,
});

/** Without undefined values; what the others hold is left alone. */
function shallow<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

/** Without undefined and null values, at every depth. */
function defined<T>(value: T): T {
  if (Array.isArray(value)) return value.map((each: unknown) => defined(each)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return Object.fromEntries(entries.map(([key, each]) => [key, defined<unknown>(each)])) as T;
}

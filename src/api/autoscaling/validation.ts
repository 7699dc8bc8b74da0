/** Autoscalers and scales. upstream: pkg/apis/autoscaling/validation/validation.go */
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler as HorizontalPodAutoscalerV1,
  Scale,
} from "../generated/types/autoscaling-v1.ts";
import type {
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricSpec,
  MetricTarget,
} from "../generated/types/autoscaling-v2.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { pathSegmentFaults } from "../meta/names.ts";

interface Bounds {
  readonly minReplicas?: number | undefined;
  readonly maxReplicas?: number | undefined;
  readonly scaleTargetRef?: Loose<CrossVersionObjectReference> | undefined;
}

function checkReference(
  reference: Loose<CrossVersionObjectReference> | undefined,
  path: string,
  faults: FaultList,
): void {
  for (const field of ["kind", "name"] as const) {
    const value = reference?.[field] ?? "";
    if (value === "") faults.required(`${path}.${field}`);
    else faults.messages(`${path}.${field}`, value, pathSegmentFaults(value));
  }
}

function checkBounds({ minReplicas, maxReplicas = 0, scaleTargetRef }: Bounds, faults: FaultList): void {
  if (minReplicas !== undefined && minReplicas < 1) {
    faults.invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1");
  }
  if (maxReplicas < 1) faults.invalid("spec.maxReplicas", maxReplicas, "must be greater than 0");
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    faults.invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`");
  }
  checkReference(scaleTargetRef, "spec.scaleTargetRef", faults);
}

function checkTarget(target: Loose<MetricTarget> | undefined, path: string, faults: FaultList): void {
  if ((target?.type ?? "") === "") faults.required(`${path}.type`, "must specify a metric target type");
  else faults.optionalOneOf(`${path}.type`, target?.type, ["Utilization", "Value", "AverageValue"]);
  const utilization = target?.averageUtilization;
  if (utilization !== undefined && utilization < 1) {
    faults.invalid(`${path}.averageUtilization`, utilization, "must be greater than 0");
  }
}

interface Source {
  readonly name?: string | undefined;
  readonly target?: Loose<MetricTarget> | undefined;
}

function checkResourceSource({ name = "", target }: Source, path: string, faults: FaultList): void {
  if (name === "") faults.required(`${path}.name`, "must specify a resource name");
  checkTarget(target, `${path}.target`, faults);
  if (target?.averageUtilization === undefined && target?.averageValue === undefined) {
    faults.required(
      `${path}.target.averageUtilization`,
      "must set either a target raw value or a target utilization",
    );
  }
  if (target?.averageUtilization !== undefined && target.averageValue !== undefined) {
    faults.forbidden(
      `${path}.target.averageValue`,
      "may not set both a target raw value and a target utilization",
    );
  }
}

const metricFields: Readonly<Record<string, keyof MetricSpec>> = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
};

function checkMetric(metric: Loose<MetricSpec>, path: string, faults: FaultList): void {
  const { type = "" } = metric;
  if (type === "") {
    faults.required(`${path}.type`, "must specify a metric source type");
    return;
  }
  const field = metricFields[type];
  if (field === undefined) {
    faults.notSupported(`${path}.type`, type, Object.keys(metricFields).toSorted());
    return;
  }
  if (metric[field] === undefined) {
    faults.required(`${path}.${field}`, "must populate information for the given metric source");
  }
  for (const other of Object.values(metricFields)) {
    if (other !== field && metric[other] !== undefined) {
      faults.forbidden(`${path}.${other}`, "must populate the given metric source only");
    }
  }
  const { resource, containerResource } = metric;
  if (type === "Resource" && resource !== undefined) {
    checkResourceSource(resource, `${path}.resource`, faults);
  }
  if (type === "ContainerResource" && containerResource !== undefined) {
    if ((containerResource.container ?? "") === "") {
      faults.required(`${path}.containerResource.container`, "must specify a container");
    }
    checkResourceSource(containerResource, `${path}.containerResource`, faults);
  }
}

const windowSecondsMax = 3600;
const periodSecondsMax = 1800;

function checkScalingPolicy(policy: Loose<HPAScalingPolicy>, path: string, faults: FaultList): void {
  const { type = "", value = 0, periodSeconds = 0 } = policy;
  if (type !== "Pods" && type !== "Percent") faults.notSupported(`${path}.type`, type, ["Percent", "Pods"]);
  if (value <= 0) faults.invalid(`${path}.value`, value, "must be greater than zero");
  if (periodSeconds <= 0) faults.invalid(`${path}.periodSeconds`, periodSeconds, "must be greater than zero");
  if (periodSeconds > periodSecondsMax) {
    faults.invalid(
      `${path}.periodSeconds`,
      periodSeconds,
      `must be less than or equal to ${periodSecondsMax}`,
    );
  }
}

function checkScalingRules(rules: Loose<HPAScalingRules> | undefined, path: string, faults: FaultList): void {
  if (rules === undefined) return;
  const window = rules.stabilizationWindowSeconds;
  const at = `${path}.stabilizationWindowSeconds`;
  if (window !== undefined && window < 0) faults.invalid(at, window, "must be greater than or equal to zero");
  if (window !== undefined && window > windowSecondsMax) {
    faults.invalid(at, window, `must be less than or equal to ${windowSecondsMax}`);
  }
  faults.optionalOneOf(`${path}.selectPolicy`, rules.selectPolicy, ["Disabled", "Max", "Min"]);
  const { policies = [] } = rules;
  if (policies.length === 0) faults.required(`${path}.policies`, "must specify at least one Policy");
  for (const [index, policy] of policies.entries()) {
    checkScalingPolicy(policy, `${path}.policies[${index}]`, faults);
  }
}

function checkAutoscaler({ spec = {} }: Loose<HorizontalPodAutoscaler>, faults: FaultList): void {
  checkBounds(spec, faults);
  for (const [index, metric] of (spec.metrics ?? []).entries()) {
    checkMetric(metric, `spec.metrics[${index}]`, faults);
  }
  checkScalingRules(spec.behavior?.scaleUp, "spec.behavior.scaleUp", faults);
  checkScalingRules(spec.behavior?.scaleDown, "spec.behavior.scaleDown", faults);
}

function checkAutoscalerV1({ spec = {} }: Loose<HorizontalPodAutoscalerV1>, faults: FaultList): void {
  checkBounds(spec, faults);
  const percentage = spec.targetCPUUtilizationPercentage;
  if (percentage !== undefined && percentage < 1) {
    faults.invalid("spec.targetCPUUtilizationPercentage", percentage, "must be greater than 0");
  }
}

type AnyAutoscaler = Loose<HorizontalPodAutoscaler | HorizontalPodAutoscalerV1>;

function checkStatus({ status }: AnyAutoscaler, _old: AnyAutoscaler, faults: FaultList): void {
  checkNonNegative(status?.currentReplicas, "status.currentReplicas", faults);
  checkNonNegative(status?.desiredReplicas, "status.desiredReplicas", faults);
}

export const autoscalingV1Validations: ValidationsByKind = {
  HorizontalPodAutoscaler: { check: checkAutoscalerV1, onStatusUpdate: checkStatus },
  Scale: {
    check: ({ spec }: Loose<Scale>, faults) => checkNonNegative(spec?.replicas, "spec.replicas", faults),
  },
};

export const autoscalingV2Validations: ValidationsByKind = {
  HorizontalPodAutoscaler: { check: checkAutoscaler, onStatusUpdate: checkStatus },
};

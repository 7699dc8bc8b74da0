/** Autoscalers: those of the old version are judged as what is stored of them. upstream: pkg/apis/autoscaling/validation/validation.go */
import type {
  HorizontalPodAutoscaler,
  HPAScalingPolicy,
  HPAScalingRules,
  MetricSpec,
} from "../generated/types/autoscaling-v2.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative, negativeMessage } from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { formatQuantity } from "../meta/quantity.ts";
import { readQuantity } from "../core/resource-validation.ts";
import { checkMetric, hasBadVersion } from "./metric-validation.ts";
import { checkReference, checkTargetVersion } from "./reference-rule.ts";

type Autoscaler = Loose<HorizontalPodAutoscaler>;

function checkBounds(
  { minReplicas, maxReplicas = 0, scaleTargetRef }: NonNullable<Autoscaler["spec"]>,
  least: number,
  faults: FaultList,
): void {
  if (minReplicas !== undefined && minReplicas < least) {
    faults.invalid("spec.minReplicas", minReplicas, `must be greater than or equal to ${least}`);
  }
  if (maxReplicas < 1) faults.invalid("spec.maxReplicas", maxReplicas, "must be greater than 0");
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    faults.invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`");
  }
  checkReference(scaleTargetRef, "spec.scaleTargetRef", faults);
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
  if (rules.tolerance === undefined) return;
  const tolerance = readQuantity(rules.tolerance, `${path}.tolerance`, faults);
  if (tolerance !== undefined && tolerance.nano < 0n) {
    faults.invalid(`${path}.tolerance`, formatQuantity(tolerance), negativeMessage);
  }
}

/** Nothing that runs within pods can tell when none run. */
const needsNoPods = ({ type }: Loose<MetricSpec>): boolean => type === "Object" || type === "External";

/** Upstream's gate to scale to none is closed: only what had none before may have none. */
const leastReplicas = (old: Autoscaler | undefined): number => (old?.spec?.minReplicas === 0 ? 0 : 1);

function checkAutoscaler({ spec = {} }: Autoscaler, old: Autoscaler | undefined, faults: FaultList): void {
  checkBounds(spec, leastReplicas(old), faults);
  checkTargetVersion(spec.scaleTargetRef, old?.spec?.scaleTargetRef, faults);
  const metrics = spec.metrics ?? [];
  const checksVersions = !(old?.spec?.metrics ?? []).some(hasBadVersion);
  for (const [index, metric] of metrics.entries()) {
    checkMetric(metric, `spec.metrics[${index}]`, checksVersions, faults);
  }
  if (spec.minReplicas === 0 && !metrics.some(needsNoPods)) {
    faults.forbidden(
      "spec.metrics",
      "must specify at least one Object or External metric to support scaling to zero replicas",
    );
  }
  checkScalingRules(spec.behavior?.scaleUp, "spec.behavior.scaleUp", faults);
  checkScalingRules(spec.behavior?.scaleDown, "spec.behavior.scaleDown", faults);
}

function checkStatus({ status }: Autoscaler, _old: Autoscaler, faults: FaultList): void {
  checkNonNegative(status?.currentReplicas, "status.currentReplicas", faults);
  checkNonNegative(status?.desiredReplicas, "status.desiredReplicas", faults);
}

export const autoscalingValidations: ValidationsByKind = {
  HorizontalPodAutoscaler: {
    onCreate: (autoscaler: Autoscaler, faults) => checkAutoscaler(autoscaler, undefined, faults),
    onUpdate: checkAutoscaler,
    onStatusUpdate: checkStatus,
  },
};

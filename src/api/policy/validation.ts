/** Disruption budgets. upstream: pkg/apis/policy/validation/validation.go */
import type { PodDisruptionBudget } from "../generated/types/policy-v1.ts";
import { checkConditions } from "../meta/conditions-validation.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { asGoStruct, type GoShape } from "../meta/go-struct.ts";
import {
  checkAtMost100Percent,
  checkIntOrPercent,
  checkLabelSelector,
  checkNonNegative,
} from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";

const specShape: GoShape = {
  MinAvailable: ["minAvailable", null],
  Selector: ["selector", null],
  MaxUnavailable: ["maxUnavailable", null],
  UnhealthyPodEvictionPolicy: ["unhealthyPodEvictionPolicy", null],
};

function checkBudget({ spec = {} }: Loose<PodDisruptionBudget>, faults: FaultList): void {
  const { minAvailable, maxUnavailable } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    faults.invalid("spec", asGoStruct(spec, specShape), "minAvailable and maxUnavailable cannot be both set");
  }
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
    checkIntOrPercent(value, `spec.${field}`, faults);
    checkAtMost100Percent(value, `spec.${field}`, faults);
  }
  checkLabelSelector(spec.selector, "spec.selector", faults);
  faults.optionalOneOf("spec.unhealthyPodEvictionPolicy", spec.unhealthyPodEvictionPolicy, [
    "AlwaysAllow",
    "IfHealthyBudget",
  ]);
}

/** upstream: ValidatePodDisruptionBudgetStatusUpdate */
function checkBudgetStatus(
  { status = {} }: Loose<PodDisruptionBudget>,
  _old: Loose<PodDisruptionBudget>,
  faults: FaultList,
): void {
  checkConditions(status.conditions, "status.conditions", faults);
  for (const field of ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const) {
    checkNonNegative(status[field], `status.${field}`, faults);
  }
}

export const policyValidations: ValidationsByKind = {
  // Upstream doesn't look at its metadata but as at everything's.
  PodDisruptionBudget: {
    newSteps: ["rules"],
    steps: ["rules"],
    statusSteps: ["change"],
    check: checkBudget,
    onStatusUpdate: checkBudgetStatus,
  },
};

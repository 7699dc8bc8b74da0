/** StatefulSets. upstream: pkg/apis/apps/validation/validation.go (ValidateStatefulSetSpec) */
import { checkLastingTemplate } from "../core/replication-validation.ts";
import type {
  RollingUpdateStatefulSetStrategy,
  StatefulSet,
  StatefulSetSpec,
} from "../generated/types/apps-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkAtMost100Percent,
  checkIntOrPercent,
  checkNonNegative,
  isSame,
  saysNone,
} from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { checkCollisions } from "./collision-rule.ts";
import { checkSelector } from "./selector-rule.ts";

function checkRolling(
  rolling: Loose<RollingUpdateStatefulSetStrategy>,
  path: string,
  faults: FaultList,
): void {
  checkNonNegative(rolling.partition, `${path}.partition`, faults);
  const { maxUnavailable } = rolling;
  if (maxUnavailable === undefined) return;
  checkIntOrPercent(maxUnavailable, `${path}.maxUnavailable`, faults);
  if (saysNone(maxUnavailable)) faults.invalid(`${path}.maxUnavailable`, maxUnavailable, "cannot be 0");
  checkAtMost100Percent(maxUnavailable, `${path}.maxUnavailable`, faults);
}

function checkStrategy({ updateStrategy }: Loose<StatefulSetSpec>, faults: FaultList): void {
  const path = "spec.updateStrategy";
  const rolling = updateStrategy?.rollingUpdate;
  switch (updateStrategy?.type) {
    case undefined:
    case "":
      faults.required(path);
      break;
    case "OnDelete":
      if (rolling !== undefined) {
        faults.invalid(`${path}.rollingUpdate`, rolling, "only allowed for updateStrategy 'RollingUpdate'");
      }
      break;
    case "RollingUpdate":
      if (rolling !== undefined) checkRolling(rolling, `${path}.rollingUpdate`, faults);
      break;
    default:
      faults.invalid(path, updateStrategy, "must be 'RollingUpdate' or 'OnDelete'");
  }
}

function checkManagement({ podManagementPolicy: policy }: Loose<StatefulSetSpec>, faults: FaultList): void {
  const path = "spec.podManagementPolicy";
  if (policy === undefined || policy === "") faults.required(path);
  else if (policy !== "OrderedReady" && policy !== "Parallel") {
    faults.invalid(path, policy, "must be 'OrderedReady' or 'Parallel'");
  }
}

export function checkStatefulSet({ spec = {} }: Loose<StatefulSet>, faults: FaultList): void {
  checkManagement(spec, faults);
  checkStrategy(spec, faults);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of ["whenDeleted", "whenScaled"] as const) {
    const path = `spec.persistentVolumeClaimRetentionPolicy.${field}`;
    faults.optionalOneOf(path, retention?.[field], ["Retain", "Delete"]);
  }
  checkNonNegative(spec.replicas, "spec.replicas", faults);
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  checkNonNegative(spec.ordinals?.start, "spec.ordinals.start", faults);
  const selector = checkSelector(spec.selector, "statefulset", faults);
  checkLastingTemplate(spec.template, { workload: "StatefulSet", selector }, "spec.template", faults);
}

const changeable: Loose<StatefulSetSpec> = {
  replicas: undefined,
  template: undefined,
  updateStrategy: undefined,
  minReadySeconds: undefined,
  ordinals: undefined,
  revisionHistoryLimit: undefined,
  persistentVolumeClaimRetentionPolicy: undefined,
};

export function checkStatefulSetUpdate(
  set: Loose<StatefulSet>,
  old: Loose<StatefulSet>,
  faults: FaultList,
): void {
  if (isSame({ ...set.spec, ...changeable }, { ...old.spec, ...changeable })) return;
  faults.forbidden(
    "spec",
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  );
}

export function checkStatefulSetStatus(
  { status = {} }: Loose<StatefulSet>,
  old: Loose<StatefulSet>,
  faults: FaultList,
): void {
  const counts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
  for (const field of ["replicas", ...counts, "observedGeneration"] as const) {
    checkNonNegative(status[field], `status.${field}`, faults);
  }
  checkCollisions(status.collisionCount, old.status?.collisionCount, faults);
  for (const field of counts) {
    const count = status[field] ?? 0;
    if (count > (status.replicas ?? 0)) {
      faults.invalid(`status.${field}`, count, "cannot be greater than status.replicas");
    }
  }
}

/** The apps group's own rules. upstream: pkg/apis/apps/validation/validation.go */
import { checkLastingTemplate, checkReplicaStatus } from "../core/replication-validation.ts";
import type {
  ControllerRevision,
  DaemonSet,
  DaemonSetSpec,
  Deployment,
  DeploymentSpec,
  ReplicaSet,
  RollingUpdateDaemonSet,
  RollingUpdateDeployment,
} from "../generated/types/apps-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkAtMost100Percent,
  checkImmutable,
  checkIntOrPercent,
  checkNonNegative,
  saysNone,
} from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsLabelFaults } from "../meta/names.ts";
import { checkCollisionCount, checkCollisionsGrow } from "./collision-rule.ts";
import { checkSelector } from "./selector-rule.ts";
import { strategyAsGo } from "./strategy-text.ts";
import {
  checkStatefulSet,
  checkStatefulSetStatus,
  checkStatefulSetUpdate,
} from "./stateful-set-validation.ts";

function checkRollingDeployment(
  rolling: Loose<RollingUpdateDeployment>,
  path: string,
  faults: FaultList,
): void {
  const { maxUnavailable, maxSurge } = rolling;
  checkIntOrPercent(maxUnavailable, `${path}.maxUnavailable`, faults);
  checkIntOrPercent(maxSurge, `${path}.maxSurge`, faults);
  if (saysNone(maxUnavailable) && saysNone(maxSurge)) {
    faults.invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0");
  }
  checkAtMost100Percent(maxUnavailable, `${path}.maxUnavailable`, faults);
}

const rollingFields = ["maxUnavailable", "maxSurge"];

function checkDeploymentStrategy({ strategy }: Loose<DeploymentSpec>, faults: FaultList): void {
  const path = "spec.strategy";
  switch (strategy?.type) {
    case "Recreate":
      if (strategy.rollingUpdate !== undefined) {
        faults.forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'");
      }
      break;
    case "RollingUpdate":
      if (strategy.rollingUpdate === undefined) {
        faults.required(`${path}.rollingUpdate`, "this should be defaulted and never be nil");
      } else checkRollingDeployment(strategy.rollingUpdate, `${path}.rollingUpdate`, faults);
      break;
    case undefined:
    default:
      faults.notSupported(path, strategyAsGo(strategy, rollingFields), ["Recreate", "RollingUpdate"]);
  }
}

function checkDeployment({ spec = {} }: Loose<Deployment>, faults: FaultList): void {
  checkNonNegative(spec.replicas, "spec.replicas", faults);
  const selector = checkSelector(spec.selector, "deployment", faults);
  checkLastingTemplate(spec.template, { workload: "ReplicaSet", selector }, "spec.template", faults);
  checkDeploymentStrategy(spec, faults);
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  checkNonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit", faults);
  const deadline = spec.progressDeadlineSeconds;
  checkNonNegative(deadline, "spec.progressDeadlineSeconds", faults);
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0)) {
    faults.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
  }
}

/** upstream: ValidateDeploymentStatus */
function checkDeploymentStatus(
  { status = {} }: Loose<Deployment>,
  old: Loose<Deployment>,
  faults: FaultList,
): void {
  const counts = [
    "replicas",
    "updatedReplicas",
    "readyReplicas",
    "availableReplicas",
    "unavailableReplicas",
  ] as const;
  for (const field of ["observedGeneration", ...counts, "terminatingReplicas"] as const) {
    checkNonNegative(status[field], `status.${field}`, faults);
  }
  checkCollisionCount(status.collisionCount, faults);
  const most = status.replicas ?? 0;
  for (const field of ["updatedReplicas", "readyReplicas", "availableReplicas"] as const) {
    const count = status[field] ?? 0;
    if (count > most) faults.invalid(`status.${field}`, count, "cannot be greater than status.replicas");
  }
  const available = status.availableReplicas ?? 0;
  if (available > (status.readyReplicas ?? 0)) {
    faults.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas");
  }
  checkCollisionsGrow(status.collisionCount, old.status?.collisionCount, faults);
}

function checkReplicaSet({ spec = {} }: Loose<ReplicaSet>, faults: FaultList): void {
  checkNonNegative(spec.replicas, "spec.replicas", faults);
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  const selector = checkSelector(spec.selector, "deployment", faults);
  checkLastingTemplate(spec.template, { workload: "ReplicaSet", selector }, "spec.template", faults);
}

/** Exactly one of both may say something. upstream: ValidateRollingUpdateDaemonSet */
function checkRollingDaemons(rolling: Loose<RollingUpdateDaemonSet>, path: string, faults: FaultList): void {
  const { maxUnavailable, maxSurge } = rolling;
  for (const [field, value] of Object.entries({ maxUnavailable, maxSurge })) {
    checkIntOrPercent(value, `${path}.${field}`, faults);
  }
  for (const [field, value] of Object.entries({ maxUnavailable, maxSurge })) {
    checkAtMost100Percent(value, `${path}.${field}`, faults);
  }
  const surges = !saysNone(maxSurge);
  if (saysNone(maxUnavailable) && !surges) {
    faults.required(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0");
  } else if (!saysNone(maxUnavailable) && surges) {
    faults.invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero");
  }
}

function checkDaemonStrategy({ updateStrategy }: Loose<DaemonSetSpec>, faults: FaultList): void {
  const path = "spec.updateStrategy";
  if (updateStrategy?.type === "OnDelete") return;
  if (updateStrategy?.type !== "RollingUpdate") {
    const shown = strategyAsGo(updateStrategy, rollingFields);
    faults.notSupported(path, shown, ["RollingUpdate", "OnDelete"]);
  } else if (updateStrategy.rollingUpdate === undefined) faults.required(`${path}.rollingUpdate`);
  else checkRollingDaemons(updateStrategy.rollingUpdate, `${path}.rollingUpdate`, faults);
}

function checkDaemonSet({ spec = {} }: Loose<DaemonSet>, faults: FaultList): void {
  const selector = checkSelector(spec.selector, "daemonset", faults);
  checkLastingTemplate(spec.template, { workload: "DaemonSet", selector }, "spec.template", faults);
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  checkDaemonStrategy(spec, faults);
  checkNonNegative(spec.revisionHistoryLimit, "spec.revisionHistoryLimit", faults);
}

function checkDaemonSetStatus(
  { status = {} }: Loose<DaemonSet>,
  old: Loose<DaemonSet>,
  faults: FaultList,
): void {
  const fields = [
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
  ] as const;
  for (const field of fields) checkNonNegative(status[field], `status.${field}`, faults);
  checkCollisionCount(status.collisionCount, faults);
  checkCollisionsGrow(status.collisionCount, old.status?.collisionCount, faults);
}

function checkRevision({ revision }: Loose<ControllerRevision>, faults: FaultList): void {
  checkNonNegative(revision, "revision", faults);
}

function checkNewRevision({ data }: Loose<ControllerRevision>, faults: FaultList): void {
  if (data === undefined || data === null) faults.required("data", "data is mandatory");
  else if (typeof data !== "object" || Array.isArray(data)) {
    faults.required("data", "data must be a valid JSON object");
  }
}

type WithSelector = Loose<Deployment | ReplicaSet | DaemonSet>;

const fixedSelector = ({ spec }: WithSelector, old: WithSelector, faults: FaultList): void =>
  checkImmutable(spec?.selector, old.spec?.selector, "spec.selector", faults);

export const appsValidations: ValidationsByKind = {
  ControllerRevision: {
    onCreate: checkNewRevision,
    check: checkRevision,
    steps: ["metadata change", "metadata", "rules", "change"],
    onUpdate: ({ data }: Loose<ControllerRevision>, old: Loose<ControllerRevision>, faults) =>
      checkImmutable(data, old.data, "data", faults),
  },
  DaemonSet: { check: checkDaemonSet, onUpdate: fixedSelector, onStatusUpdate: checkDaemonSetStatus },
  Deployment: { check: checkDeployment, onUpdate: fixedSelector, onStatusUpdate: checkDeploymentStatus },
  ReplicaSet: {
    check: checkReplicaSet,
    onUpdate: fixedSelector,
    onStatusUpdate: ({ status }: Loose<ReplicaSet>, _old, faults) => checkReplicaStatus(status, faults),
  },
  StatefulSet: {
    nameFaults: dnsLabelFaults,
    onCreate: checkStatefulSet,
    onUpdate: checkStatefulSetUpdate,
    onStatusUpdate: checkStatefulSetStatus,
    statusSteps: ["change", "metadata change"],
  },
};

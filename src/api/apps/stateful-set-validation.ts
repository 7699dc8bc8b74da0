/** StatefulSets. upstream: pkg/apis/apps/validation/validation.go (ValidateStatefulSetSpec) */
import { checkClaimSpec } from "../core/claim-validation.ts";
import { checkPodTemplate, checkPodTemplateMeta } from "../core/pod-validation.ts";
import { checkLasting, checkTemplateLabels } from "../core/replication-validation.ts";
import type {
  RollingUpdateStatefulSetStrategy,
  StatefulSet,
  StatefulSetSpec,
} from "../generated/types/apps-v1.ts";
import type { PodTemplateSpec } from "../generated/types/core-v1.ts";
import { FaultList } from "../meta/fault-list.ts";
import {
  checkAtMost100Percent,
  checkDnsLabel,
  checkIntOrPercent,
  checkNonNegative,
  isSame,
  saysNone,
} from "../meta/field-rules.ts";
import type { LabelSelector } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { checkCollisionCount, checkCollisionsGrow } from "./collision-rule.ts";
import { checkSelector } from "./selector-rule.ts";
import { asGo, strategyAsGo } from "./strategy-text.ts";

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
        faults.invalid(
          `${path}.rollingUpdate`,
          asGo(rolling, ["partition", "maxUnavailable"]),
          "only allowed for updateStrategy 'RollingUpdate'",
        );
      }
      break;
    case "RollingUpdate":
      if (rolling !== undefined) checkRolling(rolling, `${path}.rollingUpdate`, faults);
      break;
    default:
      faults.invalid(path, strategyAsGo(updateStrategy), "must be 'RollingUpdate' or 'OnDelete'");
  }
}

function checkManagement({ podManagementPolicy: policy }: Loose<StatefulSetSpec>, faults: FaultList): void {
  const path = "spec.podManagementPolicy";
  if (policy === undefined || policy === "") faults.required(path);
  else if (policy !== "OrderedReady" && policy !== "Parallel") {
    faults.invalid(path, policy, "must be 'OrderedReady' or 'Parallel'");
  }
}

/** What isn't looked at in a set that is there already: it can't change, or it was bad before. */
interface Tolerated {
  readonly fixedFields: boolean;
  readonly template: boolean;
}

/** The template as its pods will be: the controller names them, and claims stand in for volumes. */
function templateOf({ template, volumeClaimTemplates = [] }: Loose<StatefulSetSpec>): Loose<PodTemplateSpec> {
  const claims = new Map(
    volumeClaimTemplates.map(({ metadata }) => {
      const name = metadata?.name ?? "";
      return [name, { name, persistentVolumeClaim: { claimName: name } }] as const;
    }),
  );
  const others = (template?.spec?.volumes ?? []).filter(({ name = "" }) => !claims.has(name));
  return {
    ...template,
    spec: {
      ...template?.spec,
      subdomain: undefined,
      hostname: undefined,
      volumes: [...claims.values(), ...others],
    },
  };
}

function checkFixedFields(spec: Loose<StatefulSetSpec>, faults: FaultList): void {
  for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
    checkClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`, faults);
  }
  const service = spec.serviceName ?? "";
  if (service !== "") checkDnsLabel(service, "spec.serviceName", faults);
}

function checkTemplate(
  spec: Loose<StatefulSetSpec>,
  selector: LabelSelector | undefined,
  tolerated: boolean,
  faults: FaultList,
): void {
  const path = "spec.template";
  if (selector !== undefined) {
    const template = templateOf(spec);
    checkTemplateLabels(template, selector, path, faults);
    if (tolerated) checkPodTemplateMeta(template, path, faults);
    else checkPodTemplate(template, path, faults);
  }
  checkLasting(spec.template, "StatefulSet", path, faults);
}

export function checkStatefulSet({ spec = {} }: Loose<StatefulSet>, faults: FaultList): void {
  checkSpec(spec, { fixedFields: false, template: false }, faults);
}

/** upstream: ValidateStatefulSetSpec */
function checkSpec(spec: Loose<StatefulSetSpec>, tolerated: Tolerated, faults: FaultList): void {
  checkManagement(spec, faults);
  checkStrategy(spec, faults);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of ["whenDeleted", "whenScaled"] as const) {
    const path = `spec.persistentVolumeClaimRetentionPolicy.${field}`;
    faults.optionalOneOf(path, retention?.[field], ["Retain", "Delete"]);
  }
  if (!tolerated.fixedFields) checkFixedFields(spec, faults);
  checkNonNegative(spec.replicas, "spec.replicas", faults);
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  checkNonNegative(spec.ordinals?.start, "spec.ordinals.start", faults);
  const selector = checkSelector(spec.selector, "statefulset", faults);
  checkTemplate(spec, selector, tolerated.template, faults);
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
  const before = new FaultList();
  checkSpec(old.spec ?? {}, { fixedFields: true, template: false }, before);
  checkSpec(set.spec ?? {}, { fixedFields: true, template: before.count > 0 }, faults);
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
  checkCollisionCount(status.collisionCount, faults);
  for (const field of counts) {
    const count = status[field] ?? 0;
    if (count > (status.replicas ?? 0)) {
      faults.invalid(`status.${field}`, count, "cannot be greater than status.replicas");
    }
  }
  const available = status.availableReplicas ?? 0;
  if (available > (status.readyReplicas ?? 0)) {
    faults.invalid("status.availableReplicas", available, "cannot be greater than status.readyReplicas");
  }
  checkCollisionsGrow(status.collisionCount, old.status?.collisionCount, faults);
}

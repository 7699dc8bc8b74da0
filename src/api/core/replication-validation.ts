/** ReplicationControllers, and what all workloads say of their pods. upstream: pkg/apis/{core,apps}/validation */
import type { PodTemplateSpec, ReplicationController } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative, isSame } from "../meta/field-rules.ts";
import { selectorOfLabels, type LabelSelector } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { checkPodTemplate } from "./pod-validation.ts";

interface TemplateOf {
  /** As the message about a deadline names it. */
  readonly workload: "ReplicationController" | "ReplicaSet" | "StatefulSet" | "DaemonSet";
  /** Undefined when it can't be understood. */
  readonly selector: LabelSelector | undefined;
}

/** That the pods of a template belong to its workload. */
export function checkTemplateLabels(
  template: Loose<PodTemplateSpec> | undefined,
  selector: LabelSelector | undefined,
  path: string,
  faults: FaultList,
): void {
  const labels = template?.metadata?.labels;
  if (selector !== undefined && !selector.everything && !selector.matches(labels)) {
    faults.invalid(`${path}.metadata.labels`, labels ?? null, "`selector` does not match template `labels`");
  }
}

/** That the pods of a template run for ever. */
export function checkLasting(
  template: Loose<PodTemplateSpec> | undefined,
  workload: TemplateOf["workload"],
  path: string,
  faults: FaultList,
): void {
  const policy = template?.spec?.restartPolicy;
  if (policy !== "Always") faults.notSupported(`${path}.spec.restartPolicy`, policy ?? "", ["Always"]);
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    faults.forbidden(
      `${path}.spec.activeDeadlineSeconds`,
      `activeDeadlineSeconds in ${workload} is not Supported`,
    );
  }
}

/** A template whose pods run for ever and belong to the workload by its selector. */
export function checkLastingTemplate(
  template: Loose<PodTemplateSpec> | undefined,
  { workload, selector }: TemplateOf,
  path: string,
  faults: FaultList,
): void {
  // Of what belongs to nobody knows whom, upstream says nothing more; except of a DaemonSet's.
  if (selector === undefined && workload !== "DaemonSet") return;
  checkTemplateLabels(template, selector, path, faults);
  checkPodTemplate(template, path, faults);
  checkLasting(template, workload, path, faults);
}

interface ReplicaCounts {
  readonly replicas?: number | undefined;
  readonly fullyLabeledReplicas?: number | undefined;
  readonly readyReplicas?: number | undefined;
  readonly availableReplicas?: number | undefined;
  readonly observedGeneration?: number | bigint | undefined;
  readonly terminatingReplicas?: number | undefined;
}

/** upstream: ValidateReplicaSetStatus */
export function checkReplicaStatus(counts: ReplicaCounts | undefined, faults: FaultList): void {
  const status = counts ?? {};
  const fields = [
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
    "terminatingReplicas",
  ] as const;
  for (const field of fields) checkNonNegative(status[field], `status.${field}`, faults);
  for (const field of ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] as const) {
    const count = status[field] ?? 0;
    if (count > (status.replicas ?? 0)) {
      faults.invalid(`status.${field}`, count, "cannot be greater than status.replicas");
    }
  }
  const available = status.availableReplicas ?? 0;
  if (available > (status.readyReplicas ?? 0)) {
    faults.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas");
  }
}

export function checkReplicationController(
  { spec = {} }: Loose<ReplicationController>,
  faults: FaultList,
): void {
  checkNonNegative(spec.minReadySeconds, "spec.minReadySeconds", faults);
  if (Object.keys(spec.selector ?? {}).length === 0) faults.required("spec.selector");
  checkNonNegative(spec.replicas, "spec.replicas", faults);
  if (spec.template === undefined) {
    faults.required("spec.template");
    return;
  }
  const selector = selectorOfLabels(spec.selector);
  checkLastingTemplate(
    spec.template,
    { workload: "ReplicationController", selector },
    "spec.template",
    faults,
  );
}

const unconverted = "non-convertible.kubernetes.io";

/** What another version said and this one can't may not be lost, says an annotation. upstream: rcStrategy.ValidateUpdate */
export function checkReplicationControllerUpdate(
  { spec }: Loose<ReplicationController>,
  old: Loose<ReplicationController>,
  faults: FaultList,
): void {
  for (const [key, value] of Object.entries(old.metadata?.annotations ?? {})) {
    const field = key.split("/")[1];
    if (!key.startsWith(unconverted) || field === undefined) continue;
    if (!field.includes("selector")) faults.notFound(field, value, "unknown non-convertible field");
    else if (!isSame(spec?.selector, old.spec?.selector)) {
      faults.invalid("spec.selector", spec?.selector ?? null, "cannot update non-convertible selector");
    }
  }
}

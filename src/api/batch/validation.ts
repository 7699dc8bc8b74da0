/** Jobs. upstream: pkg/apis/batch/validation/validation.go */
import { podTemplateAsGo } from "../core/go-shapes.ts";
import { checkPodTemplate } from "../core/pod-validation.ts";
import type { PodTemplateSpec } from "../generated/types/core-v1.ts";
import type { CronJob, CronJobSpec, Job, JobSpec } from "../generated/types/batch-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkDomainPrefixedPath,
  checkImmutable,
  checkLabelSelector,
  checkNonNegative,
  immutableMessage,
  isSame,
} from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import { SelectorError, selectorOf, type Labels, type LabelSelectorSpec } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, dnsLabelFaults, maxLengthMessage } from "../meta/names.ts";
import { isTimeZone, scheduleFault } from "./cron-schedule.ts";
import { checkFailurePolicy, checkSuccessPolicy } from "./policy-validation.ts";
import { checkJobStatus } from "./status-validation.ts";

const indexedParallelismMax = 100_000;
const failedIndexesMax = 100_000;
const completionsSoftMax = 100_000;
const manyMax = 10_000;
const managerLengthMax = 63;
/** Ten less than a job's: what is appended to the names of its jobs. */
const cronJobNameMax = 52;

function checkRestartPolicy(
  { template, podFailurePolicy }: Loose<JobSpec>,
  path: string,
  faults: FaultList,
): void {
  const policy = template?.spec?.restartPolicy ?? "";
  const at = `${path}.template.spec.restartPolicy`;
  if (policy === "Always") {
    // Defaulted: nobody said anything.
    faults.required(at, 'valid values: "OnFailure", "Never"');
  } else if (policy !== "OnFailure" && policy !== "Never") {
    faults.notSupported(at, policy, ["OnFailure", "Never"]);
  } else if (podFailurePolicy !== undefined && policy !== "Never") {
    faults.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

function checkCounts(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  const fields = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ] as const;
  for (const field of fields) checkNonNegative(spec[field], `${path}.${field}`, faults);
}

/** What only jobs with indexes may have. */
function checkWithoutIndexes(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"] as const) {
    const value = spec[field];
    if (value !== undefined) faults.invalid(`${path}.${field}`, value, "requires indexed completion mode");
  }
}

function checkMostFailed(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  const { completions, maxFailedIndexes: most } = spec;
  const at = `${path}.maxFailedIndexes`;
  if (most === undefined) return;
  if (completions !== undefined && most > completions) {
    faults.invalid(at, most, "must be less than or equal to completions");
  }
  if (most > failedIndexesMax) faults.invalid(at, most, `must be less than or equal to ${failedIndexesMax}`);
}

/** Many completions, each with its own backoff, must stay few at a time. */
function checkManyCompletions(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  const { completions = 0, parallelism = 0, maxFailedIndexes: most } = spec;
  if (completions <= completionsSoftMax || spec.backoffLimitPerIndex === undefined) return;
  if (most === undefined) {
    faults.required(
      `${path}.maxFailedIndexes`,
      `must be specified when completions is above ${completionsSoftMax}`,
    );
  }
  const detail = `must be less than or equal to ${manyMax} when completions are above ${completionsSoftMax} and used with backoff limit per index`;
  if (parallelism > manyMax) faults.invalid(`${path}.parallelism`, parallelism, detail);
  if (most !== undefined && most > manyMax) faults.invalid(`${path}.maxFailedIndexes`, most, detail);
}

function checkMode(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  faults.optionalOneOf(`${path}.completionMode`, spec.completionMode, ["NonIndexed", "Indexed"]);
  if (spec.completionMode !== "Indexed") {
    checkWithoutIndexes(spec, path, faults);
    return;
  }
  if (spec.completions === undefined) {
    faults.required(`${path}.completions`, "when completion mode is Indexed");
  }
  const { parallelism = 0 } = spec;
  if (parallelism > indexedParallelismMax) {
    faults.invalid(
      `${path}.parallelism`,
      parallelism,
      `must be less than or equal to ${indexedParallelismMax} when completion mode is Indexed`,
    );
  }
  checkMostFailed(spec, path, faults);
  checkManyCompletions(spec, path, faults);
}

function checkManager(manager: string | undefined, path: string, faults: FaultList): void {
  if (manager === undefined) return;
  checkDomainPrefixedPath(manager, path, faults);
  if (Buffer.byteLength(manager) > managerLengthMax) faults.tooLong(path, managerLengthMax);
}

/** upstream: validateJobSpec, its parts in its order. */
function checkJobSpec(spec: Loose<JobSpec>, path: string, faults: FaultList): void {
  checkCounts(spec, path, faults);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    faults.required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified");
  }
  checkManager(spec.managedBy, `${path}.managedBy`, faults);
  checkMode(spec, path, faults);
  checkFailurePolicy(spec, path, faults);
  checkSuccessPolicy(spec, path, faults);
  const replacement = spec.podReplacementPolicy;
  const allowed = spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  faults.optionalOneOf(`${path}.podReplacementPolicy`, replacement, allowed);
  checkPodTemplate(spec.template, `${path}.template`, faults);
  checkRestartPolicy(spec, path, faults);
}

/** The selector is generated before this, unless the user wants to choose it. */
function checkSelector({ selector, template }: Loose<JobSpec>, faults: FaultList): void {
  if (selector === undefined) {
    faults.required("spec.selector");
    return;
  }
  checkLabelSelector(selector, "spec.selector", faults);
  const labels = template?.metadata?.labels;
  if (isMatch(selector, labels)) return;
  faults.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
}

/** A selector that can't be read has been found fault with. */
function isMatch(selector: LabelSelectorSpec, labels: Labels | undefined): boolean {
  try {
    return selectorOf(selector).matches(labels);
  } catch (error) {
    if (error instanceof SelectorError) return true;
    throw error;
  }
}

const labelPrefix = "batch.kubernetes.io/";

function checkTemplateLabel(labels: Labels | undefined, key: string, value: string, faults: FaultList): void {
  const path = `spec.template.metadata.labels[${key}]`;
  const given = labels?.[key];
  if (given === undefined) faults.required(path, `must be '${value}'`);
  else if (given !== value) faults.invalid(path, labels, `must be '${value}'`);
}

/** Jobs of before 1.27 lack them. */
function hasPrefixedLabels({ spec }: Loose<Job>): boolean {
  const labels = spec?.template?.metadata?.labels ?? {};
  return ["job-name", "controller-uid"].every((key) => labels[`${labelPrefix}${key}`] !== undefined);
}

/** A job made from another's manifest brings the labels of that. upstream: validateGeneratedSelector */
function checkGeneratedSelector({ metadata, spec }: Loose<Job>, faults: FaultList, old?: Loose<Job>): void {
  if (spec?.manualSelector === true || spec?.selector === undefined) return;
  const { uid = "", name = "" } = metadata ?? {};
  if (uid === "") faults.required("metadata.uid");
  const generated: Record<string, string> = {
    "controller-uid": uid,
    "job-name": name,
  };
  if (old === undefined || hasPrefixedLabels(old)) {
    generated[`${labelPrefix}controller-uid`] = uid;
    generated[`${labelPrefix}job-name`] = name;
  }
  const labels = spec.template?.metadata?.labels;
  for (const [key, value] of Object.entries(generated)) checkTemplateLabel(labels, key, value, faults);
  if (!isMatch(spec.selector, generated)) {
    faults.invalid("spec.selector", spec.selector, "`selector` not auto-generated");
  }
}

/** Every pod's hostname is the job's name with its index. */
function checkHostname({ metadata, spec }: Loose<Job>, faults: FaultList): void {
  const { completionMode, completions = 0 } = spec ?? {};
  if (completionMode !== "Indexed" || completions <= 0) return;
  const name = metadata?.name ?? "";
  const hostname = `${name}-${completions - 1}`;
  if (dnsLabelFaults(hostname).length === 0) return;
  faults.invalid("metadata.name", name, `will not able to create pod with invalid DNS label: ${hostname}`);
}

/** upstream: ValidateJob */
function checkWholeJob(job: Loose<Job>, faults: FaultList, old?: Loose<Job>): void {
  checkGeneratedSelector(job, faults, old);
  checkJob(job, faults);
  checkHostname(job, faults);
}

function checkJob({ spec = {} }: Loose<Job>, faults: FaultList): void {
  checkJobSpec(spec, "spec", faults);
  checkSelector(spec, faults);
}

type Template = Loose<PodTemplateSpec> | undefined;

/** A job that waits to be let go may still be told where to run. */
function withPlacement(template: Template, from: Template): Template {
  if (template === undefined) return undefined;
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: from?.metadata?.labels,
      annotations: from?.metadata?.annotations,
    },
    spec: {
      ...template.spec,
      affinity: withNodeAffinity(template.spec?.affinity, from?.spec?.affinity),
      nodeSelector: from?.spec?.nodeSelector,
      tolerations: from?.spec?.tolerations,
      schedulingGates: from?.spec?.schedulingGates,
    },
  };
}

type Affinity = NonNullable<NonNullable<Template>["spec"]>["affinity"];

function withNodeAffinity(affinity: Affinity, from: Affinity): Affinity {
  const { nodeAffinity: _, ...others } = affinity ?? {};
  const nodeAffinity = from?.nodeAffinity;
  if (nodeAffinity === undefined) return Object.keys(others).length === 0 ? from : others;
  return { ...others, nodeAffinity };
}

/** A job with indexes may grow or shrink, if it runs all of them at once. */
function checkCompletions(spec: Loose<JobSpec>, before: Loose<JobSpec>, faults: FaultList): void {
  const { completions } = spec;
  const path = "spec.completions";
  if (spec.completionMode !== "Indexed") checkImmutable(completions, before.completions, path, faults);
  else if (
    completions !== undefined &&
    completions !== before.completions &&
    completions !== spec.parallelism
  ) {
    faults.invalid(path, completions, "can only be modified in tandem with spec.parallelism");
  }
}

/** The spec is looked at again. upstream: ValidateJobUpdate */
function checkJobUpdate(job: Loose<Job>, old: Loose<Job>, faults: FaultList): void {
  const spec = job.spec ?? {};
  const before = old.spec ?? {};
  checkJob(job, faults);
  checkCompletions(spec, before, faults);
  checkImmutable(spec.selector, before.selector, "spec.selector", faults);
  const waits = before.suspend === true && old.status?.startTime === undefined;
  const template = waits ? withPlacement(spec.template, before.template) : spec.template;
  if (!isSame(template, before.template)) {
    faults.invalid("spec.template", podTemplateAsGo(spec.template ?? {}), immutableMessage);
  }
  for (const field of [
    "completionMode",
    "podFailurePolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "successPolicy",
  ] as const) {
    checkImmutable(spec[field], before[field], `spec.${field}`, faults);
  }
}

function checkTimeZone(name: string | undefined, faults: FaultList): void {
  if (name === undefined) return;
  if (name === "") {
    faults.invalid("spec.timeZone", name, "timeZone must be nil or non-empty string");
    return;
  }
  if (name.toLowerCase() === "local") {
    faults.invalid(
      "spec.timeZone",
      name,
      "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
    );
  }
  // Which Go knows, by that name exactly.
  if (name !== "Local" && !isTimeZone(name)) {
    faults.invalid("spec.timeZone", name, `unknown time zone ${name}`);
  }
}

/** A zone within the schedule is of old, and stays where it is. */
function checkSchedule(
  { schedule = "", timeZone }: Loose<CronJobSpec>,
  old: string,
  faults: FaultList,
): void {
  const path = "spec.schedule";
  if (schedule === "") {
    faults.required(path);
    return;
  }
  const fault = scheduleFault(schedule);
  if (fault !== undefined) faults.invalid(path, schedule, fault);
  if (!schedule.includes("TZ")) return;
  if (!old.includes("TZ")) {
    faults.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  } else if (timeZone !== undefined) {
    faults.invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
  }
}

/** upstream: validateCronJobSpec */
function checkCronJob(
  { spec = {} }: Loose<CronJob>,
  old: Loose<CronJob> | undefined,
  faults: FaultList,
): void {
  checkSchedule(spec, old?.spec?.schedule ?? "", faults);
  checkNonNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds", faults);
  if (old === undefined || spec.timeZone !== old.spec?.timeZone) checkTimeZone(spec.timeZone, faults);
  faults.oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
  const inner = spec.jobTemplate?.spec ?? {};
  checkJobSpec(inner, "spec.jobTemplate.spec", faults);
  if (inner.selector !== undefined) {
    faults.invalid("spec.jobTemplate.spec.selector", inner.selector, "`selector` will be auto-generated");
  }
  if (inner.manualSelector === true) {
    faults.notSupported("spec.jobTemplate.spec.manualSelector", true, ["nil", "false"]);
  }
  for (const field of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] as const) {
    checkNonNegative(spec[field], `spec.${field}`, faults);
  }
}

function cronJobNameFaults(name: string): readonly string[] {
  const faults = dnsSubdomainFaults(name);
  return name.length > cronJobNameMax ? [...faults, maxLengthMessage(cronJobNameMax)] : faults;
}

export const batchValidations: ValidationsByKind = {
  CronJob: {
    nameFaults: cronJobNameFaults,
    onCreate: (job: Loose<CronJob>, faults) => checkCronJob(job, undefined, faults),
    onUpdate: checkCronJob,
    statusSteps: [],
  },
  Job: {
    check: checkWholeJob,
    onUpdate: checkJobUpdate,
    steps: ["metadata", "rules", "metadata change", "change"],
    onStatusUpdate: checkJobStatus,
  },
};

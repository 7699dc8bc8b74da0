/** Jobs. upstream: pkg/apis/batch/validation/validation.go */
import { checkPodTemplate } from "../core/pod-validation.ts";
import type { PodTemplateSpec } from "../generated/types/core-v1.ts";
import type { CronJob, Job, JobSpec } from "../generated/types/batch-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import {
  checkDomainPrefixedPath,
  checkImmutable,
  checkLabelSelector,
  checkNonNegative,
} from "../meta/field-rules.ts";
import type { ValidationsByKind } from "../meta/kind-validation.ts";
import { SelectorError, selectorOf } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import { dnsSubdomainFaults, dnsLabelFaults, maxLengthMessage } from "../meta/names.ts";
import { scheduleFault } from "./cron-schedule.ts";
import { checkFailurePolicy, checkSuccessPolicy } from "./policy-validation.ts";

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
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    faults.required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified");
  }
  faults.optionalOneOf(`${path}.completionMode`, spec.completionMode, ["Indexed", "NonIndexed"]);
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
  checkMode(spec, path, faults);
  checkManager(spec.managedBy, `${path}.managedBy`, faults);
  checkPodTemplate(spec.template, `${path}.template`, faults);
  checkRestartPolicy(spec, path, faults);
  checkFailurePolicy(spec, path, faults);
  checkSuccessPolicy(spec, path, faults);
  const replacement = spec.podReplacementPolicy;
  const allowed = spec.podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  faults.optionalOneOf(`${path}.podReplacementPolicy`, replacement, allowed);
}

/** The selector is generated before this, unless the user wants to choose it. */
function checkSelector({ selector, template }: Loose<JobSpec>, faults: FaultList): void {
  if (selector === undefined) {
    faults.required("spec.selector");
    return;
  }
  checkLabelSelector(selector, "spec.selector", faults);
  try {
    const labels = template?.metadata?.labels;
    if (!selectorOf(selector).matches(labels)) {
      faults.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`");
    }
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
  }
}

function checkJobCreate({ metadata, spec = {} }: Loose<Job>, faults: FaultList): void {
  const { completionMode, completions = 0 } = spec;
  if (completionMode === "Indexed" && completions > 0) {
    // Every pod's hostname is the job's name with its index.
    const hostname = `${metadata?.name ?? ""}-${completions - 1}`;
    for (const detail of dnsLabelFaults(hostname)) {
      faults.invalid(
        "metadata.name",
        metadata?.name ?? "",
        `will not able to create pod with invalid DNS label ${JSON.stringify(hostname)}: ${detail}`,
      );
    }
  }
}

function checkJob({ spec = {} }: Loose<Job>, faults: FaultList): void {
  checkSelector(spec, faults);
  checkJobSpec(spec, "spec", faults);
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
      affinity: from?.spec?.affinity,
      nodeSelector: from?.spec?.nodeSelector,
      tolerations: from?.spec?.tolerations,
      schedulingGates: from?.spec?.schedulingGates,
    },
  };
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

function checkJobUpdate(job: Loose<Job>, old: Loose<Job>, faults: FaultList): void {
  const spec = job.spec ?? {};
  const before = old.spec ?? {};
  checkCompletions(spec, before, faults);
  checkImmutable(spec.selector, before.selector, "spec.selector", faults);
  const waits = before.suspend === true && old.status?.startTime === undefined;
  const template = waits ? withPlacement(spec.template, before.template) : spec.template;
  checkImmutable(template, before.template, "spec.template", faults);
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

function checkJobStatus({ spec, status = {} }: Loose<Job>, old: Loose<Job>, faults: FaultList): void {
  for (const field of ["active", "succeeded", "failed", "ready", "terminating"] as const) {
    checkNonNegative(status[field], `status.${field}`, faults);
  }
  const { failed = 0, succeeded = 0 } = status;
  const { failed: failedBefore = 0, succeeded: succeededBefore = 0 } = old.status ?? {};
  if (failed < failedBefore) faults.invalid("status.failed", failed, "cannot decrease the failed counter");
  const isElastic = spec?.completionMode === "Indexed" && spec.completions === spec.parallelism;
  if (succeeded < succeededBefore && !isElastic) {
    faults.invalid("status.succeeded", succeeded, "cannot decrease the succeeded counter");
  }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function checkTimeZone(name: string | undefined, faults: FaultList): void {
  if (name === undefined) return;
  if (name === "") {
    faults.invalid("spec.timeZone", name, "timeZone must be nil or non-empty string");
  } else if (name.toLowerCase() === "local") {
    faults.invalid(
      "spec.timeZone",
      name,
      "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
    );
  } else if (!isTimeZone(name)) faults.invalid("spec.timeZone", name, `unknown time zone ${name}`);
}

function checkSchedule(schedule: string, hasTimeZone: boolean, faults: FaultList): void {
  if (schedule === "") {
    faults.required("spec.schedule");
    return;
  }
  const fault = scheduleFault(schedule);
  if (fault !== undefined) faults.invalid("spec.schedule", schedule, fault);
  if (!schedule.includes("TZ")) return;
  faults.invalid(
    "spec.schedule",
    schedule,
    hasTimeZone
      ? "cannot use both timeZone field and TZ or CRON_TZ in schedule"
      : "cannot use TZ or CRON_TZ in schedule, use timeZone field instead",
  );
}

function checkCronJob({ spec = {} }: Loose<CronJob>, faults: FaultList): void {
  checkSchedule(spec.schedule ?? "", spec.timeZone !== undefined, faults);
  checkNonNegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds", faults);
  checkTimeZone(spec.timeZone, faults);
  faults.oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
  const inner = spec.jobTemplate?.spec ?? {};
  if (inner.selector !== undefined && inner.manualSelector !== true) {
    faults.invalid("spec.jobTemplate.spec.selector", inner.selector, "`selector` will be auto-generated");
  }
  if (inner.manualSelector === true) {
    faults.notSupported("spec.jobTemplate.spec.manualSelector", true, ["nil", "false"]);
  }
  checkJobSpec(inner, "spec.jobTemplate.spec", faults);
  for (const field of ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] as const) {
    checkNonNegative(spec[field], `spec.${field}`, faults);
  }
}

function cronJobNameFaults(name: string): readonly string[] {
  const faults = dnsSubdomainFaults(name);
  return name.length > cronJobNameMax ? [...faults, maxLengthMessage(cronJobNameMax)] : faults;
}

export const batchValidations: ValidationsByKind = {
  CronJob: { nameFaults: cronJobNameFaults, check: checkCronJob },
  Job: {
    check: checkJob,
    onCreate: checkJobCreate,
    onUpdate: checkJobUpdate,
    onStatusUpdate: checkJobStatus,
  },
};

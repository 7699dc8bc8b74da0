/**
 * What a job's status may say. Most rules are asked only when what they are about has changed, so that a controller
 * can still mend what an edit of the spec has just made wrong.
 * upstream: pkg/apis/batch/validation/validation.go (validateJobStatus, ValidateJobStatusUpdate),
 * pkg/registry/batch/job/strategy.go (getStatusValidationOptions)
 */
import type { Job, JobStatus, UncountedTerminatedPods } from "../generated/types/batch-v1.ts";
import { omitted } from "../meta/field-error.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative, immutableMessage, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { checkIndexes, overlapOf } from "./index-intervals.ts";

type Status = Loose<JobStatus>;

const hasCondition = (status: Status, type: string, value = "True"): boolean =>
  status.conditions?.some((one) => one.type === type && one.status === value) === true;
const isComplete = (status: Status): boolean => hasCondition(status, "Complete");
const isFailed = (status: Status): boolean => hasCondition(status, "Failed");
const isFinished = (status: Status): boolean => isComplete(status) || isFailed(status);
const isMet = (status: Status): boolean => hasCondition(status, "SuccessCriteriaMet");
const isToFail = (status: Status): boolean => hasCondition(status, "FailureTarget");

/** One write of a status. */
class Change {
  readonly job: Loose<Job>;
  readonly status: Status;
  readonly old: Status;

  constructor(job: Loose<Job>, old: Loose<Job>) {
    this.job = job;
    this.status = job.status ?? {};
    this.old = old.status ?? {};
  }

  /** Whether one of these questions has another answer now. */
  of(...asked: readonly ((status: Status) => unknown)[]): boolean {
    return asked.some((ask) => !isSame(ask(this.status), ask(this.old)));
  }
}

const conditionsPath = "status.conditions";

function checkCounts(status: Status, faults: FaultList): void {
  for (const field of ["active", "succeeded", "failed", "ready", "terminating"] as const) {
    checkNonNegative(status[field], `status.${field}`, faults);
  }
  checkUncounted(status.uncountedTerminatedPods, "status.uncountedTerminatedPods", faults);
}

function checkUncounted(
  uncounted: Loose<UncountedTerminatedPods> | undefined,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const field of ["succeeded", "failed"] as const) {
    for (const [index, uid] of (uncounted?.[field] ?? []).entries()) {
      const at = `${path}.${field}[${index}]`;
      if (uid === "") faults.invalid(at, uid, "must not be empty");
      else if (seen.has(uid)) faults.duplicate(at, uid);
      seen.add(uid);
    }
  }
}

function checkCompletionTime(change: Change, faults: FaultList): void {
  const { status } = change;
  const { completionTime, startTime } = status;
  const path = "status.completionTime";
  const asksForTime = change.of(isComplete, (one) => one.completionTime);
  if (asksForTime && completionTime !== undefined && !isComplete(status)) {
    faults.invalid(
      path,
      completionTime,
      "cannot set completionTime when there is no Complete=True condition",
    );
  }
  if (asksForTime && completionTime === undefined && isComplete(status)) {
    faults.required(path, "completionTime is required for Complete jobs");
  }
  const areTimesNew = change.of(
    (one) => one.startTime,
    (one) => one.completionTime,
  );
  if (!areTimesNew || completionTime === undefined || startTime === undefined) return;
  // Both in UTC and to the second, as decoding leaves them.
  if (completionTime < startTime) {
    faults.invalid(path, completionTime, "must be equal to or after `startTime`");
  }
}

function checkEndConditions(change: Change, faults: FaultList): void {
  const { status } = change;
  const refuse = (detail: string): void => faults.invalid(conditionsPath, omitted, detail);
  if (change.of(isComplete, isFailed) && isComplete(status) && isFailed(status)) {
    refuse("cannot set Complete=True and Failed=true conditions");
  }
  if (change.of(isComplete, isToFail) && isComplete(status) && isToFail(status)) {
    refuse("cannot set Complete=True and FailureTarget=true conditions");
  }
  checkCompletionTime(change, faults);
  const isFailureNew = change.of(isFailed, (one) => one.failedIndexes);
  if (isFailureNew && isFailed(status) && !isToFail(status)) {
    refuse("cannot set Failed=True condition without the FailureTarget=true condition");
  }
  if (change.of(isComplete, isMet) && isComplete(status) && !isMet(status)) {
    refuse("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  }
}

const hasUncounted = ({ uncountedTerminatedPods: uncounted }: Status): boolean =>
  (uncounted?.succeeded ?? []).length + (uncounted?.failed ?? []).length > 0;

function checkFinished(change: Change, faults: FaultList): void {
  const { status, job } = change;
  if (!isFinished(status)) return;
  const { active = 0, startTime, uncountedTerminatedPods: uncounted } = status;
  if (change.of(isFinished, (one) => one.active ?? 0) && active > 0) {
    faults.invalid("status.active", active, "active>0 is invalid for finished job");
  }
  const neverRan = job.spec?.suspend === true && job.spec.completions === 0;
  if (change.of(isFinished, (one) => one.startTime) && startTime === undefined && !neverRan) {
    faults.required("status.startTime", "startTime is required for finished job");
  }
  if (change.of(isFinished, (one) => one.uncountedTerminatedPods) && hasUncounted(status)) {
    faults.invalid("status.uncountedTerminatedPods", uncounted, "must be empty for finished job");
  }
}

function checkIndexesOf(
  field: "completedIndexes" | "failedIndexes",
  { status, job }: Change,
  faults: FaultList,
): void {
  const completions = job.spec?.completions;
  const text = status[field];
  if (completions === undefined || text === undefined) return;
  const result = checkIndexes(text, completions);
  if (typeof result === "number") return;
  faults.invalid(`status.${field}`, text, `error parsing ${field}: ${result.fault}`);
}

function checkAllIndexes(change: Change, faults: FaultList): void {
  const { spec = {} } = change.job;
  const { completedIndexes: completed = "", failedIndexes: failed } = change.status;
  const areCompletedNew = change.of((one) => one.completedIndexes ?? "");
  const areFailedNew = change.of((one) => one.failedIndexes);
  if (areCompletedNew) checkIndexesOf("completedIndexes", change, faults);
  if (areFailedNew && spec.backoffLimitPerIndex !== undefined) {
    checkIndexesOf("failedIndexes", change, faults);
  }
  if (areCompletedNew && completed !== "" && spec.completionMode !== "Indexed") {
    const detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
    faults.invalid("status.completedIndexes", completed, detail);
  }
  if (areFailedNew && failed !== undefined && spec.backoffLimitPerIndex === undefined) {
    const detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
    faults.invalid("status.failedIndexes", failed, detail);
  }
  if (!areCompletedNew && !areFailedNew) return;
  checkOverlap(completed, failed, spec.completions, faults);
}

function checkOverlap(
  completed: string,
  failed: string | undefined,
  completions: number | undefined,
  faults: FaultList,
): void {
  if (failed === undefined || completions === undefined) return;
  const overlap = overlapOf(completed, failed, completions);
  if (overlap === undefined) return;
  const detail = `failedIndexes and completedIndexes overlap at index: ${overlap}`;
  faults.invalid("status.failedIndexes", failed, detail);
}

function checkPods(change: Change, faults: FaultList): void {
  const { active = 0, ready = 0, terminating = 0 } = change.status;
  const isEndNew = change.of(isFinished, (one) => one.terminating);
  if (isEndNew && isFinished(change.status) && terminating > 0) {
    faults.invalid("status.terminating", terminating, "terminating>0 is invalid for finished job");
  }
  const areCountsNew = change.of(
    (one) => one.ready,
    (one) => one.active ?? 0,
  );
  if (areCountsNew && ready > active) {
    faults.invalid("status.ready", ready, "cannot set more ready pods than active");
  }
}

function checkSuccess({ status, job }: Change, faults: FaultList): void {
  const refuse = (detail: string): void => faults.invalid(conditionsPath, omitted, detail);
  if (isMet(status) && isFailed(status)) {
    refuse("cannot set SuccessCriteriaMet=True and Failed=true conditions");
  }
  if (isMet(status) && isToFail(status)) {
    refuse("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
  }
  if (job.spec?.successPolicy !== undefined && !isMet(status) && isComplete(status)) {
    refuse("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  }
}

/** An end is an end, and counters only rise, but for a job that may shrink. */
function checkProgress({ job, status, old }: Change, faults: FaultList): void {
  for (const type of ["Failed", "Complete", "FailureTarget"]) {
    if (!hasCondition(old, type) || hasCondition(status, type)) continue;
    faults.invalid(conditionsPath, omitted, `cannot disable the terminal ${type}=True condition`);
  }
  const { completionMode, completions, parallelism } = job.spec ?? {};
  const mayShrink = completionMode === "Indexed" && completions === parallelism;
  for (const field of ["failed", "succeeded"] as const) {
    const now = status[field] ?? 0;
    if (now >= (old[field] ?? 0) || (field === "succeeded" && mayShrink)) continue;
    faults.invalid(`status.${field}`, now, `cannot decrease the ${field} counter`);
  }
}

function checkTimes(change: Change, faults: FaultList): void {
  const { status, old, job } = change;
  const { completionTime } = status;
  if (completionTime !== undefined && old.completionTime !== undefined) {
    if (change.of((one) => one.completionTime)) {
      faults.invalid("status.completionTime", completionTime, immutableMessage);
    }
  }
  const isResumed = hasCondition(old, "Suspended") && hasCondition(status, "Suspended", "False");
  if (old.startTime === undefined || isResumed || job.spec?.suspend === true) return;
  if (change.of((one) => one.startTime)) {
    faults.required("status.startTime", "startTime cannot be removed for unsuspended job");
  }
}

function checkCriteria({ status, old }: Change, faults: FaultList): void {
  if (isMet(old) && !isMet(status)) {
    faults.invalid(conditionsPath, omitted, "cannot disable the SuccessCriteriaMet=True condition");
  }
  if (isComplete(old) && !isMet(old) && isMet(status)) {
    const detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
    faults.invalid(conditionsPath, omitted, detail);
  }
}

export function checkJobStatus(job: Loose<Job>, old: Loose<Job>, faults: FaultList): void {
  const change = new Change(job, old);
  checkCounts(change.status, faults);
  checkEndConditions(change, faults);
  checkFinished(change, faults);
  checkAllIndexes(change, faults);
  checkPods(change, faults);
  checkSuccess(change, faults);
  checkProgress(change, faults);
  checkTimes(change, faults);
  checkCriteria(change, faults);
}

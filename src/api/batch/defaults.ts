/** Defaults of the batch group; a Job's selector and labels are its strategy's. upstream: pkg/apis/batch/v1/defaults.go */
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import type { CronJob, Job, JobSpec, PodFailurePolicy } from "../generated/types/batch-v1.ts";
import type { DefaultsByKind, Loose } from "../meta/loose.ts";

/** With a limit per index, the whole job has none. */
const unlimited = 2 ** 31 - 1;

function defaultCounts(spec: Loose<JobSpec>): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : unlimited;
}

function defaultFailurePolicy(policy: Loose<PodFailurePolicy> | undefined): void {
  for (const { onPodConditions } of policy?.rules ?? []) {
    for (const pattern of onPodConditions ?? []) pattern.status ||= "True";
  }
}

function defaultReplacement(spec: Loose<JobSpec>): void {
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed";
}

function defaultJob(job: Loose<Job>): void {
  const spec = (job.spec ??= {});
  defaultCounts(spec);
  const labels = spec.template?.metadata?.labels;
  const own = Object.keys(job.metadata?.labels ?? {}).length;
  if (own === 0 && labels !== undefined) job.metadata = { ...job.metadata, labels: { ...labels } };
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  defaultFailurePolicy(spec.podFailurePolicy);
  defaultReplacement(spec);
  spec.manualSelector ??= false;
  defaultPodTemplate((spec.template ??= {}));
}

/** The job inside stays as it is until it is created, but for its pods. */
function defaultCronJob(job: Loose<CronJob>): void {
  const spec = (job.spec ??= {});
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  const inner = ((spec.jobTemplate ??= {}).spec ??= {});
  defaultFailurePolicy(inner.podFailurePolicy);
  defaultPodTemplate((inner.template ??= {}));
}

export const batchDefaults: DefaultsByKind = { CronJob: defaultCronJob, Job: defaultJob };

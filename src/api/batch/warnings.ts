/** What jobs are warned of. upstream: pkg/api/job/warnings.go, pkg/registry/batch */
import { ownerNameWarnings, podTemplateWarnings } from "../core/pod-warnings.ts";
import type { CronJob, Job, JobSpec } from "../generated/types/batch-v1.ts";
import { isNewGeneration, type WarningsByKind } from "../meta/kind-warnings.ts";
import type { Loose } from "../meta/loose.ts";

const completionsSoftMax = 100_000;
const parallelismSoftMax = 10_000;

function jobSpecWarnings(spec: Loose<JobSpec>, path: string): string[] {
  const isHuge =
    spec.completionMode === "Indexed" &&
    (spec.completions ?? 0) > completionsSoftMax &&
    (spec.parallelism ?? 0) > parallelismSoftMax;
  const warnings = isHuge
    ? [
        `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail`,
      ]
    : [];
  return [...warnings, ...podTemplateWarnings(spec.template, `${path}.template`)];
}

const jobWarnings = ({ spec }: Loose<Job>): string[] => jobSpecWarnings(spec ?? {}, "spec");

const cronJobWarnings = ({ spec }: Loose<CronJob>): string[] =>
  jobSpecWarnings(spec?.jobTemplate?.spec ?? {}, "spec.jobTemplate.spec");

const zoneWarnings = ({ spec }: Loose<CronJob>): string[] =>
  (spec?.schedule ?? "").includes("TZ")
    ? [
        "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
      ]
    : [];

export const batchWarnings: WarningsByKind = {
  CronJob: {
    onCreate: (job: Loose<CronJob>) => [...ownerNameWarnings(job.metadata?.name), ...cronJobWarnings(job)],
    onUpdate: (job: Loose<CronJob>, old: Loose<CronJob>) => [
      ...(isNewGeneration(job, old) ? cronJobWarnings(job) : []),
      ...zoneWarnings(job),
    ],
  },
  Job: {
    onCreate: (job: Loose<Job>) => [...ownerNameWarnings(job.metadata?.name), ...jobWarnings(job)],
    onUpdate: jobWarnings,
    onlyNewGenerations: true,
  },
};

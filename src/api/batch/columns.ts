/** Jobs in tables. upstream: pkg/printers/internalversion/printers.go */
import { parseTime } from "#base/clock.ts";
import type { CronJob, Job } from "../generated/types/batch-v1.ts";
import { ageSince, humanDuration } from "../meta/duration.ts";
import { formatSelector } from "../meta/labels.ts";
import type { Loose } from "../meta/loose.ts";
import {
  ageOf,
  columns,
  containerCells,
  nameOf,
  orEmpty,
  type Cell,
  type PrintersByKind,
} from "../meta/printer.ts";

function completionsText({ spec, status }: Loose<Job>): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText({ status }: Loose<Job>, nowMs: number): string {
  if (status?.startTime === undefined) return "";
  const endMs = status.completionTime === undefined ? nowMs : parseTime(status.completionTime);
  return humanDuration(endMs - parseTime(status.startTime));
}

function statusText({ metadata, status }: Loose<Job>): string {
  const has = (type: string): boolean =>
    status?.conditions?.find((condition) => condition.type === type)?.status === "True";
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata?.deletionTimestamp !== undefined) return "Terminating";
  if (has("Suspended")) return "Suspended";
  return has("FailureTarget") ? "FailureTarget" : "Running";
}

function jobCells(job: Loose<Job>, nowMs: number): readonly Cell[] {
  return [
    nameOf(job),
    statusText(job),
    completionsText(job),
    durationText(job, nowMs),
    ageOf(job, nowMs),
    ...containerCells(job.spec?.template?.spec?.containers),
    formatSelector(job.spec?.selector),
  ];
}

const flagText = (flag: boolean | undefined): string =>
  flag === undefined ? "<unset>" : flag ? "True" : "False";

function cronJobCells(job: Loose<CronJob>, nowMs: number): readonly Cell[] {
  const { spec, status } = job;
  const inner = spec?.jobTemplate?.spec;
  return [
    nameOf(job),
    orEmpty(spec?.schedule),
    spec?.timeZone ?? "<none>",
    flagText(spec?.suspend),
    (status?.active ?? []).length,
    status?.lastScheduleTime === undefined ? "<none>" : ageSince(status.lastScheduleTime, nowMs),
    ageOf(job, nowMs),
    ...containerCells(inner?.template?.spec?.containers),
    formatSelector(inner?.selector),
  ];
}

export const batchPrinters: PrintersByKind = {
  CronJob: {
    columns: columns(
      "Name~|Schedule|Timezone|Suspend?|Active#|Last Schedule|Age|Containers*|Images*|Selector*",
    ),
    cells: cronJobCells,
  },
  Job: {
    columns: columns("Name~|Status|Completions|Duration|Age|Containers*|Images*|Selector*"),
    cells: jobCells,
  },
};

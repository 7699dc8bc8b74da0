/** What the scheduler needs to know. */
import type { Completed } from "#base/component.ts";

export interface SchedulerOptions {
  /** Places the pods that ask for this name. */
  readonly schedulerName?: string;
}

export function complete(options: SchedulerOptions): Completed<SchedulerOptions> {
  return {
    ...options,
    schedulerName: options.schedulerName ?? "default-scheduler",
  } as Completed<SchedulerOptions>;
}

export function validate(options: Completed<SchedulerOptions>): readonly string[] {
  const faults: string[] = [];
  if (options.schedulerName === "") faults.push("the scheduler's name is empty");
  return faults;
}

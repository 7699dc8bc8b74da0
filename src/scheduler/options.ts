/** What the scheduler needs to know. */
import type { Completed } from "#base/component.ts";

export interface SchedulerOptions {
  /** Places the pods that ask for this name. */
  readonly schedulerName?: string;
  /** Several servers: only the elected one schedules. */
  readonly leaderElect?: boolean;
  /** This process among several, for leader election. */
  readonly identity: string;
}

export function complete(options: SchedulerOptions): Completed<SchedulerOptions> {
  return {
    ...options,
    schedulerName: options.schedulerName ?? "default-scheduler",
    leaderElect: options.leaderElect ?? false,
  } as Completed<SchedulerOptions>;
}

export function validate(options: Completed<SchedulerOptions>): readonly string[] {
  const faults: string[] = [];
  if (options.schedulerName === "") faults.push("the scheduler's name is empty");
  if (options.leaderElect && options.identity === "") faults.push("leader election needs an identity");
  return faults;
}

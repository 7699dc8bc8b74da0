/** When scheduled snapshots are due. The schedule is cron's, as upstream's library reads it. */
import { Cron } from "croner";
import { goDurationMs } from "#api/meta/duration.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Component } from "#base/component.ts";
import type { SnapshotService } from "./service.ts";

/** Somebody may set the clock, or the machine may sleep: the time is looked at again at least this often. */
const lookAgainMs = 10 * 60_000;

/** Milliseconds since the epoch of the first time after `from`. The schedule must be valid (scheduleFault). */
export function nextTime(schedule: string, from: number): number {
  const every = /^@every\s+(.+)$/.exec(schedule)?.[1];
  // upstream rounds down to seconds: robfig/cron constantdelay.go
  if (every !== undefined) return from + Math.max(1000, Math.floor(goDurationMs(every) / 1000) * 1000);
  const zone = /^(?:CRON_)?TZ=(\S+)\s+/.exec(schedule);
  const pattern = schedule.slice(zone?.[0].length ?? 0).replaceAll("?", "*");
  const timezone = zone?.[1];
  const cron = new Cron(pattern, { paused: true, ...(timezone === undefined ? {} : { timezone }) });
  return cron.nextRun(toRfc3339(from))?.getTime() ?? Number.POSITIVE_INFINITY;
}

export function snapshotSchedule(
  schedule: string,
  deps: { readonly service: SnapshotService; readonly clock: Clock },
): Component {
  const { service, clock } = deps;
  const waitForNext = async (signal: AbortSignal): Promise<void> => {
    const due = nextTime(schedule, clock.now());
    for (let left = due - clock.now(); left > 0; left = due - clock.now()) {
      await clock.sleep(Math.min(left, lookAgainMs), signal);
      // The clock was set back by more than a period: the time to wait for is another one.
      if (nextTime(schedule, clock.now()) < due - 1000) return waitForNext(signal);
    }
  };
  return {
    name: "snapshot schedule",
    run: async (signal, ready) => {
      ready();
      while (!signal.aborted) {
        await waitForNext(signal).catch(() => undefined);
        if (isAborted(signal)) return;
        // The service has logged why; the next one is tried in its time.
        await service.saveScheduled().catch(() => undefined);
      }
    },
  };
}

/** Also after an await, which the type checker doesn't know may change it. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** Looks at the size of running containers' logs now and then. upstream: pkg/kubelet/logs/container_log_manager.go Start */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { RuntimeCache } from "../pleg/runtime-cache.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { rotateIfDue, type LogRotationOptions } from "./log-rotation.ts";

/** upstream looks every 10 s; one stat() per container and half a minute is enough for 10 MiB. */
const periodMs = 30_000;

export async function keepLogsSmall(
  options: LogRotationOptions,
  deps: {
    readonly runtime: Runtime;
    readonly cache: RuntimeCache;
    readonly clock: Clock;
    readonly log: Logger;
  },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await deps.clock.sleep(periodMs, signal);
    } catch {
      return; // only the signal ends a sleep early
    }
    for (const uid of deps.cache.uids()) {
      for (const container of deps.cache.peek(uid).containers) {
        if (container.state !== "running" || container.logPath === "") continue;
        try {
          await rotateIfDue(container, options, deps);
        } catch (error) {
          deps.log.warn("log not rotated", { container: container.id, error });
        }
      }
    }
  }
}

/** Requests that take too long are answered before they are done. upstream: apiserver/pkg/server/filters/timeout.go */
import { timeoutError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import type { Answer } from "#apiserver/request/call.ts";
import type { RequestKind, RequestMetrics } from "./metrics.ts";

interface Limit {
  readonly timeoutMs: number;
  readonly kind: RequestKind;
  /** What the client is told. */
  readonly message: string;
}

interface Deps {
  readonly clock: Clock;
  readonly metrics: RequestMetrics;
}

/** Rejects with 504 after `timeoutMs`, while the work goes on and is counted. */
export function inTime(
  work: Promise<Answer>,
  { timeoutMs, kind, message }: Limit,
  { clock, metrics }: Deps,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      metrics.endings.terminated(kind.labels, 504);
      void metrics.endings.followLate(work, clock);
      reject(timeoutError(message));
    });
    work.then(
      (answer) => {
        cancel();
        resolve(answer);
      },
      (error: Error) => {
        cancel();
        reject(error);
      },
    );
  });
}

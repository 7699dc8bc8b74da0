/** Requests that didn't end as their clients would have liked. upstream: apiserver/pkg/endpoints/metrics/metrics.go, server/filters/timeout.go */
import type { Registry } from "prom-client";
import type { Clock } from "#base/clock.ts";
import { SeriesCounter, type Count } from "#apiserver/metrics/series-counter.ts";
import { alpha } from "#apiserver/metrics/stability.ts";
import type { Labels } from "./series-histogram.ts";

const placeLabels = ["verb", "group", "version", "resource", "subresource", "scope"];

/** What goes on behind a request that was given up is waited for so long. upstream: postTimeoutLoggerWait */
const pendingMs = 300_000;

type LateStatus = "ok" | "error" | "pending";

export class RequestEndings {
  readonly #terminations: SeriesCounter;
  readonly #aborts: SeriesCounter;
  readonly #late: SeriesCounter;

  constructor(registry: Registry) {
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name: `apiserver_request_${rest}`, help: alpha(help), labelNames }, registry);
    this.#terminations = counter(
      "terminations_total",
      "Number of requests which apiserver terminated in self-defense.",
      [...placeLabels, "component", "code"],
    );
    this.#aborts = counter(
      "aborts_total",
      "Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope",
      placeLabels,
    );
    this.#late = counter(
      "post_timeout_total",
      "Tracks the activity of the request handlers after the associated requests have been timed out by the apiserver",
      ["source", "status"],
    );
  }

  /** Refused for want of seats, or given up for want of time. `place`: a RequestKind's labels. */
  terminated(place: Labels, code: number): void {
    this.#terminations.count({ ...place, code: String(code) }).add();
  }

  /** Broken off in the middle of its answer. */
  aborted(place: Labels): void {
    const { component: _component, ...rest } = place;
    this.#aborts.count(rest).add();
  }

  /** Notes what becomes of the work behind a request that was given up. */
  async followLate(work: Promise<unknown>, clock: Clock): Promise<void> {
    const { promise: pending, resolve } = Promise.withResolvers<LateStatus>();
    const cancel = clock.after(pendingMs, () => {
      resolve("pending");
    });
    const done = work.then(
      (): LateStatus => "ok",
      (): LateStatus => "error",
    );
    const status = await Promise.race([done, pending]);
    cancel();
    this.#lateCount(status).add();
  }

  #lateCount(status: LateStatus): Count {
    return this.#late.count({ source: "timeout-handler", status });
  }
}

/** How busy the server was with requests that only read and with the others. upstream: apiserver/pkg/util/flowcontrol/metrics/metrics.go */
import type { Registry } from "prom-client";
import { histogramAtCollection } from "#apiserver/http/series-histogram.ts";
import { alpha } from "#apiserver/metrics/stability.ts";
import type { Clock } from "#base/clock.ts";
import { isReading, KindTimes, type Phase } from "./level-times.ts";

/** Upstream's words in its metrics. */
export type Kind = "readOnly" | "mutating";

export const kindOf = (verb: string | undefined): Kind => (isReading(verb) ? "readOnly" : "mutating");

const kinds = ["readOnly", "mutating"] as const;

/** How many of each kind there may be; 1 stands for what knows no limit. */
type Limits = Readonly<Record<Kind, number>>;
type ByKind = Readonly<Record<Kind, KindTimes>>;

export class RequestTimes {
  readonly #phases = new Map<Phase, ByKind>();
  /** Undefined until there are limits. */
  #clock: Clock | undefined;

  constructor(registry: Registry) {
    const name = "apiserver_flowcontrol_read_vs_write_current_requests";
    const help = alpha(
      "Observations, at the end of every nanosecond, of the number of requests (as a fraction of the relevant limit) waiting or in regular stage of execution",
    );
    histogramAtCollection({ name, help }, registry, () => this.#series());
  }

  /** From now on so many may be in that phase. */
  limits(phase: Phase, limits: Limits, clock: Clock): void {
    this.#clock = clock;
    const now = clock.monotonic();
    const known = this.#phases.get(phase);
    const times = known ?? { readOnly: new KindTimes(now), mutating: new KindTimes(now) };
    this.#phases.set(phase, times);
    for (const kind of kinds) times[kind].limit(limits[kind], now);
  }

  /** `requests`: 1 for one more, -1 for one less. */
  add(phase: Phase, kind: Kind, requests: number, now: number): void {
    this.#phases.get(phase)?.[kind].add(requests, now);
  }

  *#series(): Generator<{ labels: Readonly<Record<string, string>>; series: KindTimes["tally"] }> {
    if (this.#clock === undefined) return;
    const now = this.#clock.monotonic();
    for (const [phase, times] of this.#phases) {
      for (const kind of kinds) {
        yield { labels: { phase, request_kind: kind }, series: times[kind].tally.upTo(now) };
      }
    }
  }
}

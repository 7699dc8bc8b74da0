/** How busy the server was with requests that only read and with the others. upstream: apiserver/pkg/util/flowcontrol/metrics/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { histogramAtCollection } from "#apiserver/http/series-histogram.ts";
import { SecondMax } from "#apiserver/metrics/second-max.ts";
import { alpha, stable } from "#apiserver/metrics/stability.ts";
import type { Clock } from "#base/clock.ts";
import { isReading, KindTimes, type Phase } from "./level-times.ts";

/** Upstream's words in its metrics. */
export type Kind = "readOnly" | "mutating";

export const kindOf = (verb: string | undefined): Kind => (isReading(verb) ? "readOnly" : "mutating");

const kinds = ["readOnly", "mutating"] as const;

/** How many of each kind there may be; 1 stands for what knows no limit. */
type Limits = Readonly<Record<Kind, number>>;

interface Counted {
  readonly times: KindTimes;
  readonly most: SecondMax;
}

type ByKind = Readonly<Record<Kind, Counted>>;

const countedAt = (now: number): Counted => ({ times: new KindTimes(now), most: new SecondMax(now) });

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
    const running =
      "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.";
    this.#gauge(
      "executing",
      { name: "apiserver_current_inflight_requests", help: stable(running) },
      registry,
    );
    const queued = "Maximal number of queued requests in this apiserver per request kind in last second.";
    this.#gauge("waiting", { name: "apiserver_current_inqueue_requests", help: alpha(queued) }, registry);
  }

  #gauge(phase: Phase, said: { readonly name: string; readonly help: string }, registry: Registry): void {
    const gauge: Gauge = new Gauge({
      ...said,
      labelNames: ["request_kind"],
      registers: [registry],
      collect: () => {
        const counted = this.#phases.get(phase);
        for (const kind of kinds) {
          const now = this.#clock?.monotonic() ?? 0;
          if (counted !== undefined) gauge.set({ request_kind: kind }, counted[kind].most.last(now));
          // Where there is no limit nobody waits, and nobody is counted.
          else if (phase === "executing") gauge.set({ request_kind: kind }, 0);
        }
      },
    });
  }

  /** From now on so many may be in that phase. */
  limits(phase: Phase, limits: Limits, clock: Clock): void {
    this.#clock = clock;
    const now = clock.monotonic();
    const known = this.#phases.get(phase);
    const counted = known ?? { readOnly: countedAt(now), mutating: countedAt(now) };
    this.#phases.set(phase, counted);
    for (const kind of kinds) counted[kind].times.limit(limits[kind], now);
  }

  /** `requests`: 1 for one more, -1 for one less. */
  add(phase: Phase, kind: Kind, requests: number, now: number): void {
    const counted = this.#phases.get(phase)?.[kind];
    counted?.times.add(requests, now);
    counted?.most.add(requests, now);
  }

  *#series(): Generator<{ labels: Readonly<Record<string, string>>; series: KindTimes["tally"] }> {
    if (this.#clock === undefined) return;
    const now = this.#clock.monotonic();
    for (const [phase, counted] of this.#phases) {
      for (const kind of kinds) {
        yield { labels: { phase, request_kind: kind }, series: counted[kind].times.tally.upTo(now) };
      }
    }
  }
}

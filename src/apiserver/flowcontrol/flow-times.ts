/** How busy levels were, under upstream's names. upstream: apiserver/pkg/util/flowcontrol/metrics/{metrics,timing_ratio_histogram}.go */
import { Gauge, type Registry } from "prom-client";
import { histogramAtCollection, type Labels } from "#apiserver/http/series-histogram.ts";
import { alpha } from "#apiserver/metrics/stability.ts";
import type { Clock } from "#base/clock.ts";
import { LevelTimes, type TimedTally } from "./level-times.ts";

const nameOf = (rest: string): string => `apiserver_flowcontrol_${rest}`;

const everyNanosecond = (what: string): string =>
  alpha(`Observations, at the end of every nanosecond, of ${what}`);

interface Timed {
  readonly labels: Labels;
  readonly series: TimedTally;
}

export class FlowTimes {
  readonly #levels = new Map<string, LevelTimes>();

  constructor(registry: Registry) {
    const histogram = (rest: string, help: string, read: () => Iterable<Timed>): void => {
      histogramAtCollection({ name: nameOf(rest), help }, registry, read);
    };
    histogram(
      "priority_level_seat_utilization",
      everyNanosecond("utilization of seats for any stage of execution (but only initial stage for WATCHes)"),
      () => this.#timed((level) => [{ labels: { phase: "executing" }, series: level.seats }]),
    );
    histogram(
      "priority_level_request_utilization",
      everyNanosecond(
        "number of requests (as a fraction of the relevant limit) waiting or in any stage of execution (but only initial stage for WATCHes)",
      ),
      () =>
        this.#timed(({ executing, waiting }) => [
          { labels: { phase: "executing" }, series: executing },
          { labels: { phase: "waiting" }, series: waiting },
        ]),
    );
    histogram(
      "demand_seats",
      everyNanosecond(
        "(the number of seats each priority level could use) / (nominal number of seats for that level)",
      ),
      () => this.#timed(({ demand }) => [{ labels: {}, series: demand }]),
    );
    this.#registerPeriods([registry]);
  }

  /** The same one for the same name, until that is forgotten. */
  level(name: string, serverSeats: number, clock: Clock): LevelTimes {
    let times = this.#levels.get(name);
    if (times === undefined) {
      times = new LevelTimes(serverSeats, clock);
      this.#levels.set(name, times);
    }
    return times;
  }

  forget(name: string): void {
    this.#levels.delete(name);
  }

  *#timed(of: (times: LevelTimes) => readonly Timed[]): Generator<Timed> {
    for (const [name, times] of this.#levels) {
      const now = times.now();
      for (const { labels, series } of of(times)) {
        yield { labels: { ...labels, priority_level: name }, series: series.upTo(now) };
      }
    }
  }

  #registerPeriods(registers: Registry[]): void {
    const gauges = [
      ["high_watermark", "High watermark", "highest"],
      ["average", "Time-weighted average", "average"],
      ["stdev", "Time-weighted standard deviation", "deviation"],
    ] as const;
    for (const [rest, what, stat] of gauges) {
      const gauge: Gauge = new Gauge({
        name: nameOf(`demand_seats_${rest}`),
        help: alpha(`${what}, over last adjustment period, of demand_seats`),
        labelNames: ["priority_level"],
        registers,
        collect: () => {
          gauge.reset();
          for (const [name, { lastPeriod }] of this.#levels) {
            if (lastPeriod !== undefined) gauge.set({ priority_level: name }, lastPeriod[stat]);
          }
        },
      });
    }
  }
}

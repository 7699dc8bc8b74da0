/** What priority and fairness counts, under upstream's names. upstream: apiserver/pkg/util/flowcontrol/metrics/metrics.go */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { PriorityLevel, Refusal } from "./priority-level.ts";

export type FlowPlace = Readonly<Record<"flow_schema" | "priority_level", string>>;

const waitBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const executionBuckets = [...waitBuckets, 60];
const labelNames = ["flow_schema", "priority_level"];

const nameOf = (rest: string): string => `apiserver_flowcontrol_${rest}`;

export class FlowMetrics {
  readonly #dispatched: Counter;
  readonly #rejected: Counter;
  readonly #executing: Gauge;
  readonly #wait: Histogram;
  readonly #execution: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#dispatched = new Counter({
      name: nameOf("dispatched_requests_total"),
      help: "Requests that began.",
      labelNames,
      registers,
    });
    this.#rejected = new Counter({
      name: nameOf("rejected_requests_total"),
      help: "Requests that were refused, by reason.",
      labelNames: [...labelNames, "reason"],
      registers,
    });
    this.#executing = new Gauge({
      name: nameOf("current_executing_requests"),
      help: "Requests that are being answered now.",
      labelNames,
      registers,
    });
    this.#wait = new Histogram({
      name: nameOf("request_wait_duration_seconds"),
      help: "Time that requests waited for a seat, in seconds.",
      labelNames: [...labelNames, "execute"],
      buckets: waitBuckets,
      registers,
    });
    this.#execution = new Histogram({
      name: nameOf("request_execution_seconds"),
      help: "Time from a request's beginning to its answer, in seconds.",
      labelNames,
      buckets: executionBuckets,
      registers,
    });
  }

  refused(place: FlowPlace, reason: Refusal, waitedMs: number): void {
    this.#rejected.inc({ ...place, reason });
    this.#wait.observe({ ...place, execute: "false" }, waitedMs / 1000);
  }

  begun(place: FlowPlace, waitedMs: number): void {
    this.#dispatched.inc(place);
    this.#executing.inc(place);
    this.#wait.observe({ ...place, execute: "true" }, waitedMs / 1000);
  }

  done(place: FlowPlace, tookMs: number): void {
    this.#executing.dec(place);
    this.#execution.observe(place, tookMs / 1000);
  }
}

/** What a level knows about itself is asked when the metrics are. */
export function registerLevelGauges(registry: Registry, levels: () => Iterable<PriorityLevel>): void {
  const gauges: readonly [rest: string, help: string, value: (level: PriorityLevel) => number][] = [
    ["current_executing_seats", "Seats that are taken now.", (level) => level.executingSeats],
    ["current_inqueue_requests", "Requests that wait now.", (level) => level.waiting],
    ["nominal_limit_seats", "Seats that are the level's own.", (level) => level.options.nominalSeats],
  ];
  for (const [rest, help, value] of gauges) {
    const gauge: Gauge = new Gauge({
      name: nameOf(rest),
      help,
      labelNames: ["priority_level"],
      registers: [registry],
      collect: () => {
        gauge.reset();
        for (const level of levels()) gauge.set({ priority_level: level.name }, value(level));
      },
    });
  }
}

/** What priority and fairness counts, under upstream's names. upstream: apiserver/pkg/util/flowcontrol/metrics/metrics.go */
import { Counter, Gauge, type Registry } from "prom-client";
import { filterSeries } from "#apiserver/metrics/filter-metrics.ts";
import { countAtCollection } from "#apiserver/metrics/series-counter.ts";
import { alpha, beta } from "#apiserver/metrics/stability.ts";
import { SeriesHistogram, type Labels, type Series } from "#apiserver/http/series-histogram.ts";
import { FlowTimes } from "./flow-times.ts";
import type { PriorityLevel, Refusal } from "./priority-level.ts";
import { RequestTimes } from "./request-times.ts";

const waitBuckets = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const labelNames = ["flow_schema", "priority_level"];

const nameOf = (rest: string): string => `apiserver_flowcontrol_${rest}`;

type FlowHistograms = Pick<FlowMetrics, "wait" | "execution" | "estimate" | "queueLength" | "filter">;

/** Requests of one schema in one level. */
export class FlowPlace {
  readonly labels: Labels;
  readonly #filter: Series;
  readonly #waitThenRun: Series;
  readonly #waitInVain: Series;
  readonly #executions: Series;
  readonly #watchBeginnings: Series;
  readonly #estimates: Series;
  readonly #queueLengths: Series;
  readonly refusals = new Map<Refusal, number>();
  dispatched = 0;
  executing = 0;
  executingSeats = 0;
  waiting = 0;
  waitingSeats = 0;
  /** How often it was a request's turn without seats for it. */
  withoutRoom = 0;

  constructor(labels: Labels, { wait, execution, estimate, queueLength, filter }: FlowHistograms) {
    this.labels = labels;
    this.#filter = filter;
    this.#waitThenRun = wait.series({ ...labels, execute: "true" });
    this.#waitInVain = wait.series({ ...labels, execute: "false" });
    this.#executions = execution.series({ ...labels, type: "regular" });
    this.#watchBeginnings = execution.series({ ...labels, type: "watch" });
    this.#estimates = estimate.series(labels);
    this.#queueLengths = queueLength.series(labels);
  }

  /** So many seats it is thought to take. */
  estimated(seats: number): void {
    this.#estimates.observe(seats);
  }

  /** It waits, as the last of so many. */
  enqueued(length: number, seats: number): void {
    this.waiting += 1;
    this.waitingSeats += seats;
    this.#queueLengths.observe(length);
  }

  dequeued(seats: number): void {
    this.waiting -= 1;
    this.waitingSeats -= seats;
  }

  refused(reason: Refusal, waitedMs: number): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
    this.#waitInVain.observe(waitedMs / 1000);
    this.#filter.observe(waitedMs / 1000);
  }

  begun(waitedMs: number, seats: number): void {
    this.dispatched += 1;
    this.executing += 1;
    this.executingSeats += seats;
    this.#waitThenRun.observe(waitedMs / 1000);
    this.#filter.observe(waitedMs / 1000);
  }

  done(tookMs: number, seats: number, isWatch: boolean): void {
    this.executing -= 1;
    this.executingSeats -= seats;
    (isWatch ? this.#watchBeginnings : this.#executions).observe(tookMs / 1000);
  }
}

export interface FlowCounts {
  readonly executing: number;
  readonly dispatched: number;
  readonly rejected: number;
  readonly timedOut: number;
  readonly cancelled: number;
}

export class FlowMetrics {
  readonly wait: SeriesHistogram;
  readonly execution: SeriesHistogram;
  readonly estimate: SeriesHistogram;
  readonly queueLength: SeriesHistogram;
  readonly filter: Series;
  readonly times: FlowTimes;
  readonly requests: RequestTimes;
  readonly #places = new Map<string, FlowPlace>();

  constructor(registry: Registry) {
    this.filter = filterSeries(registry, "priorityandfairness");
    this.times = new FlowTimes(registry);
    this.requests = new RequestTimes(registry);
    this.wait = new SeriesHistogram(
      {
        name: nameOf("request_wait_duration_seconds"),
        help: beta("Length of time a request spent waiting in its queue"),
        buckets: waitBuckets,
      },
      registry,
    );
    this.execution = new SeriesHistogram(
      {
        name: nameOf("request_execution_seconds"),
        help: alpha(
          "Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem",
        ),
        buckets: waitBuckets,
      },
      registry,
    );
    this.estimate = new SeriesHistogram(
      {
        name: nameOf("work_estimated_seats"),
        help: alpha(
          "Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness",
        ),
        buckets: [1, 2, 4, 8, 16, 32, 64, 100],
      },
      registry,
    );
    this.queueLength = new SeriesHistogram(
      {
        name: nameOf("request_queue_length_after_enqueue"),
        help: alpha(
          "Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued",
        ),
        buckets: [0, 10, 25, 50, 100, 250, 500, 1000],
      },
      registry,
    );
    this.#registerCounts([registry]);
    const without = {
      name: nameOf("request_dispatch_no_accommodation_total"),
      help: alpha(
        "Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats",
      ),
      labelNames,
    };
    countAtCollection(without, registry, () =>
      [...this.#places.values()]
        .filter(({ withoutRoom }) => withoutRoom > 0)
        .map(({ labels, withoutRoom }) => ({ labels, value: withoutRoom })),
    );
  }

  place(schemaName: string, levelName: string): FlowPlace {
    const key = `${schemaName}\n${levelName}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      place = new FlowPlace({ flow_schema: schemaName, priority_level: levelName }, this);
      this.#places.set(key, place);
    }
    return place;
  }

  countsOf(levelName: string): FlowCounts {
    const counts = { executing: 0, dispatched: 0, rejected: 0, timedOut: 0, cancelled: 0 };
    for (const { labels, executing, dispatched, refusals } of this.#places.values()) {
      if (labels["priority_level"] !== levelName) continue;
      counts.executing += executing;
      counts.dispatched += dispatched;
      counts.rejected += (refusals.get("queue-full") ?? 0) + (refusals.get("concurrency-limit") ?? 0);
      counts.timedOut += refusals.get("time-out") ?? 0;
      counts.cancelled += refusals.get("cancelled") ?? 0;
    }
    return counts;
  }

  #registerCounts(registers: Registry[]): void {
    const dispatched: Counter = new Counter({
      name: nameOf("dispatched_requests_total"),
      help: beta("Number of requests executed by API Priority and Fairness subsystem"),
      labelNames,
      registers,
      collect: () => {
        dispatched.reset();
        for (const place of this.#places.values()) dispatched.inc(place.labels, place.dispatched);
      },
    });
    const rejected: Counter = new Counter({
      name: nameOf("rejected_requests_total"),
      help: beta("Number of requests rejected by API Priority and Fairness subsystem"),
      labelNames: [...labelNames, "reason"],
      registers,
      collect: () => {
        rejected.reset();
        for (const { labels, refusals } of this.#places.values()) {
          for (const [reason, count] of refusals) rejected.inc({ ...labels, reason }, count);
        }
      },
    });
    const gauge = (rest: string, help: string, value: (place: FlowPlace) => number): void => {
      const shown: Gauge = new Gauge({
        name: nameOf(rest),
        help,
        labelNames,
        registers,
        collect: () => {
          shown.reset();
          for (const place of this.#places.values()) shown.set(place.labels, value(place));
        },
      });
    };
    gauge(
      "current_executing_requests",
      beta(
        "Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
      ),
      (place) => place.executing,
    );
    gauge(
      "current_executing_seats",
      beta(
        "Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem",
      ),
      (place) => place.executingSeats,
    );
    gauge(
      "current_inqueue_requests",
      beta("Number of requests currently pending in queues of the API Priority and Fairness subsystem"),
      (place) => place.waiting,
    );
    gauge(
      "current_inqueue_seats",
      alpha("Number of seats currently pending in queues of the API Priority and Fairness subsystem"),
      (place) => place.waitingSeats,
    );
  }
}

/** What a level knows about itself is asked when the metrics are. */
export function registerLevelGauges(registry: Registry, levels: () => Iterable<PriorityLevel>): void {
  const gauges: readonly [rest: string, help: string, value: (level: PriorityLevel) => number][] = [
    [
      "nominal_limit_seats",
      beta("Nominal number of execution seats configured for each priority level"),
      ({ options }) => options.nominalSeats,
    ],
    [
      "lower_limit_seats",
      alpha("Configured lower bound on number of execution seats available to each priority level"),
      ({ options }) => options.nominalSeats - options.lendableSeats,
    ],
    [
      "upper_limit_seats",
      alpha("Configured upper bound on number of execution seats available to each priority level"),
      (level) => level.upperLimit,
    ],
    [
      "current_limit_seats",
      alpha("current derived number of execution seats available to each priority level"),
      (level) => level.currentLimit,
    ],
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

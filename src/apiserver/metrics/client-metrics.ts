/**
 * What clients of the API in this process do, their work queues and leases: one process has the metrics of all its parts.
 * upstream: component-base/metrics/prometheus/{workqueue,restclient,clientgo/leaderelection}/metrics.go
 */
import { Gauge, type Registry } from "prom-client";
import { histogramAtCollection, type Labels } from "#apiserver/http/series-histogram.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import type { RequestCounts } from "#client/request-counts.ts";
import type { QueueCounts } from "#client/work/queue-counts.ts";
import type { Tally } from "#base/tally.ts";
import { countAtCollection } from "./series-counter.ts";
import { alpha, beta } from "./stability.ts";

export function registerClientMetrics(registry: Registry, counts: ClientCounts): void {
  registerQueues(registry, counts);
  registerRequests(registry, counts);
  registerLeases(registry, counts);
}

function registerQueues(registry: Registry, { queues }: ClientCounts): void {
  const counter = (rest: string, help: string, read: (counts: QueueCounts) => number): void => {
    countAtCollection({ name: `workqueue_${rest}`, help, labelNames: ["name"] }, registry, () =>
      [...queues].map(([name, counts]) => ({ labels: { name }, value: read(counts) })),
    );
  };
  const gauge = (rest: string, help: string, read: (counts: QueueCounts) => number): void => {
    gaugeAtCollection(registry, { name: `workqueue_${rest}`, help, labelNames: ["name"] }, () =>
      [...queues].map(([name, counts]) => ({ labels: { name }, value: read(counts) })),
    );
  };
  const histogram = (rest: string, help: string, read: (counts: QueueCounts) => Tally): void => {
    const options = { name: `workqueue_${rest}`, help };
    histogramAtCollection(options, registry, () =>
      [...queues].map(([name, counts]) => ({ labels: { name }, series: read(counts) })),
    );
  };
  counter("adds_total", beta("Total number of adds handled by workqueue"), ({ adds }) => adds);
  counter("retries_total", beta("Total number of retries handled by workqueue"), ({ retries }) => retries);
  gauge("depth", beta("Current depth of workqueue"), ({ depth }) => depth);
  histogram(
    "queue_duration_seconds",
    beta("How long in seconds an item stays in workqueue before being requested."),
    ({ waits }) => waits,
  );
  histogram(
    "work_duration_seconds",
    beta("How long in seconds processing an item from workqueue takes."),
    ({ works }) => works,
  );
  gauge(
    "unfinished_work_seconds",
    beta(
      "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
    ),
    (counts) => [...counts.unfinished()].reduce((sum, ms) => sum + ms / 1000, 0),
  );
  gauge(
    "longest_running_processor_seconds",
    beta("How many seconds has the longest running processor for workqueue been running."),
    (counts) => Math.max(0, ...counts.unfinished()) / 1000,
  );
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

interface Read {
  readonly labels: Labels;
  readonly value: number;
}

function gaugeAtCollection(
  registry: Registry,
  { name, help, labelNames }: Described,
  read: () => Iterable<Read>,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const { labels, value } of read()) gauge.set(labels, value);
    },
  });
}

/** As Go's client shows that there was no answer. */
const shownCode = (code: number): string => (code === 0 ? "<error>" : String(code));

function registerRequests(registry: Registry, all: ClientCounts): void {
  countAtCollection(
    {
      name: "rest_client_requests_total",
      help: alpha("Number of HTTP requests, partitioned by status code, method, and host."),
      labelNames: ["code", "method", "host"],
    },
    registry,
    () =>
      byCode(
        all,
        ({ method, host }) => ({ method, host }),
        ({ byCode: counts }) => counts,
      ),
  );
  countAtCollection(
    {
      name: "rest_client_request_retries_total",
      help: alpha("Number of request retries, partitioned by status code, verb, and host."),
      labelNames: ["code", "verb", "host"],
    },
    registry,
    () =>
      byCode(
        all,
        ({ method, host }) => ({ verb: method, host }),
        ({ retriesByCode }) => retriesByCode,
      ),
  );
  const histograms: readonly [rest: string, help: string, read: (counts: RequestCounts) => Tally][] = [
    [
      "request_duration_seconds",
      alpha("Request latency in seconds. Broken down by verb, and host."),
      ({ durations }) => durations,
    ],
    ["request_size_bytes", alpha("Request size in bytes. Broken down by verb and host."), ({ sent }) => sent],
    [
      "response_size_bytes",
      alpha("Response size in bytes. Broken down by verb and host."),
      ({ received }) => received,
    ],
  ];
  for (const [rest, help, read] of histograms) {
    histogramAtCollection({ name: `rest_client_${rest}`, help }, registry, () =>
      [...all.requests()]
        .filter((counts) => read(counts).count > 0)
        .map((counts) => ({ labels: { verb: counts.method, host: counts.host }, series: read(counts) })),
    );
  }
}

function* byCode(
  all: ClientCounts,
  labelsOf: (counts: RequestCounts) => Labels,
  read: (counts: RequestCounts) => ReadonlyMap<number, number>,
): Generator<Read> {
  for (const counts of all.requests()) {
    for (const [code, value] of read(counts)) {
      yield { labels: { ...labelsOf(counts), code: shownCode(code) }, value };
    }
  }
}

function registerLeases(registry: Registry, { leases }: ClientCounts): void {
  gaugeAtCollection(
    registry,
    {
      name: "leader_election_master_status",
      help: alpha(
        "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
      ),
      labelNames: ["name"],
    },
    () => [...leases].map(([name, { isLeader }]) => ({ labels: { name }, value: isLeader ? 1 : 0 })),
  );
  countAtCollection(
    {
      name: "leader_election_slowpath_total",
      help: alpha(
        "Total number of slow path exercised in renewing leader leases. 'name' is the string used to identify the lease. Please make sure to group by name.",
      ),
      labelNames: ["name"],
    },
    registry,
    () =>
      [...leases]
        .filter(([, { slowPaths }]) => slowPaths > 0)
        .map(([name, { slowPaths }]) => ({ labels: { name }, value: slowPaths })),
  );
}

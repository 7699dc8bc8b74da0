/**
 * A histogram whose callers keep the series they observe into. prom-client finds the series anew by all its labels at each
 * observation, which for a GET took a twelfth of the request.
 */
import type { Metric, Registry } from "prom-client";
import { Tally } from "#base/tally.ts";

export type Labels = Readonly<Record<string, string>>;

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Ascending upper bounds. */
  readonly buckets: readonly number[];
}

interface Sample {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

/** Observations under one set of labels. */
export class Series extends Tally {
  readonly labels: Labels;

  constructor(labels: Labels, bounds: readonly number[]) {
    super(bounds);
    this.labels = labels;
  }
}

/** Of each bucket alone, the one above all bounds last. */
type Observed = Pick<Tally, "bounds" | "counts" | "sum">;

function samplesOf({ bounds, counts, sum }: Observed, name: string, labels: Labels): Sample[] {
  let count = 0;
  const buckets = counts.map((own, at): Sample => {
    count += own;
    const le = String(bounds[at] ?? "+Inf");
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

export class SeriesHistogram {
  readonly #options: HistogramOptions;
  readonly #series: Series[] = [];

  constructor(options: HistogramOptions, registry: Registry) {
    this.#options = options;
    histogramAtCollection(options, registry, () =>
      this.#series.map((series) => ({ labels: series.labels, series })),
    );
  }

  get all(): readonly Series[] {
    return this.#series;
  }

  /** New series for the caller to keep: once per set of labels. */
  series(labels: Labels): Series {
    const series = new Series(labels, this.#options.buckets);
    this.#series.push(series);
    return series;
  }
}

/** A histogram whose series are kept elsewhere. */
export function histogramAtCollection(
  { name, help }: Pick<HistogramOptions, "name" | "help">,
  registry: Registry,
  read: () => Iterable<{ readonly labels: Labels; readonly series: Observed }>,
): void {
  const described = { name, help, type: "histogram", aggregator: "sum" };
  const metric = {
    ...described,
    get: () =>
      Promise.resolve({
        ...described,
        values: [...read()].flatMap(({ labels, series }) => samplesOf(series, name, labels)),
      }),
  };
  // What a registry asks of a metric; its type wants one of prom-client's own classes.
  registry.registerMetric(metric as unknown as Metric);
}

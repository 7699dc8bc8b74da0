/**
 * A summary whose callers keep the series they observe into: quantiles over the last hours, with a bounded error and without
 * keeping the observations. upstream: prometheus/client_golang's summaries
 */
import type { Metric, Registry } from "prom-client";
import type { Labels } from "#apiserver/http/series-histogram.ts";
import type { Clock } from "#base/clock.ts";

const quantiles = [0.5, 0.9, 0.99];
/** Of five parts the oldest is let go of, as upstream does with MaxAge 5 h. */
const parts = 5;
const partMs = 3_600_000;
/** A bucket's bounds are so far apart: a quantile is right within half of it. */
const step = Math.log(1.05);
const smallest = 1e-6;
/** Up to an hour. */
const bucketsMax = Math.ceil(Math.log(3600 / smallest) / step);

export class SummarySeries {
  readonly #labels: Labels;
  readonly #clock: Clock;
  /** In turn; each is made when its time comes. */
  readonly #parts: Uint32Array[] = [new Uint32Array(bucketsMax + 1)];
  #part = 0;
  #partEnds: number;
  #sum = 0;
  #count = 0;

  constructor(labels: Labels, clock: Clock) {
    this.#labels = labels;
    this.#clock = clock;
    this.#partEnds = clock.monotonic() + partMs;
  }

  observe(value: number): void {
    this.#turn();
    const at = value <= smallest ? 0 : Math.min(bucketsMax, Math.ceil(Math.log(value / smallest) / step));
    const counts = this.#parts[this.#part] as Uint32Array;
    counts[at] = (counts[at] ?? 0) + 1;
    this.#sum += value;
    this.#count += 1;
  }

  samples(name: string): { metricName: string; labels: Labels; value: number }[] {
    this.#turn();
    const labels = this.#labels;
    const of = (quantile: number): { metricName: string; labels: Labels; value: number } => ({
      metricName: name,
      labels: { ...labels, quantile: String(quantile) },
      value: this.#quantile(quantile),
    });
    return [
      ...quantiles.map(of),
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: this.#count },
    ];
  }

  #turn(): void {
    const now = this.#clock.monotonic();
    for (let turned = 0; now >= this.#partEnds; turned++) {
      if (turned === parts) {
        this.#partEnds = now + partMs;
        return;
      }
      this.#part = (this.#part + 1) % parts;
      this.#parts[this.#part] = (this.#parts[this.#part] ?? new Uint32Array(bucketsMax + 1)).fill(0);
      this.#partEnds += partMs;
    }
  }

  /** NaN where nothing has been observed lately. */
  #quantile(quantile: number): number {
    const all = new Float64Array(bucketsMax + 1);
    for (const counts of this.#parts) {
      for (const [at, count] of counts.entries()) all[at] = (all[at] ?? 0) + count;
    }
    const total = all.reduce((sum, count) => sum + count, 0);
    let left = Math.ceil(quantile * total);
    if (left === 0) return Number.NaN;
    const found = all.findIndex((count) => (left -= count) <= 0);
    return found === 0 ? 0 : smallest * Math.exp((found - 0.5) * step);
  }
}

export class SeriesSummary {
  readonly #clock: Clock;
  readonly #series: SummarySeries[] = [];

  constructor(
    { name, help }: { readonly name: string; readonly help: string },
    registry: Registry,
    clock: Clock,
  ) {
    this.#clock = clock;
    const described = { name, help, type: "summary", aggregator: "sum" };
    const metric = {
      ...described,
      get: () =>
        Promise.resolve({ ...described, values: this.#series.flatMap((series) => series.samples(name)) }),
    };
    // What a registry asks of a metric; its type wants one of prom-client's own classes.
    registry.registerMetric(metric as unknown as Metric);
  }

  /** New series for the caller to keep: once per set of labels. */
  series(labels: Labels): SummarySeries {
    const series = new SummarySeries(labels, this.#clock);
    this.#series.push(series);
    return series;
  }
}

/** How long updates are compared with what they replace. upstream: apiserver/pkg/endpoints/metrics/metrics.go, handlers/fieldmanager/equality.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Comparison } from "#apiserver/registry/manager-times.ts";
import { alpha } from "./stability.ts";

const buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 5];

export class ComparisonTimes {
  readonly #histogram: SeriesHistogram;
  readonly #series = new Map<Comparison, Series>();

  constructor(registry: Registry) {
    this.#histogram = new SeriesHistogram(
      {
        name: "apiserver_request_timestamp_comparison_time",
        help: alpha("Time taken for comparison of old vs new objects in UPDATE or PATCH requests"),
        buckets,
      },
      registry,
    );
  }

  took(comparison: Comparison, ms: number): void {
    const series = this.#series.get(comparison) ?? this.#histogram.series({ code_path: comparison });
    this.#series.set(comparison, series);
    series.observe(ms / 1000);
  }
}

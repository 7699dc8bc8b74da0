/** What each thing that a request passes takes of its time. upstream: apiserver/pkg/endpoints/filterlatency, endpoints/metrics/metrics.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import { alpha } from "./stability.ts";

const buckets = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 5, 10, 15, 30];

export type Filter = "authentication" | "authorization" | "impersonation" | "priorityandfairness";

const histograms = new WeakMap<Registry, SeriesHistogram>();

/** For each to keep: once per registry and filter. */
export function filterSeries(registry: Registry, filter: Filter): Series {
  let histogram = histograms.get(registry);
  if (histogram === undefined) {
    histogram = new SeriesHistogram(
      {
        name: "apiserver_request_filter_duration_seconds",
        help: alpha("Request filter latency distribution in seconds, for each filter type"),
        buckets,
      },
      registry,
    );
    histograms.set(registry, histogram);
  }
  return histogram.series({ filter });
}

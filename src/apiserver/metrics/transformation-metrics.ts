/** What encryption at rest does to values, under upstream's names. upstream: apiserver/pkg/storage/value/{metrics,transformer}.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Clock } from "#base/clock.ts";
import { grpcStatusOf } from "./envelope-metrics.ts";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** upstream: exponential, from 5 µs, by 2 */
const buckets = Array.from({ length: 25 }, (_, at) => 0.000005 * 2 ** at);

export type TransformationType = "from_storage" | "to_storage";

export interface Transformation {
  readonly type: TransformationType;
  /** "secrets", "deployments.apps" */
  readonly resource: string;
  /** Of the provider, and of the key within it: upstream's transformers stand one in another, and each counts. */
  readonly prefixes: readonly string[];
}

export class TransformationMetrics {
  readonly #clock: Clock;
  readonly #durations: SeriesHistogram;
  readonly #series = new Map<string, Series>();
  readonly #operations: SeriesCounter;

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    this.#durations = new SeriesHistogram(
      {
        name: "apiserver_storage_transformation_duration_seconds",
        help: alpha("Latencies in seconds of value transformation operations."),
        buckets,
      },
      registry,
    );
    this.#operations = new SeriesCounter(
      {
        name: "apiserver_storage_transformation_operations_total",
        help: alpha(
          "Total number of transformations. Successful transformation will have a status 'OK' and a varied status string when the transformation fails. The status, resource, and transformation_type fields can be used for alerting purposes. For example, you can monitor for encryption/decryption failures using the transformation_type (e.g., from_storage for decryption and to_storage for encryption). Additionally, these fields can be used to ensure that the correct transformers are applied to each resource.",
        ),
        labelNames: ["resource", "transformation_type", "transformer_prefix", "status"],
      },
      registry,
    );
  }

  /** Does it; what it throws is thrown on. */
  measured<T>(transformation: Transformation, run: () => T): T {
    const began = this.#clock.monotonic();
    let answer: T;
    try {
      answer = run();
    } catch (error) {
      this.failed(transformation, error);
      throw error;
    }
    const seconds = (this.#clock.monotonic() - began) / 1000;
    for (const prefix of transformation.prefixes) {
      this.#count(transformation, prefix, "OK");
      this.#seriesOf(transformation.type, prefix).observe(seconds);
    }
    return answer;
  }

  failed(transformation: Transformation, error: unknown): void {
    for (const prefix of transformation.prefixes) this.#count(transformation, prefix, grpcStatusOf(error));
  }

  #count({ type, resource }: Transformation, prefix: string, status: string): void {
    const labels = { resource, transformation_type: type, transformer_prefix: prefix, status };
    this.#operations.count(labels).add();
  }

  #seriesOf(type: TransformationType, prefix: string): Series {
    const key = `${type}\n${prefix}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#durations.series({ transformation_type: type, transformer_prefix: prefix });
      this.#series.set(key, series);
    }
    return series;
  }
}

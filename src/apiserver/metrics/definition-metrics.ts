/**
 * What CustomResourceDefinitions bring about: objects converted by webhooks, documents made anew.
 * upstream: apiextensions-apiserver/pkg/{apiserver/conversion,controller/openapi,controller/openapiv3}/metrics.go
 */
import type { Registry } from "prom-client";
import type { CustomResourceDefinition } from "#api/generated/types/apiextensions-v1.ts";
import { SeriesHistogram, type Labels, type Series } from "#apiserver/http/series-histogram.ts";
import { SeriesCounter } from "./series-counter.ts";
import { alpha } from "./stability.ts";

/** upstream: exponential, from 1 ms, by 2 */
const conversionBuckets = Array.from({ length: 15 }, (_, at) => 0.001 * 2 ** at);
const requestBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60];

/** Why a webhook's answer can't be used. "": it can. */
export type ConversionFailure =
  | ""
  | "conversion_webhook_call_failure"
  | "conversion_webhook_malformed_response_failure"
  | "conversion_webhook_partial_response_failure"
  | "conversion_webhook_invalid_converted_object_failure";

export interface Conversion {
  /** "widgets.example.com" */
  readonly definition: string;
  readonly from: string;
  readonly to: string;
  readonly ms: number;
  readonly failure: ConversionFailure;
}

export type Regeneration = "add" | "update" | "remove";

/** Each series is made when it is needed. */
class Times {
  readonly #histogram: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor(histogram: SeriesHistogram) {
    this.#histogram = histogram;
  }

  observe(labels: Labels, ms: number): void {
    const key = Object.values(labels).join("\n");
    const series = this.#series.get(key) ?? this.#histogram.series(labels);
    this.#series.set(key, series);
    series.observe(ms / 1000);
  }
}

export class DefinitionMetrics {
  readonly #conversions: Times;
  readonly #requests: Times;
  readonly #requestCounts: SeriesCounter;
  readonly #version2: SeriesCounter;
  readonly #version3: SeriesCounter;

  constructor(registry: Registry) {
    const times = (name: string, help: string, buckets: readonly number[]): Times =>
      new Times(new SeriesHistogram({ name: `apiserver_${name}`, help: alpha(help), buckets }, registry));
    const counter = (name: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name, help: alpha(help), labelNames }, registry);
    this.#conversions = times(
      "crd_conversion_webhook_duration_seconds",
      "CRD webhook conversion duration in seconds",
      conversionBuckets,
    );
    this.#requests = times(
      "conversion_webhook_duration_seconds",
      "Conversion webhook request latency",
      requestBuckets,
    );
    this.#requestCounts = counter(
      "apiserver_conversion_webhook_request_total",
      "Counter for conversion webhook requests with success/failure and failure error type",
      ["result", "failure_type"],
    );
    this.#version2 = counter(
      "apiextensions_openapi_v2_regeneration_count",
      "Counter of OpenAPI v2 spec regeneration count broken down by causing CRD name and reason.",
      ["crd", "reason"],
    );
    this.#version3 = counter(
      "apiextensions_openapi_v3_regeneration_count",
      "Counter of OpenAPI v3 spec regeneration count broken down by group, version, causing CRD and reason.",
      ["group", "version", "crd", "reason"],
    );
  }

  converted({ definition, from, to, ms, failure }: Conversion): void {
    const labels = { result: failure === "" ? "success" : "failure", failure_type: failure };
    this.#requestCounts.count(labels).add();
    this.#requests.observe(labels, ms);
    const versions = { crd_name: definition, from_version: from, to_version: to };
    this.#conversions.observe({ ...versions, succeeded: String(failure === "") }, ms);
  }

  /** The documents that tell of it aren't what they were. */
  regenerated({ metadata, spec }: CustomResourceDefinition, reason: Regeneration): void {
    const { group, versions } = spec;
    const crd = metadata?.name ?? "";
    this.#version2.count({ crd, reason }).add();
    for (const { name: version, served } of versions) {
      if (served) this.#version3.count({ group, version, crd, reason }).add();
    }
  }
}

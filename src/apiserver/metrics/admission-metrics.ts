/** What admission took and refused, under upstream's names. upstream: apiserver/pkg/admission/metrics/metrics.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Labels } from "#apiserver/http/series-histogram.ts";
import type { Operation } from "#apiserver/admission/admission.ts";
import type { Clock } from "#base/clock.ts";
import { ExpressionMetrics } from "./expression-metrics.ts";
import { SeriesCounter } from "./series-counter.ts";
import { alpha, stable } from "./stability.ts";
import { SeriesSummary } from "./series-summary.ts";

const pluginBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const webhookBuckets = [...pluginBuckets, 10, 25];
/** Codes beyond are counted as this. */
const rejectionCodeMax = 600;

const nameOf = (rest: string): string => `apiserver_admission_${rest}`;

export interface AdmissionObserver {
  observe(operation: Operation, isRejected: boolean, seconds: number): void;
}

interface ObservedSeries {
  observe(seconds: number): void;
}

interface ObservedMetric {
  series(labels: Labels): ObservedSeries;
}

/** Tells several of the same. */
class Both implements AdmissionObserver {
  readonly #all: readonly AdmissionObserver[];

  constructor(...all: readonly AdmissionObserver[]) {
    this.#all = all;
  }

  observe(operation: Operation, isRejected: boolean, seconds: number): void {
    for (const each of this.#all) each.observe(operation, isRejected, seconds);
  }
}

/** One thing that takes its time: its series by operation and outcome, each made when it is needed. */
class Observed implements AdmissionObserver {
  readonly #labels: Labels;
  readonly #histogram: ObservedMetric;
  readonly #passed = new Map<Operation, ObservedSeries>();
  readonly #rejected = new Map<Operation, ObservedSeries>();

  constructor(histogram: ObservedMetric, labels: Labels) {
    this.#histogram = histogram;
    this.#labels = labels;
  }

  observe(operation: Operation, isRejected: boolean, seconds: number): void {
    const known = isRejected ? this.#rejected : this.#passed;
    let series = known.get(operation);
    if (series === undefined) {
      series = this.#histogram.series({ ...this.#labels, operation, rejected: String(isRejected) });
      known.set(operation, series);
    }
    series.observe(seconds);
  }
}

/** What came of asking a webhook. */
export interface WebhookOutcome {
  readonly name: string;
  readonly isMutating: boolean;
  readonly operation: Operation;
  readonly seconds: number;
  /** HTTP's; 0 when something failed here. */
  readonly code: number;
  readonly rejectedFor?: "no_error" | "calling_webhook_error" | "apiserver_internal_error" | undefined;
}

export class AdmissionMetrics {
  readonly expressions: ExpressionMetrics;
  readonly admitStep: AdmissionObserver;
  readonly validateStep: AdmissionObserver;
  readonly #plugins: SeriesHistogram;
  readonly #webhooks: SeriesHistogram;
  readonly #byWebhook = new Map<string, Observed>();
  readonly #rejections: SeriesCounter;
  readonly #requests: SeriesCounter;
  readonly #failOpen: SeriesCounter;

  constructor(registry: Registry, clock: Clock) {
    const histogram = (rest: string, help: string, buckets: readonly number[]): SeriesHistogram =>
      new SeriesHistogram({ name: nameOf(rest), help, buckets }, registry);
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name: nameOf(rest), help, labelNames }, registry);
    this.expressions = new ExpressionMetrics(registry);
    const stepName = nameOf("step_admission_duration_seconds");
    const steps = new SeriesHistogram(
      {
        name: stepName,
        help: stable(
          "Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type (validate or admit).",
        ),
        buckets: pluginBuckets,
      },
      registry,
    );
    const summary = new SeriesSummary(
      {
        name: `${stepName}_summary`,
        help: alpha(
          "Admission sub-step latency summary in seconds, broken out for each operation and API resource and step type (validate or admit).",
        ),
      },
      registry,
      clock,
    );
    const step = (type: string): AdmissionObserver =>
      new Both(new Observed(steps, { type }), new Observed(summary, { type }));
    this.admitStep = step("admit");
    this.validateStep = step("validate");
    this.#plugins = histogram(
      "controller_admission_duration_seconds",
      stable(
        "Admission controller latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
      ),
      pluginBuckets,
    );
    this.#webhooks = histogram(
      "webhook_admission_duration_seconds",
      stable(
        "Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).",
      ),
      webhookBuckets,
    );
    this.#rejections = counter(
      "webhook_rejection_count",
      alpha(
        "Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify an error type (calling_webhook_error or apiserver_internal_error if an error occurred; no_error otherwise) and optionally a non-zero rejection code if the webhook rejects the request with an HTTP status code (honored by the apiserver when the code is greater or equal to 400). Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
      ),
      ["name", "type", "operation", "error_type", "rejection_code"],
    );
    this.#requests = counter(
      "webhook_request_total",
      alpha(
        "Admission webhook request total, identified by name and broken out for each admission type (validating or admit) and operation. Additional labels specify whether the request was rejected or not and an HTTP status code. Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded.",
      ),
      ["name", "type", "operation", "code", "rejected"],
    );
    this.#failOpen = counter(
      "webhook_fail_open_count",
      alpha(
        "Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).",
      ),
      ["name", "type"],
    );
  }

  plugin(name: string, type: "admit" | "validate"): AdmissionObserver {
    return new Observed(this.#plugins, { name, type });
  }

  webhook({ name, isMutating, operation, seconds, code, rejectedFor }: WebhookOutcome): void {
    const type = webhookType(isMutating);
    const key = `${type}\n${name}`;
    let observed = this.#byWebhook.get(key);
    if (observed === undefined) {
      observed = new Observed(this.#webhooks, { name, type });
      this.#byWebhook.set(key, observed);
    }
    const isRejected = rejectedFor !== undefined;
    observed.observe(operation, isRejected, seconds);
    const shown = String(Math.min(code, rejectionCodeMax));
    this.#requests.count({ name, type, operation, code: shown, rejected: String(isRejected) }).add();
    if (isRejected) {
      this.#rejections.count({ name, type, operation, error_type: rejectedFor, rejection_code: shown }).add();
    }
  }

  failedOpen(name: string, isMutating: boolean): void {
    this.#failOpen.count({ name, type: webhookType(isMutating) }).add();
  }
}

const webhookType = (isMutating: boolean): string => (isMutating ? "admit" : "validating");

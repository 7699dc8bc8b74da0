/**
 * What admission's policies and match conditions say and take, under upstream's names.
 * upstream: apiserver/pkg/admission/plugin/policy/{validating,mutating}/metrics, apiserver/pkg/admission/metrics, apiserver/pkg/cel/metrics
 */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Labels, type Series } from "#apiserver/http/series-histogram.ts";
import { conditionBuckets } from "./authorizer-metrics.ts";
import { SeriesCounter } from "./series-counter.ts";

const checkBuckets = [0.0000005, 0.001, 0.01, 0.1, 1];
/** client_golang's */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type CheckError = "no_error" | "compile_error" | "invalid_error" | "out_of_budget";

export interface Check {
  readonly policy: string;
  readonly binding: string;
  readonly error: CheckError;
  readonly ms: number;
}

export interface ConditionOwner {
  readonly kind: "webhook" | "policy";
  readonly name: string;
  readonly type: "admit" | "validating" | "validate" | "mutate";
  readonly operation: string;
}

/** A counter and a histogram that say the same. */
class Checks {
  readonly #total: SeriesCounter;
  readonly #durations: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor(subsystem: string, labelNames: readonly string[], registry: Registry) {
    const name = `apiserver_${subsystem}_check`;
    this.#total = new SeriesCounter(
      { name: `${name}_total`, help: "Checks of a policy.", labelNames },
      registry,
    );
    this.#durations = new SeriesHistogram(
      {
        name: `${name}_duration_seconds`,
        help: "Time that a check took, in seconds.",
        buckets: checkBuckets,
      },
      registry,
    );
  }

  observe(labels: Labels, ms: number): void {
    this.#total.count(labels).add();
    const key = Object.values(labels).join("\n");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#durations.series(labels);
      this.#series.set(key, series);
    }
    series.observe(ms / 1000);
  }
}

/** Each series is made when it is needed: most servers have no policy. */
export class ExpressionMetrics {
  readonly compilation: Series;
  readonly evaluation: Series;
  readonly #validating: Checks;
  readonly #mutating: Checks;
  readonly #errors: SeriesCounter;
  readonly #exclusions: SeriesCounter;
  readonly #times: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    const histogram = (rest: string, help: string, buckets: readonly number[]): SeriesHistogram =>
      new SeriesHistogram({ name: `apiserver_${rest}_seconds`, help, buckets }, registry);
    const counter = (rest: string, help: string): SeriesCounter => {
      const labelNames = ["name", "kind", "type", "operation"];
      return new SeriesCounter({ name: `apiserver_admission_${rest}`, help, labelNames }, registry);
    };
    this.compilation = histogram(
      "cel_compilation_duration",
      "Time that the expressions of a policy took to be compiled, in seconds.",
      defaultBuckets,
    ).series({});
    this.evaluation = histogram(
      "cel_evaluation_duration",
      "Time that the expressions of a policy took for one request, in seconds.",
      defaultBuckets,
    ).series({});
    const which = ["policy", "policy_binding", "error_type"];
    this.#validating = new Checks("validating_admission_policy", [...which, "enforcement_action"], registry);
    this.#mutating = new Checks("mutating_admission_policy", which, registry);
    this.#errors = counter("match_condition_evaluation_errors_total", "Match conditions that failed.");
    this.#exclusions = counter("match_condition_exclusions_total", "Writes that match conditions left out.");
    this.#times = histogram(
      "admission_match_condition_evaluation",
      "Time that match conditions took, in seconds.",
      conditionBuckets,
    );
  }

  /** `action`: what came of it, "deny", "warn", "audit"; "allow" for an error that doesn't count. */
  validated({ policy, binding, error, ms }: Check, action: string): void {
    const labels = { policy, policy_binding: binding, error_type: error, enforcement_action: action };
    this.#validating.observe(labels, ms);
  }

  mutated({ policy, binding, error, ms }: Check): void {
    this.#mutating.observe({ policy, policy_binding: binding, error_type: error }, ms);
  }

  conditions(
    { name, kind, type, operation }: ConditionOwner,
    outcome: { readonly isExcluded: boolean; readonly errors: number; readonly ms: number },
  ): void {
    const labels = { name, kind, type, operation };
    if (outcome.isExcluded) this.#exclusions.count(labels).add();
    if (outcome.errors > 0) this.#errors.count(labels).add(outcome.errors);
    const key = Object.values(labels).join("\n");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#times.series(labels);
      this.#series.set(key, series);
    }
    series.observe(outcome.ms / 1000);
  }
}

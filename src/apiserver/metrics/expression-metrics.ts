/**
 * What admission's policies and match conditions say and take, under upstream's names.
 * upstream: apiserver/pkg/admission/plugin/policy/{validating,mutating}/metrics, apiserver/pkg/admission/metrics, apiserver/pkg/cel/metrics
 */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Labels, type Series } from "#apiserver/http/series-histogram.ts";
import { conditionBuckets } from "./authorizer-metrics.ts";
import { alpha, beta } from "./stability.ts";
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

interface CheckNames {
  readonly subsystem: string;
  readonly total: string;
  readonly duration: string;
}

const validatingNames: CheckNames = {
  subsystem: "validating_admission_policy",
  total: beta(
    "Validation admission policy check total, labeled by policy and further identified by binding and enforcement action taken.",
  ),
  duration: beta(
    "Validation admission latency for individual validation expressions in seconds, labeled by policy and further including binding and enforcement action taken.",
  ),
};

const mutatingNames: CheckNames = {
  subsystem: "mutating_admission_policy",
  total: alpha("Mutation admission policy check total, labeled by policy and further identified by binding."),
  duration: alpha(
    "Mutation admission latency for individual mutation expressions in seconds, labeled by policy and binding.",
  ),
};

/** Of match conditions. */
const ofConditions = (what: string): string =>
  alpha(
    `Admission match condition evaluation ${what} count, identified by name of resource containing the match condition and broken out for each kind containing matchConditions (webhook or policy), operation and admission type (validate or admit).`,
  );

/** A counter and a histogram that say the same. */
class Checks {
  readonly #total: SeriesCounter;
  readonly #durations: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor({ subsystem, total, duration }: CheckNames, labelNames: readonly string[], registry: Registry) {
    const name = `apiserver_${subsystem}_check`;
    this.#total = new SeriesCounter({ name: `${name}_total`, help: total, labelNames }, registry);
    this.#durations = new SeriesHistogram(
      {
        name: `${name}_duration_seconds`,
        help: duration,
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

/** What expressions take, whoever has them: policies, definitions of custom resources. */
export interface ExpressionTimes {
  readonly compilation: Series;
  readonly evaluation: Series;
}

/** Each series is made when it is needed: most servers have no policy. */
export class ExpressionMetrics implements ExpressionTimes {
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
    const took = (what: string): Series =>
      new SeriesHistogram(
        {
          name: `apiserver_cel_${what}_duration_seconds`,
          help: beta(`CEL ${what} time in seconds.`),
          buckets: defaultBuckets,
        },
        registry,
      ).series({});
    this.compilation = took("compilation");
    this.evaluation = took("evaluation");
    const which = ["policy", "policy_binding", "error_type"];
    this.#validating = new Checks(validatingNames, [...which, "enforcement_action"], registry);
    this.#mutating = new Checks(mutatingNames, which, registry);
    this.#errors = counter("match_condition_evaluation_errors_total", ofConditions("errors"));
    this.#exclusions = counter("match_condition_exclusions_total", ofConditions("exclusions"));
    this.#times = histogram(
      "admission_match_condition_evaluation",
      alpha(
        "Admission match condition evaluation time in seconds, identified by name and broken out for each kind containing matchConditions (webhook or policy), operation and type (validate or admit).",
      ),
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

/**
 * What each authorizer decides, and how webhooks among them answer, under upstream's names.
 * upstream: apiserver/pkg/authorization/{metrics,cel}/metrics.go, apiserver/plugin/pkg/authorizer/webhook/metrics
 */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "#apiserver/authz/authorizer.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { alpha } from "./stability.ts";
import { SeriesCounter, type Count } from "./series-counter.ts";

/** client_golang's */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
export const conditionBuckets = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

const nameOf = (rest: string): string => `apiserver_authorization_${rest}`;

export type WebhookResult = "success" | "timeout" | "error";

export interface AuthorizerIdentity {
  /** "RBAC", "Webhook" */
  readonly type: string;
  readonly name: string;
}

/** Each series is made when it is needed: most servers have no webhook. */
export class AuthorizerMetrics {
  readonly #decisions: SeriesCounter;
  readonly #evaluations: SeriesCounter;
  readonly #failOpen: SeriesCounter;
  readonly #conditionErrors: SeriesCounter;
  readonly #exclusions: SeriesCounter;
  readonly #durations: SeriesHistogram;
  readonly #conditionTimes: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name: nameOf(rest), help, labelNames }, registry);
    const histogram = (rest: string, help: string, buckets: readonly number[]): SeriesHistogram =>
      new SeriesHistogram({ name: nameOf(rest), help, buckets }, registry);
    const which = ["type", "name"];
    const asked = ["name", "result"];
    this.#decisions = counter(
      "decisions_total",
      alpha(
        "Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.",
      ),
      [...which, "decision"],
    );
    this.#evaluations = counter(
      "webhook_evaluations_total",
      alpha("Round-trips to authorization webhooks."),
      asked,
    );
    this.#failOpen = counter(
      "webhook_evaluations_fail_open_total",
      alpha("NoOpinion results due to webhook timeout or error."),
      asked,
    );
    this.#durations = histogram(
      "webhook_duration_seconds",
      alpha("Request latency in seconds."),
      defaultBuckets,
    );
    this.#conditionErrors = counter(
      "match_condition_evaluation_errors_total",
      alpha(
        "Total number of errors when an authorization webhook encounters a match condition error split by authorizer type and name.",
      ),
      which,
    );
    this.#exclusions = counter(
      "match_condition_exclusions_total",
      alpha(
        "Total number of exclusions when an authorization webhook is skipped because match conditions exclude it.",
      ),
      which,
    );
    this.#conditionTimes = histogram(
      "match_condition_evaluation_seconds",
      alpha("Authorization match condition evaluation time in seconds, split by authorizer type and name."),
      conditionBuckets,
    );
  }

  decisions({ type, name }: AuthorizerIdentity, decision: "allowed" | "denied"): Count {
    return this.#decisions.count({ type, name, decision });
  }

  webhook(name: string, result: WebhookResult, ms: number): void {
    this.#evaluations.count({ name, result }).add();
    this.#seriesOf(this.#durations, { name, result }).observe(ms / 1000);
  }

  failedOpen(name: string, result: WebhookResult): void {
    this.#failOpen.count({ name, result }).add();
  }

  /** `matches`: a text says why it can't be told. */
  conditions(name: string, matches: boolean | string, ms: number): void {
    const which = { type: "Webhook", name };
    this.#seriesOf(this.#conditionTimes, which).observe(ms / 1000);
    if (typeof matches === "string") this.#conditionErrors.count(which).add();
    else if (!matches) this.#exclusions.count(which).add();
  }

  #seriesOf(histogram: SeriesHistogram, labels: Readonly<Record<string, string>>): Series {
    const key = Object.entries(labels).flat().join("\n");
    let series = this.#series.get(key);
    if (series === undefined) {
      series = histogram.series(labels);
      this.#series.set(key, series);
    }
    return series;
  }
}

/** Counts what an authorizer decides; that it has no opinion isn't counted. */
export class CountedAuthorizer implements Authorizer {
  readonly #inner: Authorizer;
  readonly #metrics: AuthorizerMetrics;
  readonly #identity: AuthorizerIdentity;
  #allowed: Count | undefined;
  #denied: Count | undefined;

  constructor(inner: Authorizer, identity: AuthorizerIdentity, metrics: AuthorizerMetrics) {
    this.#inner = inner;
    this.#identity = identity;
    this.#metrics = metrics;
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const decision = this.#inner.authorize(attributes);
    return decision instanceof Promise ? decision.then((late) => this.#told(late)) : this.#told(decision);
  }

  rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    return this.#inner.rulesFor(user, namespace);
  }

  #told(decision: Decision): Decision {
    if (decision.allowed) (this.#allowed ??= this.#metrics.decisions(this.#identity, "allowed")).add();
    else if (decision.denied) (this.#denied ??= this.#metrics.decisions(this.#identity, "denied")).add();
    return decision;
  }
}

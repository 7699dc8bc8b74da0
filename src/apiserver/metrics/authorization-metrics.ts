/** What requests' authorization took and said, under upstream's names. upstream: apiserver/pkg/endpoints/filters/metrics.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Attributes, Authorizer, Decision, UserRules } from "#apiserver/authz/authorizer.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Clock } from "#base/clock.ts";
import { filterSeries } from "./filter-metrics.ts";
import { alpha } from "./stability.ts";
import { countAtCollection, countsOf } from "./series-counter.ts";

/** upstream: exponential, from 1 ms, by 2 */
export const filterBuckets: readonly number[] = Array.from({ length: 15 }, (_, at) => 0.001 * 2 ** at);

export class MeasuredAuthorizer implements Authorizer {
  readonly #inner: Authorizer;
  readonly #clock: Clock;
  readonly #filter: Series;
  readonly #allowed: Series;
  readonly #denied: Series;
  readonly #undecided: Series;
  readonly #failed: Series;

  constructor(
    inner: Authorizer,
    { clock, registry }: { readonly clock: Clock; readonly registry: Registry },
  ) {
    this.#inner = inner;
    this.#clock = clock;
    this.#filter = filterSeries(registry, "authorization");
    const durations = new SeriesHistogram(
      {
        name: "authorization_duration_seconds",
        help: alpha("Authorization duration in seconds broken out by result."),
        buckets: filterBuckets,
      },
      registry,
    );
    this.#allowed = durations.series({ result: "allowed" });
    this.#denied = durations.series({ result: "denied" });
    this.#undecided = durations.series({ result: "no-opinion" });
    this.#failed = durations.series({ result: "error" });
    const attempts = {
      name: "authorization_attempts_total",
      help: alpha(
        "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
      ),
      labelNames: ["result"],
    };
    countAtCollection(attempts, registry, () => countsOf(durations.all));
  }

  authorize(attributes: Attributes): Decision | Promise<Decision> {
    const began = this.#clock.monotonic();
    const decision = this.#inner.authorize(attributes);
    return decision instanceof Promise ? this.#later(decision, began) : this.#told(decision, began);
  }

  rulesFor(user: UserInfo, namespace: string): Promise<UserRules> {
    return this.#inner.rulesFor(user, namespace);
  }

  async #later(decision: Promise<Decision>, began: number): Promise<Decision> {
    try {
      return this.#told(await decision, began);
    } catch (error) {
      const seconds = (this.#clock.monotonic() - began) / 1000;
      this.#failed.observe(seconds);
      this.#filter.observe(seconds);
      throw error;
    }
  }

  #told(decision: Decision, began: number): Decision {
    const seconds = (this.#clock.monotonic() - began) / 1000;
    this.#seriesOf(decision).observe(seconds);
    this.#filter.observe(seconds);
    return decision;
  }

  #seriesOf({ allowed, denied, error }: Decision): Series {
    if (allowed) return this.#allowed;
    if (error !== undefined) return this.#failed;
    return denied ? this.#denied : this.#undecided;
  }
}

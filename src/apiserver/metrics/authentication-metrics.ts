/** What finding out who asks took, under upstream's names. upstream: apiserver/pkg/endpoints/filters/{metrics,authentication}.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Authenticator, Credentials, UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Clock } from "#base/clock.ts";
import { filterBuckets } from "./authorization-metrics.ts";
import { alpha } from "./stability.ts";
import { countAtCollection, countsOf, SeriesCounter, type Count } from "./series-counter.ts";

export class MeasuredAuthenticator implements Authenticator {
  readonly #inner: Authenticator;
  readonly #clock: Clock;
  readonly #users: SeriesCounter;
  readonly #remembered = new WeakMap<UserInfo, Count>();
  readonly #succeeded: Series;
  readonly #failed: Series;
  readonly #broken: Series;

  constructor(
    inner: Authenticator,
    { clock, registry }: { readonly clock: Clock; readonly registry: Registry },
  ) {
    this.#inner = inner;
    this.#clock = clock;
    const durations = new SeriesHistogram(
      {
        name: "authentication_duration_seconds",
        help: alpha("Authentication duration in seconds broken out by result."),
        buckets: filterBuckets,
      },
      registry,
    );
    this.#succeeded = durations.series({ result: "success" });
    this.#failed = durations.series({ result: "failure" });
    this.#broken = durations.series({ result: "error" });
    const attempts = {
      name: "authentication_attempts",
      help: alpha("Counter of authenticated attempts."),
      labelNames: ["result"],
    };
    countAtCollection(attempts, registry, () => countsOf(durations.all));
    this.#users = new SeriesCounter(
      {
        name: "authenticated_user_requests",
        help: alpha("Counter of authenticated requests broken out by username."),
        labelNames: ["username"],
      },
      registry,
    );
  }

  async authenticate(credentials: Credentials): Promise<UserInfo | undefined> {
    const began = this.#clock.monotonic();
    let series = this.#broken;
    try {
      const user = await this.#inner.authenticate(credentials);
      series = user === undefined ? this.#failed : this.#succeeded;
      if (user !== undefined) this.#countOf(user).add();
      return user;
    } finally {
      series.observe((this.#clock.monotonic() - began) / 1000);
    }
  }

  remembered(user: UserInfo): void {
    this.#succeeded.observe(0);
    let count = this.#remembered.get(user);
    if (count === undefined) {
      count = this.#countOf(user);
      this.#remembered.set(user, count);
    }
    count.add();
  }

  #countOf({ name }: UserInfo): Count {
    return this.#users.count({ username: shownName(name) });
  }
}

const shownNames = new Set([
  "admin",
  "client",
  "kube_proxy",
  "kubelet",
  "system:serviceaccount:kube-system:default",
]);

function shownName(name: string): string {
  if (shownNames.has(name)) return name;
  return name.includes("@") ? "email_id" : "other";
}

/** What finding out who asks took, under upstream's names. upstream: apiserver/pkg/endpoints/filters/{metrics,authentication}.go */
import { X509Certificate } from "node:crypto";
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import type { Authenticator, Credentials, UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Clock } from "#base/clock.ts";
import { filterBuckets } from "./authorization-metrics.ts";
import { filterSeries } from "./filter-metrics.ts";
import { alpha } from "./stability.ts";
import { countAtCollection, countsOf, SeriesCounter, type Count } from "./series-counter.ts";

/** In seconds. upstream: authentication/request/x509/x509.go */
const lifetimeBuckets = [
  0, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 2_592_000, 7_776_000, 15_552_000,
  31_104_000,
];

interface Remembered {
  readonly count: Count;
  /** Of the certificate that he came with, if any. */
  readonly expiresMs: number | undefined;
}

export class MeasuredAuthenticator implements Authenticator {
  readonly #inner: Authenticator;
  readonly #clock: Clock;
  readonly #users: SeriesCounter;
  readonly #remembered = new WeakMap<UserInfo, Remembered>();
  /** When the certificates of connections expire, in milliseconds since the epoch; each is read once. */
  readonly #expirations = new WeakMap<Buffer, number>();
  readonly #lifetimes: Series;
  readonly #filter: Series;
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
    this.#filter = filterSeries(registry, "authentication");
    this.#lifetimes = new SeriesHistogram(
      {
        name: "apiserver_client_certificate_expiration_seconds",
        help: alpha(
          "Distribution of the remaining lifetime on the certificate used to authenticate a request.",
        ),
        buckets: lifetimeBuckets,
      },
      registry,
    ).series({});
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
      if (user !== undefined) this.#note(user, credentials);
      return user;
    } finally {
      const seconds = (this.#clock.monotonic() - began) / 1000;
      series.observe(seconds);
      this.#filter.observe(seconds);
    }
  }

  remembered(user: UserInfo): void {
    this.#succeeded.observe(0);
    this.#filter.observe(0);
    let known = this.#remembered.get(user);
    if (known === undefined) {
      known = { count: this.#countOf(user), expiresMs: undefined };
      this.#remembered.set(user, known);
    }
    known.count.add();
    this.#noteLifetime(known.expiresMs);
  }

  #note(user: UserInfo, { clientCertificate }: Credentials): void {
    const expiresMs = clientCertificate === undefined ? undefined : this.#expirationOf(clientCertificate);
    const count = this.#countOf(user);
    count.add();
    this.#noteLifetime(expiresMs);
    this.#remembered.set(user, { count, expiresMs });
  }

  #noteLifetime(expiresMs: number | undefined): void {
    if (expiresMs !== undefined) this.#lifetimes.observe((expiresMs - this.#clock.now()) / 1000);
  }

  #expirationOf(certificate: Buffer): number {
    const known = this.#expirations.get(certificate);
    if (known !== undefined) return known;
    const expiresMs = new X509Certificate(certificate).validToDate.getTime();
    this.#expirations.set(certificate, expiresMs);
    return expiresMs;
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

/** How long tokens of other issuers take to be looked at. upstream: apiserver/plugin/pkg/authenticator/token/oidc/metrics.go */
import type { Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import { shownHash } from "./server-identity.ts";
import { alpha } from "./stability.ts";

const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class IssuerMetrics {
  readonly #latencies: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor(registry: Registry) {
    this.#latencies = new SeriesHistogram(
      {
        name: "apiserver_authentication_jwt_authenticator_latency_seconds",
        help: alpha(
          "Latency of jwt authentication operations in seconds. This is the time spent authenticating a token for cache miss only (i.e. when the token is not found in the cache).",
        ),
        buckets,
      },
      registry,
    );
  }

  /** `issuer`: its URL, which isn't shown. */
  looked(issuer: string, result: "success" | "failure", ms: number): void {
    const key = `${result}\n${issuer}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#latencies.series({ result, jwt_issuer_hash: shownHash(issuer) });
      this.#series.set(key, series);
    }
    series.observe(ms / 1000);
  }
}

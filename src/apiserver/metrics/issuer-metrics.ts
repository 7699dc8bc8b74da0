/** How long tokens of other issuers take to be looked at, and when their keys were asked for. upstream: apiserver/plugin/pkg/authenticator/token/oidc/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import { shownHash } from "./server-identity.ts";
import { alpha } from "./stability.ts";

const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

type FetchLabel = "apiserver_id_hash" | "jwt_issuer_hash";

export interface IssuerMetricsDeps {
  readonly registry: Registry;
  /** Of this server, see server-identity.ts. */
  readonly serverId: string;
}

export class IssuerMetrics {
  readonly #server: string;
  readonly #fetches: Gauge<FetchLabel | "result">;
  readonly #keySets: Gauge<FetchLabel | "hash">;
  /** By issuer, the hash of its keys. */
  readonly #shown = new Map<string, string>();
  readonly #latencies: SeriesHistogram;
  readonly #series = new Map<string, Series>();

  constructor({ registry, serverId }: IssuerMetricsDeps) {
    this.#server = shownHash(serverId);
    const registers = [registry];
    const prefix = "apiserver_authentication_jwt_authenticator";
    this.#fetches = new Gauge({
      name: `${prefix}_jwks_fetch_last_timestamp_seconds`,
      help: alpha(
        "Timestamp of the last successful or failed JWKS fetch split by result, api server identity and jwt issuer for the JWT authenticator.",
      ),
      labelNames: ["result", "jwt_issuer_hash", "apiserver_id_hash"],
      registers,
    });
    this.#keySets = new Gauge({
      name: `${prefix}_jwks_fetch_last_key_set_info`,
      help: alpha(
        "Information about the last JWKS fetched by the JWT authenticator with hash as label, split by api server identity and jwt issuer.",
      ),
      labelNames: ["hash", "jwt_issuer_hash", "apiserver_id_hash"],
      registers,
    });
    this.#latencies = new SeriesHistogram(
      {
        name: `${prefix}_latency_seconds`,
        help: alpha(
          "Latency of jwt authentication operations in seconds. This is the time spent authenticating a token for cache miss only (i.e. when the token is not found in the cache).",
        ),
        buckets,
      },
      registry,
    );
  }

  /** `keys`: the document that has them; undefined: it couldn't be had. */
  fetched(issuer: string, keys: string | undefined, nowMs: number): void {
    const labels = { jwt_issuer_hash: shownHash(issuer), apiserver_id_hash: this.#server };
    this.#fetches.set({ ...labels, result: keys === undefined ? "failure" : "success" }, nowMs / 1000);
    if (keys === undefined) return;
    const [before, hash] = [this.#shown.get(issuer), shownHash(keys)];
    if (before !== undefined) this.#keySets.remove({ ...labels, hash: before });
    this.#shown.set(issuer, hash);
    this.#keySets.set({ ...labels, hash }, 1);
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

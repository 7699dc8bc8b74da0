/** What KMS plugins are asked and whose keys are in use. upstream: apiserver/pkg/storage/value/encrypt/envelope/metrics/metrics.go */
import { Gauge, type Registry } from "prom-client";
import { SeriesHistogram, type Series } from "#apiserver/http/series-histogram.ts";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { shownHash } from "./server-identity.ts";
import { alpha } from "./stability.ts";

/** upstream: exponential, from 0.1 ms, by 2 */
const latencyBuckets = Array.from({ length: 14 }, (_, at) => 0.0001 * 2 ** at);

/** upstream: exponential, from 5 µs, by 2 */
const generationBuckets = Array.from({ length: 14 }, (_, at) => 0.000005 * 2 ** at);

/** gRPC's codes by their numbers, as Go says them. */
const codes = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

/** Of an error, or of what brought it about; what isn't gRPC's has a word of its own. */
export function grpcStatusOf(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    const { code } = each as { readonly code?: unknown };
    if (typeof code === "number") return codes[code] ?? "Unknown";
  }
  return "unknown-non-grpc";
}

export type KmsMethod = "Status" | "Encrypt" | "Decrypt";
type Transformation = "from_storage" | "to_storage";

export interface EnvelopeMetricsDeps {
  readonly registry: Registry;
  readonly serverId: string;
}

const nameOf = (rest: string): string => `apiserver_envelope_encryption_${rest}`;

export class EnvelopeMetrics {
  readonly #server: string;
  readonly #latencies: SeriesHistogram;
  readonly #latencySeries = new Map<string, Series>();
  readonly #uses: SeriesCounter;
  readonly #invalid: SeriesCounter;
  readonly #usedAt: Gauge;
  readonly #saidAt: Gauge;
  readonly #sources: Gauge;
  readonly #seedsMade: Series;
  readonly #misses: Count;

  constructor({ registry, serverId }: EnvelopeMetricsDeps) {
    const registers = [registry];
    const gauge = (rest: string, help: string, labelNames: string[]): Gauge =>
      new Gauge({ name: nameOf(rest), help: alpha(help), labelNames, registers });
    const counter = (rest: string, help: string, labelNames: string[]): SeriesCounter =>
      new SeriesCounter({ name: nameOf(rest), help: alpha(help), labelNames }, registry);
    this.#server = shownHash(serverId);
    this.#latencies = new SeriesHistogram(
      {
        name: nameOf("kms_operations_latency_seconds"),
        help: alpha("KMS operation duration with gRPC error code status total."),
        buckets: latencyBuckets,
      },
      registry,
    );
    const key = ["provider_name", "key_id_hash", "apiserver_id_hash"];
    this.#uses = counter(
      "key_id_hash_total",
      "Number of times a keyID is used split by transformation type, provider, and apiserver identity.",
      ["transformation_type", ...key],
    );
    this.#usedAt = gauge(
      "key_id_hash_last_timestamp_seconds",
      "The last time in seconds when a keyID was used.",
      ["transformation_type", ...key],
    );
    this.#saidAt = gauge(
      "key_id_hash_status_last_timestamp_seconds",
      "The last time in seconds when a keyID was returned by the Status RPC call.",
      key,
    );
    this.#invalid = counter(
      "invalid_key_id_from_status_total",
      "Number of times an invalid keyID is returned by the Status RPC call split by error.",
      ["provider_name", "error"],
    );
    this.#seedsMade = new SeriesHistogram(
      {
        name: "apiserver_storage_data_key_generation_duration_seconds",
        help: alpha("Latencies in seconds of data encryption key(DEK) generation operations."),
        buckets: generationBuckets,
      },
      registry,
    ).series({});
    this.#misses = new SeriesCounter(
      {
        name: "apiserver_storage_envelope_transformation_cache_misses_total",
        help: alpha("Total number of cache misses while accessing key decryption key(KEK)."),
        labelNames: [],
      },
      registry,
    ).count({});
    this.#sources = gauge(
      "dek_source_cache_size",
      "Number of records in data encryption key (DEK) source cache. On a restart, this value is an approximation of the number of decrypt RPC calls the server will make to the KMS plugin.",
      ["provider_name"],
    );
  }

  /** A seed of our own, which values' keys follow from. */
  seedMade(ms: number): void {
    this.#seedsMade.observe(ms / 1000);
  }

  /** A value's seed isn't known: the plugin has to be asked. */
  missed(): void {
    this.#misses.add();
  }

  /** `error`: of gRPC it has a code. */
  asked(provider: string, method: KmsMethod, ms: number, error: unknown): void {
    const status = error === undefined ? "OK" : grpcStatusOf(error);
    const key = `${provider}\n${method}\n${status}`;
    let series = this.#latencySeries.get(key);
    if (series === undefined) {
      const name = `/v2.KeyManagementService/${method}`;
      series = this.#latencies.series({
        provider_name: provider,
        method_name: name,
        grpc_status_code: status,
      });
      this.#latencySeries.set(key, series);
    }
    series.observe(ms / 1000);
  }

  used(provider: string, transformation: Transformation, keyId: string, nowMs: number): void {
    const labels = { transformation_type: transformation, ...this.#keyOf(provider, keyId) };
    this.#uses.count(labels).add();
    this.#usedAt.set(labels, nowMs / 1000);
  }

  said(provider: string, keyId: string, nowMs: number): void {
    this.#saidAt.set(this.#keyOf(provider, keyId), nowMs / 1000);
  }

  saidInvalid(provider: string, error: "empty" | "too_long"): void {
    this.#invalid.count({ provider_name: provider, error }).add();
  }

  remembers(provider: string, sources: number): void {
    this.#sources.set({ provider_name: provider }, sources);
  }

  #keyOf(
    provider: string,
    keyId: string,
  ): Record<"provider_name" | "key_id_hash" | "apiserver_id_hash", string> {
    return { provider_name: provider, key_id_hash: shownHash(keyId), apiserver_id_hash: this.#server };
  }
}

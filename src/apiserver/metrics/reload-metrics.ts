/** Configurations that are followed, under upstream's names. upstream: apiserver/pkg/server/options/{authorizationconfig,authenticationconfig,encryptionconfig}/metrics */
import { Counter, Gauge, type Registry } from "prom-client";
import { shownHash } from "./server-identity.ts";
import { alpha, beta } from "./stability.ts";

export type Subsystem = "authorization" | "authentication" | "encryption";

interface Described {
  readonly promise: (help: string) => string;
  readonly reloads: string;
  readonly times: string;
}

const described = (subsystem: Subsystem): Described =>
  subsystem === "encryption"
    ? {
        promise: alpha,
        reloads:
          "Total number of reload successes and failures of encryption configuration split by apiserver identity.",
        times:
          "Timestamp of the last successful or failed automatic reload of encryption configuration split by apiserver identity.",
      }
    : {
        promise: beta,
        reloads: `Total number of automatic reloads of ${subsystem} configuration split by status and apiserver identity.`,
        times: `Timestamp of the last automatic reload of ${subsystem} configuration split by status and apiserver identity.`,
      };

export interface ReloadMetricsDeps {
  readonly registry: Registry;
  /** Of this server, see server-identity.ts. */
  readonly serverId: string;
}

export class ReloadMetrics {
  readonly #reloads: Counter<"status" | "apiserver_id_hash">;
  readonly #times: Gauge<"status" | "apiserver_id_hash">;
  readonly #info: Gauge<"hash" | "apiserver_id_hash">;
  readonly #server: { readonly apiserver_id_hash: string };

  constructor(subsystem: Subsystem, { registry, serverId }: ReloadMetricsDeps) {
    const prefix = `apiserver_${subsystem}_config_controller`;
    const registers = [registry];
    const { promise, reloads, times } = described(subsystem);
    this.#server = { apiserver_id_hash: shownHash(serverId) };
    this.#reloads = new Counter({
      name: `${prefix}_automatic_reloads_total`,
      help: promise(reloads),
      labelNames: ["status", "apiserver_id_hash"],
      registers,
    });
    this.#times = new Gauge({
      name: `${prefix}_automatic_reload_last_timestamp_seconds`,
      help: promise(times),
      labelNames: ["status", "apiserver_id_hash"],
      registers,
    });
    this.#info = new Gauge({
      name: `${prefix}_last_config_info`,
      help: alpha(
        `Information about the last applied ${subsystem} configuration with hash as label, split by apiserver identity.`,
      ),
      labelNames: ["hash", "apiserver_id_hash"],
      registers,
    });
  }

  /** `text` is what counts from now on. */
  loaded(text: string): void {
    this.#info.reset();
    this.#info.set({ ...this.#server, hash: shownHash(text) }, 1);
  }

  reloaded(status: "success" | "failure", nowMs: number): void {
    this.#reloads.inc({ ...this.#server, status });
    this.#times.set({ ...this.#server, status }, nowMs / 1000);
  }
}

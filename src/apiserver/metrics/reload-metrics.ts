/** Configurations that are followed, under upstream's names. upstream: apiserver/pkg/server/options/{authorizationconfig,authenticationconfig,encryptionconfig}/metrics */
import { createHash } from "node:crypto";
import { Counter, Gauge, type Registry } from "prom-client";

export type Subsystem = "authorization" | "authentication" | "encryption";

export class ReloadMetrics {
  readonly #reloads: Counter<"status">;
  readonly #times: Gauge<"status">;
  readonly #info: Gauge<"hash">;

  constructor(registry: Registry, subsystem: Subsystem) {
    const prefix = `apiserver_${subsystem}_config_controller`;
    const registers = [registry];
    this.#reloads = new Counter({
      name: `${prefix}_automatic_reloads_total`,
      help: "Reloads of the configuration's file, by how they went.",
      labelNames: ["status"],
      registers,
    });
    this.#times = new Gauge({
      name: `${prefix}_automatic_reload_last_timestamp_seconds`,
      help: "When the configuration's file was reloaded last, by how it went.",
      labelNames: ["status"],
      registers,
    });
    this.#info = new Gauge({
      name: `${prefix}_last_config_info`,
      help: "The hash of the configuration that was loaded last.",
      labelNames: ["hash"],
      registers,
    });
  }

  /** `text` is what counts from now on. */
  loaded(text: string): void {
    this.#info.reset();
    this.#info.set({ hash: `sha256:${createHash("sha256").update(text).digest("hex")}` }, 1);
  }

  reloaded(status: "success" | "failure", nowMs: number): void {
    this.#reloads.inc({ status });
    this.#times.set({ status }, nowMs / 1000);
  }
}

/** What health checks have said, at /metrics/slis. upstream: component-base/metrics/prometheus/slis/metrics.go */
import { Counter, Gauge, Registry } from "prom-client";
import { stable } from "./metrics/stability.ts";

export class HealthMetrics {
  readonly registry = new Registry();
  readonly #state: Gauge;
  readonly #total: Counter;

  constructor() {
    const registers = [this.registry];
    this.#state = new Gauge({
      name: "kubernetes_healthcheck",
      help: stable("This metric records the result of a single healthcheck."),
      labelNames: ["name", "type"],
      registers,
    });
    this.#total = new Counter({
      name: "kubernetes_healthchecks_total",
      help: stable("This metric records the results of all healthcheck."),
      labelNames: ["name", "status", "type"],
      registers,
    });
  }

  /** `type`: "healthz", "livez", "readyz". */
  observe(type: string, name: string, isHealthy: boolean): void {
    this.#state.set({ name, type }, isHealthy ? 1 : 0);
    this.#total.inc({ name, type, status: isHealthy ? "success" : "error" });
  }
}

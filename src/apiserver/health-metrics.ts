/** What health checks have said, at /metrics/slis. upstream: component-base/metrics/prometheus/slis/metrics.go */
import { Counter, Gauge, Registry } from "prom-client";

export class HealthMetrics {
  readonly registry = new Registry();
  readonly #state: Gauge;
  readonly #total: Counter;

  constructor() {
    const registers = [this.registry];
    this.#state = new Gauge({
      name: "kubernetes_healthcheck",
      help: "The last result of a check: 1 is healthy.",
      labelNames: ["name", "type"],
      registers,
    });
    this.#total = new Counter({
      name: "kubernetes_healthchecks_total",
      help: "Results of a check.",
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

/** What the server is, and what health checks have said, at /metrics/slis. upstream: component-base/metrics/prometheus/slis/metrics.go */
import { Counter, Gauge, Registry } from "prom-client";
import { versionDocument, type ServerVersion } from "./version.ts";

/** upstream: component-base/metrics/version.go */
export function registerBuildInfo(registry: Registry, version: ServerVersion): void {
  const document = versionDocument(version);
  const labels = {
    major: document["major"] ?? "",
    minor: document["minor"] ?? "",
    git_version: document["gitVersion"] ?? "",
    git_commit: document["gitCommit"] ?? "",
    git_tree_state: document["gitTreeState"] ?? "",
    build_date: document["buildDate"] ?? "",
    go_version: document["goVersion"] ?? "",
    compiler: document["compiler"] ?? "",
    platform: document["platform"] ?? "",
  };
  const gauge = new Gauge({
    name: "kubernetes_build_info",
    help: "What runs here: always 1.",
    labelNames: Object.keys(labels),
    registers: [registry],
  });
  gauge.set(labels, 1);
}

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

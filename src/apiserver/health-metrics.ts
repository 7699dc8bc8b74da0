/** What the server is, and what health checks have said, at /metrics/slis. upstream: component-base/metrics/prometheus/slis/metrics.go */
import { Counter, Gauge, Registry } from "prom-client";
import { alpha, stable } from "./metrics/stability.ts";
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
    help: alpha(
      "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
    ),
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

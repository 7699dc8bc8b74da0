/** How pods' logs are fetched from kubelets, under upstream's names. upstream: pkg/registry/core/pod/rest/metrics.go */
import type { Registry } from "prom-client";
import { SeriesCounter, type Count } from "./series-counter.ts";
import { alpha } from "./stability.ts";

export class PodLogMetrics {
  readonly #enforced: Count;
  readonly #skipped: Count;
  readonly tlsFailures: Count;

  constructor(registry: Registry) {
    const usage = new SeriesCounter(
      {
        name: "kube_apiserver_pod_logs_insecure_backend_total",
        help: alpha(
          "Total number of requests for pods/logs sliced by usage type: enforce_tls, skip_tls_allowed, skip_tls_denied",
        ),
        labelNames: ["usage"],
      },
      registry,
    );
    this.#enforced = usage.count({ usage: "enforce_tls" });
    this.#skipped = usage.count({ usage: "skip_tls_allowed" });
    this.tlsFailures = new SeriesCounter(
      {
        name: "kube_apiserver_pod_logs_backend_tls_failure_total",
        help: alpha(
          "Total number of requests for pods/logs that failed due to kubelet server TLS verification",
        ),
        labelNames: [],
      },
      registry,
    ).count({});
  }

  /** `isUnverified`: any kubelet will do. */
  asked(isUnverified: boolean): void {
    (isUnverified ? this.#skipped : this.#enforced).add();
  }
}

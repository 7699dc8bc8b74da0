/** What is told to the audit log, under upstream's names. upstream: apiserver/pkg/audit/metrics.go */
import type { Registry } from "prom-client";
import { alpha } from "./stability.ts";
import { SeriesCounter, type Count } from "./series-counter.ts";

export type AuditPlugin = "log" | "webhook" | "buffered" | "truncate";

export class AuditMetrics {
  readonly events: Count;
  readonly rejected: Count;
  readonly #levels: SeriesCounter;
  readonly #errors: SeriesCounter;

  constructor(registry: Registry) {
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name: `apiserver_audit_${rest}`, help, labelNames }, registry);
    this.events = counter(
      "event_total",
      alpha("Counter of audit events generated and sent to the audit backend."),
      [],
    ).count({});
    this.#levels = counter(
      "level_total",
      alpha("Counter of policy levels for audit events (1 per request)."),
      ["level"],
    );
    this.#errors = counter(
      "error_total",
      alpha(
        "Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.",
      ),
      ["plugin"],
    );
    this.rejected = counter(
      "requests_rejected_total",
      alpha("Counter of apiserver requests rejected due to an error in audit logging backend."),
      [],
    ).count({});
  }

  decided(level: string): void {
    this.#levels.count({ level }).add();
  }

  failed(plugin: AuditPlugin, events: number): void {
    this.#errors.count({ plugin }).add(events);
  }
}

/** What is told to the audit log, under upstream's names. upstream: apiserver/pkg/audit/metrics.go */
import type { Registry } from "prom-client";
import { SeriesCounter, type Count } from "./series-counter.ts";

export type AuditPlugin = "log" | "webhook" | "buffered";

export class AuditMetrics {
  readonly events: Count;
  readonly #levels: SeriesCounter;
  readonly #errors: SeriesCounter;

  constructor(registry: Registry) {
    const counter = (rest: string, help: string, labelNames: readonly string[]): SeriesCounter =>
      new SeriesCounter({ name: `apiserver_audit_${rest}`, help, labelNames }, registry);
    this.events = counter("event_total", "Events told.", []).count({});
    this.#levels = counter("level_total", "Requests by the level that the policy gives them.", ["level"]);
    this.#errors = counter("error_total", "Events that couldn't be told, by what failed.", ["plugin"]);
    // Always 0: a request waits for a log that is behind, and is answered though the log fails.
    counter("requests_rejected_total", "Requests refused as the audit log failed.", []).count({});
  }

  decided(level: string): void {
    this.#levels.count({ level }).add();
  }

  failed(plugin: AuditPlugin, events: number): void {
    this.#errors.count({ plugin }).add(events);
  }
}

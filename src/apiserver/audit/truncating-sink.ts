/** Events that are too large lose their objects, or are lost. upstream: apiserver/plugin/pkg/audit/truncate */
import { goJson } from "#api/codec/go-json.ts";
import type { Logger } from "#base/log.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditEvent } from "./event.ts";
import type { AuditSink } from "./sink.ts";

export interface TruncateOptions {
  /** Of one event as a line of JSON. */
  readonly eventMaxBytes: number;
}

export interface TruncatingSinkDeps {
  readonly metrics: AuditMetrics;
  readonly log: Logger;
}

export class TruncatingSink implements AuditSink {
  readonly #options: TruncateOptions;
  readonly #sink: AuditSink;
  readonly #deps: TruncatingSinkDeps;

  constructor(options: TruncateOptions, sink: AuditSink, deps: TruncatingSinkDeps) {
    this.#options = options;
    this.#sink = sink;
    this.#deps = deps;
  }

  ready(): Promise<void> {
    return this.#sink.ready();
  }

  write(event: AuditEvent): Promise<boolean> | undefined {
    const { metrics, log } = this.#deps;
    const fitting = this.#isTooLarge(event) && hasObjects(event) ? withoutObjects(event) : event;
    if (!this.#isTooLarge(fitting)) return this.#sink.write(fitting);
    metrics.failed("truncate", 1);
    log.error("audit event is too large even after truncating", {
      auditId: event.auditID,
      stage: event.stage,
    });
    return undefined;
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  #isTooLarge(event: AuditEvent): boolean {
    return Buffer.byteLength(goJson(event)) + 1 > this.#options.eventMaxBytes;
  }
}

const hasObjects = ({ level }: AuditEvent): boolean => level === "Request" || level === "RequestResponse";

const withoutObjects = (event: AuditEvent): AuditEvent => ({
  ...event,
  requestObject: undefined,
  responseObject: undefined,
  annotations: { ...event.annotations, "audit.k8s.io/truncated": "true" },
});

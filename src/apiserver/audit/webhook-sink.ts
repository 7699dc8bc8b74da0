/**
 * Events in batches to somebody's server. Requests never wait for it: what doesn't fit is dropped, and said.
 * upstream: apiserver/plugin/pkg/audit/{webhook,buffered}
 */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditSink } from "./auditor.ts";
import type { AuditEvent } from "./event.ts";

export interface WebhookSinkDeps {
  readonly hook: KubeconfigHook;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
}

/** upstream: --audit-webhook-batch-buffer-size, -max-size, -max-wait, --audit-webhook-initial-backoff */
const bufferMax = 10_000;
const batchMax = 400;
const batchWaitMs = 30_000;
const backoffMs = 10_000;
const triesMax = 5;
const closeMaxMs = 5_000;
const timeoutMs = 30_000;

export class WebhookSink implements AuditSink {
  readonly #deps: WebhookSinkDeps;
  readonly #closing = new AbortController();
  #events: AuditEvent[] = [];
  #dropped = 0;
  #cancel: (() => void) | undefined;
  #sending: Promise<void> | undefined;

  constructor(deps: WebhookSinkDeps) {
    this.#deps = deps;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  write(event: AuditEvent): void {
    if (this.#events.length >= bufferMax) {
      if (this.#dropped === 0) {
        this.#deps.log.warn("audit webhook is behind: events are dropped", { bufferMax });
      }
      this.#dropped += 1;
      this.#deps.metrics.failed("buffered", 1);
      return;
    }
    this.#events.push(event);
    if (this.#events.length >= batchMax) {
      this.#send();
      return;
    }
    this.#cancel ??= this.#deps.clock.after(batchWaitMs, () => {
      this.#send();
    });
  }

  /** What is left goes out once more, if the server takes it soon. */
  async close(): Promise<void> {
    this.#send();
    const cancel = this.#deps.clock.after(closeMaxMs, () => {
      this.#closing.abort(new Error("the server is stopping"));
    });
    await this.#sending;
    cancel();
    this.#deps.hook.close();
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#events.length > 0) {
      const items = this.#events.slice(0, batchMax);
      this.#events = this.#events.slice(items.length);
      await this.#deliver(items);
      if (this.#dropped > 0) {
        this.#deps.log.warn("audit events were dropped", { count: this.#dropped });
        this.#dropped = 0;
      }
    }
  }

  async #deliver(items: readonly AuditEvent[]): Promise<void> {
    const { hook, clock, log, metrics } = this.#deps;
    const { signal } = this.#closing;
    const body = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
    for (let tries = 1; ; tries++) {
      try {
        await hook.post(body, timeoutMs, signal);
        return;
      } catch (error) {
        if (tries === triesMax || signal.aborted) {
          metrics.failed("webhook", items.length);
          log.error("audit events not delivered", { count: items.length, reason: errorText(error) });
          return;
        }
        await clock.sleep(backoffMs * tries, signal).catch(() => undefined);
      }
    }
  }
}

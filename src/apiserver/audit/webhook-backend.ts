/** Tells events to somebody's server, and again when it fails. upstream: apiserver/plugin/pkg/audit/webhook */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { KubeconfigHook } from "#apiserver/connect/kubeconfig-hook.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditEvent } from "./event.ts";
import type { AuditBackend } from "./sink.ts";

export interface WebhookBackendOptions {
  /** Before the second try; each further one waits half as long again. */
  readonly initialBackoffMs: number;
}

export interface WebhookBackendDeps {
  readonly hook: KubeconfigHook;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
}

/** upstream: apiserver/pkg/util/webhook DefaultRetryBackoffWithInitialDelay */
const backoffFactor = 1.5;
/** So much longer by chance: servers that failed together don't come back together. */
const backoffJitter = 0.2;
const triesMax = 5;
const timeoutMs = 30_000;

export class WebhookBackend implements AuditBackend {
  readonly #options: WebhookBackendOptions;
  readonly #deps: WebhookBackendDeps;
  readonly #closing = new AbortController();

  constructor(options: WebhookBackendOptions, deps: WebhookBackendDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async deliver(items: readonly AuditEvent[]): Promise<boolean> {
    const { hook, clock, random, log, metrics } = this.#deps;
    const { signal } = this.#closing;
    const body = { kind: "EventList", apiVersion: "audit.k8s.io/v1", metadata: {}, items };
    let backoffMs = this.#options.initialBackoffMs;
    for (let tries = 1; ; tries++) {
      try {
        await hook.tell(body, timeoutMs, signal);
        return true;
      } catch (error) {
        if (tries === triesMax || signal.aborted) {
          metrics.failed("webhook", items.length);
          log.error("audit events not delivered", { count: items.length, reason: errorText(error) });
          return false;
        }
        await clock.sleep(backoffMs * (1 + backoffJitter * random.next()), signal).catch(() => undefined);
        backoffMs *= backoffFactor;
      }
    }
  }

  close(): Promise<void> {
    this.#closing.abort(new Error("the server is stopping"));
    this.#deps.hook.close();
    return Promise.resolve();
  }
}

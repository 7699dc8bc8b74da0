/**
 * Events in batches. Requests never wait for it: what doesn't fit the buffer is dropped, and said. upstream: apiserver/plugin/pkg/audit/buffered
 */
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { TokenBucket } from "#client/work/rate-limited.ts";
import type { AuditMetrics } from "#apiserver/metrics/audit-metrics.ts";
import type { AuditEvent } from "./event.ts";
import type { AuditBackend, AuditSink } from "./sink.ts";

/** --audit-*-batch-* */
export interface BatchOptions {
  /** Events that may wait. */
  readonly bufferMax: number;
  readonly batchMax: number;
  /** The first of a batch waits this long for others. */
  readonly batchWaitMs: number;
  /** Batches: so many at once, then so many per second. Undefined: as many as there are. */
  readonly throttle: { readonly perSecond: number; readonly burst: number } | undefined;
}

export interface BufferedSinkOptions extends BatchOptions {
  /** Batches that may be under way at a time: a server that is slow with one gets the next all the same. */
  readonly underWayMax: number;
}

export interface BufferedSinkDeps {
  readonly backend: AuditBackend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: AuditMetrics;
}

const closeMaxMs = 5_000;

export class BufferedSink implements AuditSink {
  readonly #options: BufferedSinkOptions;
  readonly #deps: BufferedSinkDeps;
  readonly #throttle: TokenBucket | undefined;
  readonly #closing = new AbortController();
  #events: AuditEvent[] = [];
  #dropped = 0;
  #cancel: (() => void) | undefined;
  #sending: Promise<void> | undefined;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: BufferedSinkOptions, deps: BufferedSinkDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#throttle =
      options.throttle === undefined ? undefined : new TokenBucket(options.throttle, deps.clock);
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  write(event: AuditEvent): undefined {
    const { bufferMax, batchMax, batchWaitMs } = this.#options;
    if (this.#events.length >= bufferMax) {
      if (this.#dropped === 0) {
        this.#deps.log.warn("the audit backend is behind: events are dropped", { bufferMax });
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

  /** What is left goes out once more, if it is taken soon. */
  async close(): Promise<void> {
    this.#send();
    this.#closing.abort(new Error("the server is stopping"));
    const late = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.after(closeMaxMs, late.resolve);
    const out = this.#allOut();
    await Promise.race([out, late.promise]);
    cancel();
    await this.#deps.backend.close();
    await out;
  }

  async #allOut(): Promise<void> {
    await this.#sending;
    await Promise.all(this.#underWay);
  }

  #send(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#events.length > 0) this.#sending ??= this.#sendAll();
  }

  /** Ends with its last look at what waits: an event that comes later finds nobody sending. */
  async #sendAll(): Promise<void> {
    const { backend, log } = this.#deps;
    while (this.#events.length > 0) {
      await this.#wait();
      const items = this.#events.slice(0, this.#options.batchMax);
      this.#events = this.#events.slice(items.length);
      await backend.ready();
      await this.#deliver(items);
      if (this.#dropped > 0) {
        log.warn("audit events were dropped", { count: this.#dropped });
        this.#dropped = 0;
      }
    }
    this.#sending = undefined;
  }

  /** Resolves when there is room for another. */
  async #deliver(items: readonly AuditEvent[]): Promise<void> {
    const underWay = this.#deps.backend.deliver(items).then(() => {
      this.#underWay.delete(underWay);
    });
    this.#underWay.add(underWay);
    if (this.#underWay.size >= this.#options.underWayMax) await Promise.race(this.#underWay);
  }

  /** Until the throttle lets another batch go; at the end nothing does. */
  async #wait(): Promise<void> {
    const ms = this.#closing.signal.aborted ? 0 : (this.#throttle?.reserve() ?? 0);
    if (ms > 0) await this.#deps.clock.sleep(ms, this.#closing.signal).catch(() => undefined);
  }
}

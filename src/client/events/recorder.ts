/**
 * Tells users what happened to an object, as core/v1 Events: what `kubectl describe` and `kubectl events` show.
 * Recording never waits and never fails: events are sent one after another in the background, in order; at
 * `waitingMax` waiting ones new events are dropped and counted. Nothing runs while there is nothing to send.
 * upstream: client-go/tools/record/event.go
 */
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { KubeObject } from "#api/meta/object.ts";
import { isAlreadyExists, isNotFound, StatusError } from "#api/meta/status.ts";
import type { Event, ObjectReference } from "#api/generated/types/core-v1.ts";
import { events } from "#api/resources.ts";
import type { Client } from "../client.ts";
import { EventCorrelator, type Verdict } from "./correlator.ts";

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  /** `about` must name its apiVersion and kind; see referenceTo for objects that may lack them. */
  event(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string): void;
}

export interface EventRecorderOptions {
  /** The source: "kubelet", "deployment-controller". */
  readonly component: string;
  /** The node's name, for components of a node. */
  readonly host?: string;
}

export interface EventRecorderDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Upstream's bound of the broadcaster's queue. */
const waitingMax = 1000;
/** Upstream: twelve tries, ten seconds apart, the first pause cut short by chance. */
const triesMax = 12;
const retryMs = 10_000;
/** Upstream's limit of Event.message. */
const messageBytesMax = 1024;

/** A reference that can be narrowed: `{ ...referenceTo(pod, "Pod"), fieldPath: "spec.containers{web}" }`. */
export function referenceTo(
  object: KubeObject,
  kind = object.kind,
  apiVersion = object.apiVersion ?? "v1",
): ObjectReference {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return { kind, namespace, name, uid, apiVersion, resourceVersion };
}

export class ApiEventRecorder implements EventRecorder, AsyncDisposable {
  readonly #options: EventRecorderOptions;
  readonly #deps: EventRecorderDeps;
  readonly #correlator: EventCorrelator;
  readonly #waiting: Event[] = [];
  readonly #stop = new AbortController();
  #sending: Promise<void> | undefined;
  #serial = 0n;
  #dropped = 0;

  constructor(options: EventRecorderOptions, deps: EventRecorderDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#correlator = new EventCorrelator(deps.clock);
  }

  event(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string): void {
    if (this.#stop.signal.aborted) return;
    if (this.#waiting.length >= waitingMax) {
      this.#dropped += 1;
      if (this.#dropped === 1) this.#deps.log.warn("too many events wait, some are dropped", { waitingMax });
      return;
    }
    this.#waiting.push(this.#make(about, type, reason, message));
    this.#sending ??= this.#sendAll();
  }

  /** Resolves when everything recorded so far was sent or given up. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  /** Sends what waits, but retries no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#sending;
  }

  #make(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string): Event {
    const { component, host } = this.#options;
    const involvedObject = "metadata" in about ? referenceTo(about) : (about as ObjectReference);
    const now = toRfc3339(this.#deps.clock.now());
    return {
      metadata: {
        name: this.#name(involvedObject.name ?? ""),
        // Events about cluster-scoped objects live in the default namespace.
        namespace: involvedObject.namespace ?? "default",
      },
      involvedObject,
      reason,
      message: cut(message),
      source: host === undefined ? { component } : { component, host },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      eventTime: undefined,
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
  }

  /** "web.18a3f…": the object's name and the time in hexadecimal nanoseconds, which no two events share. */
  #name(object: string): string {
    this.#serial += 1n;
    const nanos = BigInt(Math.floor(this.#deps.clock.now())) * 1_000_000n + (this.#serial % 1_000_000n);
    const name = `${object}.${nanos.toString(16)}`;
    return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)
      ? name
      : this.#deps.random.uuid();
  }

  async #sendAll(): Promise<void> {
    // Events recorded in the same turn are sent after it.
    await Promise.resolve();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const verdict = this.#correlator.judge(next);
      if (verdict.kind !== "drop") await this.#sendWithRetry(next, verdict);
    }
    this.#dropped = 0;
    this.#sending = undefined;
  }

  async #sendWithRetry(event: Event, verdict: Exclude<Verdict, { kind: "drop" }>): Promise<void> {
    for (let tries = 1; tries <= triesMax; tries++) {
      try {
        const stored = await this.#send(event, verdict);
        const { name = "", namespace = "" } = stored.metadata ?? {};
        const { count = 1, firstTimestamp = "" } = stored;
        this.#correlator.remember(verdict.key, { name, namespace, count, firstTimestamp });
        return;
      } catch (error) {
        const isFinal = error instanceof StatusError || this.#stop.signal.aborted;
        if (isFinal || tries === triesMax) {
          if (isAlreadyExists(error)) return;
          this.#deps.log.debug("event not stored", { reason: event.reason, error });
          return;
        }
        const pauseMs = tries === 1 ? retryMs * this.#deps.random.next() : retryMs;
        await this.#deps.clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
      }
    }
  }

  async #send(event: Event, verdict: Exclude<Verdict, { kind: "drop" }>): Promise<Event> {
    const { message } = verdict;
    const fresh: Event = { ...event, message };
    const resource = this.#deps.client.resource(events, event.metadata?.namespace);
    if (verdict.kind === "create") return resource.create(fresh);
    const { name, count, firstTimestamp } = verdict.of;
    const repeated = { count: count + 1, lastTimestamp: event.lastTimestamp, message };
    try {
      return await resource.patch(name, "strategic", repeated);
    } catch (error) {
      // Events live for an hour; the next one of its kind goes on counting.
      if (isNotFound(error)) return resource.create({ ...fresh, count: count + 1, firstTimestamp });
      throw error;
    }
  }
}

function cut(message: string): string {
  if (Buffer.byteLength(message) <= messageBytesMax) return message;
  return `${Buffer.from(message)
    .subarray(0, messageBytesMax - 3)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}...`;
}

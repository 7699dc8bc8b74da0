/**
 * Keeps a copy of a resource current: list, watch, resume.
 * Promises to its sink: the first call is `replace`; each later change of the server arrives in order and once,
 * as long as the server still knows the revision that was seen last; when it doesn't, another `replace` follows.
 * No failure of the server ends it, only the signal. Managed fields may be missing from the objects.
 * upstream: client-go/tools/cache/reflector.go
 */
import { ChildAbort } from "#base/abort.ts";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { keyOf, type KubeObject, type WatchEvent } from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ResourceClient, WatchQuery } from "../client.ts";

export interface ReflectorSink<T> {
  replace(objects: readonly T[]): void;
  apply(type: "ADDED" | "MODIFIED" | "DELETED", object: T): void;
}

export interface ReflectorOptions {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ReflectorDeps<T extends KubeObject> {
  readonly resource: ResourceClient<T>;
  readonly sink: ReflectorSink<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The server ends a watch after 5 to 10 minutes, spread so that not all come back at once. Upstream's numbers. */
const watchSecondsMin = 300;
/**
 * A watch that ends sooner and brought nothing counts as a failure: a server that keeps ending watches
 * isn't asked in a tight loop. Upstream's "very short watch".
 */
const shortWatchMs = 1000;
const initialEventsEnd = "k8s.io/initial-events-end";
/** Upstream's, but starting sooner: a server of this project is back within a second. */
const backoffOptions = { initialMs: 100, maxMs: 30_000, factor: 2, jitter: 1 };

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions;
  readonly #deps: ReflectorDeps<T>;
  readonly #backoff: Backoff;
  /** The last revision seen; "" before the first list. */
  #revision = "";
  /** The copy is complete as of #revision: a watch can go on from there. */
  #hasList = false;
  /** The server knows #revision no more: ask for its newest state. */
  #asksNewest = false;
  #streamsLists = true;
  #failures = 0;

  constructor(options: ReflectorOptions, deps: ReflectorDeps<T>) {
    this.#options = options;
    this.#deps = deps;
    this.#backoff = new Backoff(backoffOptions, deps.random);
  }

  /** Resolves when the signal aborts. Rejects only when the sink threw. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isWatch = this.#hasList || this.#streamsLists;
      const hasProgressed = isWatch ? await this.#watch(signal) : await this.#list(signal);
      if (hasProgressed) {
        this.#succeed();
        continue;
      }
      try {
        await this.#deps.clock.sleep(this.#backoff.next(), signal);
      } catch {
        return;
      }
    }
  }

  async #list(signal: AbortSignal): Promise<boolean> {
    const resourceVersion = this.#asksNewest ? "" : this.#revision === "" ? "0" : this.#revision;
    let list;
    try {
      list = await this.#deps.resource.list({ ...this.#options, resourceVersion, lean: true }, signal);
    } catch (error) {
      if (!signal.aborted) this.#onFailure(error);
      return false;
    }
    if (signal.aborted) return false;
    this.#replace(list.items, list.metadata.resourceVersion ?? "");
    return true;
  }

  /** One watch from open to end. True when it was of use, so that the next may start at once. */
  async #watch(signal: AbortSignal): Promise<boolean> {
    using child = new ChildAbort(signal);
    const startedAt = this.#deps.clock.monotonic();
    const initial = this.#hasList ? undefined : new Map<string, T>();
    const events = this.#deps.resource.watch(this.#watchQuery(), child.signal)[Symbol.asyncIterator]();
    let count = 0;
    for (;;) {
      let step: IteratorResult<WatchEvent<T>>;
      // Only the watch's own errors: those of the sink must not be taken for them.
      try {
        step = await events.next();
      } catch (error) {
        return !signal.aborted && this.#isAskedAnew(error, count);
      }
      if (signal.aborted) return false;
      if (step.done === true) {
        return this.#hasList && (count > 0 || this.#deps.clock.monotonic() - startedAt >= shortWatchMs);
      }
      count += 1;
      if (this.#hasList || initial === undefined) this.#apply(step.value);
      else this.#gather(step.value, initial);
    }
  }

  /** After a watch that failed: whether the server, which refuses streaming lists, is asked for a plain one at once. */
  #isAskedAnew(error: unknown, count: number): boolean {
    if (count > 0) this.#succeed();
    const streamed = this.#streamsLists;
    this.#onFailure(error);
    return streamed && !this.#streamsLists;
  }

  #watchQuery(): WatchQuery {
    const timeoutSeconds = Math.round(watchSecondsMin * (1 + this.#deps.random.next()));
    const query = { ...this.#options, allowWatchBookmarks: true, timeoutSeconds, lean: true };
    if (this.#hasList) return { ...query, resourceVersion: this.#revision };
    return {
      ...query,
      resourceVersion: this.#asksNewest ? "" : this.#revision,
      resourceVersionMatch: "NotOlderThan",
      sendInitialEvents: true,
    };
  }

  /** Events of a streaming list, up to the bookmark that ends it. */
  #gather({ type, object }: WatchEvent<T>, initial: Map<string, T>): void {
    if (type !== "BOOKMARK") {
      if (type === "DELETED") initial.delete(keyOf(object));
      else initial.set(keyOf(object), object);
      return;
    }
    if (object.metadata?.annotations?.[initialEventsEnd] !== "true") return;
    this.#replace([...initial.values()], object.metadata.resourceVersion ?? "");
    initial.clear();
  }

  #apply({ type, object }: WatchEvent<T>): void {
    if (type !== "BOOKMARK") this.#deps.sink.apply(type, object);
    this.#revision = object.metadata?.resourceVersion ?? this.#revision;
  }

  #replace(objects: readonly T[], revision: string): void {
    this.#revision = revision;
    this.#hasList = true;
    this.#asksNewest = false;
    this.#succeed();
    this.#deps.sink.replace(objects);
  }

  #succeed(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }

  #onFailure(error: unknown): void {
    this.#failures += 1;
    // One failure is a restarted server or a revision that grew too old; more are worth a look.
    const level = this.#failures > 1 ? "warn" : "debug";
    this.#deps.log[level](this.#hasList ? "watch failed, will resume" : "list failed, will retry", {
      error,
      failures: this.#failures,
    });
    if (!(error instanceof StatusError)) return;
    if (error.code === 410 || error.code === 504) {
      // 410: the server has forgotten the revision. 504: it is behind it, as after a restored backup.
      this.#hasList = false;
      this.#asksNewest = true;
    } else if (!this.#hasList) {
      if (this.#streamsLists && streamingRefused.has(error.code)) this.#streamsLists = false;
    } else if (error.code < 500 && !keepsList.has(error.code)) {
      this.#hasList = false;
    }
  }
}

/** A server without streaming lists answers one of these. */
const streamingRefused: ReadonlySet<number> = new Set([400, 405, 406, 422]);
/** Refusals that say nothing about the revision we know. */
const keepsList: ReadonlySet<number> = new Set([401, 403, 429]);

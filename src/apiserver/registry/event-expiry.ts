/**
 * Events last so long. One alarm, for the oldest event; none when there are no events.
 * upstream: kube-apiserver --event-ttl
 */
import type { Clock } from "#base/clock.ts";
import { parseTime } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { isNotFound } from "#api/meta/status.ts";
import type { CacheEvent, ResourceCache } from "./resource-cache.ts";
import type { ResourceStore } from "./store.ts";
import type { StoredObject } from "./stored-object.ts";

/** Events that expire close together go in one sweep. */
const sweepSlackMs = 10_000;

export interface EventExpiryOptions {
  /** Since its last write. */
  readonly ttlMs: number;
}

/** The events of the store. */
export interface Events {
  readonly cache: Pick<ResourceCache, "objects" | "listen">;
  discard: ResourceStore["discard"];
}

export interface EventExpiryDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export class EventExpiry {
  readonly #options: EventExpiryOptions;
  readonly #events: Events;
  readonly #deps: EventExpiryDeps;
  /** In order of their last write: a map keeps the order of insertion. */
  readonly #due = new Map<string, { readonly id: StoredObject; readonly at: number }>();
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(options: EventExpiryOptions, events: Events, deps: EventExpiryDeps) {
    this.#options = options;
    this.#events = events;
    this.#deps = deps;
  }

  /** Returns what stops it. */
  start(): () => void {
    const now = this.#deps.clock.now();
    // What an event says is its writer's word: one of a time that hasn't come mustn't keep the others.
    const found = [...this.#events.cache.objects("")].map(
      (event) => [event, Math.min(lastWrite(event), now)] as const,
    );
    for (const [event, at] of found.toSorted((a, b) => a[1] - b[1])) {
      this.#enter(event, at + this.#options.ttlMs);
    }
    const unlisten = this.#events.cache.listen({
      onEvent: (event) => {
        this.#onChange(event);
      },
    });
    this.#arm();
    return () => {
      this.#isStopped = true;
      unlisten();
      this.#cancel?.();
    };
  }

  /** A series that goes on lives on: its time begins anew with every write. */
  #onChange({ current, previous }: CacheEvent): void {
    const subject = current ?? previous;
    if (subject === undefined) return;
    this.#due.delete(keyOf(subject));
    if (current === undefined) return;
    this.#enter(current, this.#deps.clock.now() + this.#options.ttlMs);
    if (this.#cancel === undefined) this.#arm();
  }

  #enter(event: StoredObject, at: number): void {
    this.#due.set(keyOf(event), { id: event, at });
  }

  #arm(): void {
    const first = this.#due.values().next().value;
    this.#cancel =
      first === undefined || this.#isStopped
        ? undefined
        : this.#deps.clock.after(first.at - this.#deps.clock.now() + sweepSlackMs, () => {
            void this.#sweep();
          });
  }

  async #sweep(): Promise<void> {
    const now = this.#deps.clock.now();
    for (const [key, { id, at }] of this.#due) {
      if (at > now || this.#isStopped) break;
      this.#due.delete(key);
      try {
        // Another server may have written it anew.
        await this.#events.discard(id, id.revision);
      } catch (error) {
        if (isNotFound(error)) continue;
        this.#deps.log.warn("event not removed, will retry", { event: key, error });
        if (!this.#due.has(key)) this.#enter(id, now + this.#options.ttlMs);
      }
    }
    this.#arm();
  }
}

const keyOf = ({ namespace, name }: StoredObject): string => `${namespace}/${name}`;

/** After a restart only what the event itself says is known: its creation, or the last time of a series. */
function lastWrite({ object }: StoredObject): number {
  const last = object["lastTimestamp"];
  const text = typeof last === "string" ? last : (object.metadata?.creationTimestamp ?? "");
  const begun = parseTime(text);
  return Number.isNaN(begun) ? 0 : begun;
}

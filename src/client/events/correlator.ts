/**
 * Decides what becomes of an event: a new one, one more of the same, one of many similar, or nothing.
 * Everything it remembers is bounded by an LRU of upstream's size.
 * upstream: client-go/tools/record/events_cache.go
 */
import type { Clock } from "#base/clock.ts";
import type { Event } from "#api/generated/types/core-v1.ts";
import { TokenBucket } from "../work/rate-limited.ts";

/** Upstream's numbers. */
const remembered = 4096;
const similarMax = 10;
const similarWindowMs = 600_000;
/** Per source and object: 25 at once, then one in five minutes. */
const spam = { burst: 25, perSecond: 1 / 300 };

/** What an event was stored as: its name and how often it was seen. */
export interface Recorded {
  readonly name: string;
  readonly namespace: string;
  readonly count: number;
  readonly firstTimestamp: string;
}

export type Verdict =
  | { readonly kind: "drop" }
  | { readonly kind: "create"; readonly key: string; readonly message: string }
  | { readonly kind: "repeat"; readonly key: string; readonly message: string; readonly of: Recorded };

interface Similar {
  lastAt: number;
  readonly messages: Set<string>;
}

export class EventCorrelator {
  readonly #clock: Clock;
  readonly #buckets = new Recent<TokenBucket>(remembered);
  readonly #similar = new Recent<Similar>(remembered);
  readonly #recorded = new Recent<Recorded>(remembered);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  judge(event: Event): Verdict {
    const source = `${event.source?.component ?? ""}/${event.source?.host ?? ""}`;
    const { kind, namespace, name, uid, apiVersion, fieldPath } = event.involvedObject;
    const about = [kind, namespace, name, uid, apiVersion].join("/");
    const bucket = this.#buckets.get(`${source}/${about}`, () => new TokenBucket(spam, this.#clock));
    if (!bucket.tryTake()) return { kind: "drop" };

    const group = [source, about, event.type, event.reason, event.reportingComponent].join("\n");
    const isOneOfMany = this.#isOneOfMany(group, event.message ?? "");
    const message = isOneOfMany
      ? `(combined from similar events): ${event.message ?? ""}`
      : (event.message ?? "");
    // Events combined from similar ones count together, whatever their messages say.
    const key = isOneOfMany ? group : [group, fieldPath ?? "", message].join("\n");
    const of = this.#recorded.peek(key);
    return of === undefined ? { kind: "create", key, message } : { kind: "repeat", key, message, of };
  }

  /** What the server has for this key now. */
  remember(key: string, recorded: Recorded): void {
    this.#recorded.set(key, recorded);
  }

  #isOneOfMany(group: string, message: string): boolean {
    const now = this.#clock.monotonic();
    let similar = this.#similar.get(group, () => ({ lastAt: now, messages: new Set<string>() }));
    if (now - similar.lastAt > similarWindowMs) {
      similar = { lastAt: now, messages: new Set<string>() };
      this.#similar.set(group, similar);
    }
    similar.lastAt = now;
    if (similar.messages.has(message)) return false;
    if (similar.messages.size >= similarMax - 1) return true;
    similar.messages.add(message);
    return false;
  }
}

/** The `max` most recently used values. */
class Recent<V> {
  readonly #max: number;
  readonly #values = new Map<string, V>();

  constructor(max: number) {
    this.#max = max;
  }

  peek(key: string): V | undefined {
    const value = this.#values.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  get(key: string, create: () => V): V {
    const value = this.#values.get(key) ?? create();
    this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#max) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }
}

/** Events come no faster than allowed: together, by namespace, by user, or by source and object. upstream: plugin/pkg/admission/eventratelimit */
import type { Event } from "#api/generated/types/core-v1.ts";
import { failure, type StatusError } from "#api/meta/status.ts";
import type { Clock } from "#base/clock.ts";
import { TokenBucket } from "#client/work/rate-limited.ts";
import { LruCache } from "#pki/lru.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";

export const eventLimitTypes = ["Server", "Namespace", "User", "SourceAndObject"] as const;
export type EventLimitType = (typeof eventLimitTypes)[number];

export interface EventLimit {
  readonly type: EventLimitType;
  readonly qps: number;
  readonly burst: number;
  /** How many namespaces, users or objects are told apart; 0: 4096. */
  readonly cacheSize: number;
}

const defaultCacheSize = 4096;

/** What goes into one bucket. */
const keys: Readonly<Record<EventLimitType, (attributes: AdmissionAttributes) => string>> = {
  Server: () => "",
  Namespace: ({ namespace }) => namespace,
  User: ({ user }) => user.name,
  SourceAndObject: ({ object }) => {
    if (object === undefined) return "";
    const event = object as unknown as EitherEvent;
    const source = event.source ?? event.deprecatedSource;
    const { kind, namespace, name, uid, apiVersion } = event.involvedObject ?? event.regarding ?? {};
    return [source?.component, source?.host, kind, namespace, name, uid, apiVersion].join("");
  },
};

/** An event of the core, or of events.k8s.io, which has other names for the same. */
interface EitherEvent extends Pick<Event, "source"> {
  readonly involvedObject?: Event["involvedObject"];
  readonly deprecatedSource?: Event["source"];
  readonly regarding?: Event["involvedObject"];
}

class Limiter {
  readonly #limit: EventLimit;
  readonly #clock: Clock;
  readonly #buckets: LruCache<TokenBucket>;

  constructor(limit: EventLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    // A server has one bucket, whatever its limit says of a cache.
    this.#buckets = new LruCache(limit.type === "Server" ? 1 : limit.cacheSize || defaultCacheSize);
  }

  /** Undefined: the event may come. */
  refuse(attributes: AdmissionAttributes): StatusError | undefined {
    const { type, qps, burst } = this.#limit;
    const key = keys[type](attributes);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      bucket = new TokenBucket({ burst, perSecond: qps }, this.#clock);
      this.#buckets.set(key, bucket);
    }
    if (bucket.tryTake()) return undefined;
    const message = `Too many requests: limit reached on type ${type} for key ${key}`;
    return failure({ code: 429, reason: "TooManyRequests", message });
  }
}

export class EventRateLimit implements AdmissionPlugin {
  readonly name = "EventRateLimit";
  readonly resources = ["events", "events.events.k8s.io"];
  readonly #limiters: readonly Limiter[];

  constructor(limits: readonly EventLimit[], deps: { readonly clock: Clock }) {
    this.#limiters = limits.map((limit) => new Limiter(limit, deps.clock));
  }

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  /** Every limit counts the event, also when another one refuses it. */
  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    const refused = this.#limiters.map((limiter) => limiter.refuse(attributes)).findLast((each) => each);
    return refused === undefined ? undefined : Promise.reject(refused);
  }
}

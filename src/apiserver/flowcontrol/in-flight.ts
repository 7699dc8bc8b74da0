/**
 * What stands in for priority and fairness where that is turned off: so many requests at once that only read, and so many
 * others. Nobody waits: who comes too many is sent away. upstream: apiserver/pkg/server/filters/maxinflight.go
 */
import type { Registry } from "prom-client";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { isLongRunning, type RequestInfo } from "#apiserver/request/info.ts";
import type { Clock } from "#base/clock.ts";
import { DroppedError } from "./dropped-requests.ts";
import { kindOf, RequestTimes, type Kind } from "./request-times.ts";

/** 0: as many as come. */
export interface RequestLimits {
  readonly reading: number;
  readonly mutating: number;
}

export interface InFlightDeps {
  readonly clock: Clock;
  readonly registry: Registry;
}

/** Who asks for something. */
export interface Asker {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  /** There is no room for him. */
  refused(): void;
}

/** Always gets an answer. */
const privilegedGroup = "system:masters";
const retryAfterSeconds = 1;

export class InFlightLimit {
  readonly #limits: Readonly<Record<Kind, number>>;
  readonly #running: Record<Kind, number> = { readOnly: 0, mutating: 0 };
  readonly #clock: Clock;
  readonly #times: RequestTimes;

  constructor({ reading, mutating }: RequestLimits, { clock, registry }: InFlightDeps) {
    this.#limits = { readOnly: reading, mutating };
    this.#clock = clock;
    this.#times = new RequestTimes(registry);
    if (reading === 0 && mutating === 0) return;
    this.#times.limits("executing", { readOnly: reading || 1, mutating: mutating || 1 }, clock);
  }

  /** Does the work if there is room for it; what lasts needs none. Throws DroppedError. */
  run<T>(asker: Asker, work: () => T | Promise<T>): T | Promise<T> {
    const kind = kindOf(asker.info.verb);
    const limit = this.#limits[kind];
    if (limit === 0 || isLongRunning(asker.info)) return work();
    if (this.#running[kind] >= limit) {
      if (asker.user.groups.includes(privilegedGroup)) return work();
      asker.refused();
      throw new DroppedError(retryAfterSeconds);
    }
    this.#count(kind, 1);
    let answer: T | Promise<T>;
    try {
      answer = work();
    } catch (error) {
      this.#count(kind, -1);
      throw error;
    }
    if (answer instanceof Promise) {
      return answer.finally(() => {
        this.#count(kind, -1);
      });
    }
    this.#count(kind, -1);
    return answer;
  }

  #count(kind: Kind, more: 1 | -1): void {
    this.#running[kind] += more;
    this.#times.add("executing", kind, more, this.#clock.monotonic());
  }
}

/**
 * Priority and fairness: each request belongs to a flow of a priority level, and each level has seats of its own, so that
 * nobody can crowd out everybody else. upstream: apiserver/pkg/util/flowcontrol, apiserver/pkg/server/filters/priority-and-fairness.go
 */
import { catchAll, mandatoryLevels, mandatorySchemas } from "#api/flowcontrol/mandatory-objects.ts";
import type {
  FlowSchema,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
} from "#api/generated/types/flowcontrol-v1.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { byPrecedence, flowOf, matchingSchema, type FlowRequest } from "./classifier.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import { DroppedError } from "./dropped-requests.ts";
import type { FlowRequestState } from "./dump.ts";
import type { FlowCounts, FlowMetrics, FlowPlace } from "./flow-metrics.ts";
import { PriorityLevel, type LevelOptions, type QueueOptions, type SeatLease } from "./priority-level.ts";
import { kindOf } from "./request-times.ts";

export interface FlowControlOptions {
  /** Seats of the whole server: shared out among the levels by their shares. */
  readonly seats: number;
  /** How long a request may wait for a seat. */
  readonly waitMaxMs: number;
}

export interface FlowControlDeps {
  readonly clock: Clock;
  readonly metrics: FlowMetrics;
}

/** Where a request belongs. The UIDs go to the client as headers. */
export interface Classified {
  /** Whose request it was, and under which configuration. */
  readonly user: UserInfo;
  readonly schemas: readonly FlowSchema[];
  readonly level: PriorityLevel;
  readonly place: FlowPlace;
  readonly schemaName: string;
  readonly flow: string;
  readonly schemaUid: string;
  readonly levelUid: string;
}

/** Who may have to wait. */
export interface Waiter {
  readonly signal: AbortSignal;
  readonly info?: RequestInfo;
  /** So long he did. */
  held?(ms: number): void;
  /** There is no seat for him. */
  refused?(): void;
}

function stateOf(
  { level, flow, user }: Classified,
  seats: number,
  { info }: Waiter,
  { arrived, started }: Pick<FlowRequestState, "arrived" | "started">,
): FlowRequestState {
  return { levelName: level.name, flow, seats, userName: user.name, info, arrived, started };
}

export class FlowControl {
  /** What has its seats now. */
  readonly running = new Set<FlowRequestState>();
  readonly #options: FlowControlOptions;
  readonly #deps: FlowControlDeps;
  readonly #levels = new Map<string, PriorityLevel>();
  #schemas: readonly FlowSchema[] = [];
  #uids = new Map<string, string>();

  constructor(options: FlowControlOptions, deps: FlowControlDeps) {
    this.#options = options;
    this.#deps = deps;
    this.configure([], []);
  }

  /** The mandatory objects count also while they are missing; a schema whose level is missing counts for nothing. */
  configure(schemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void {
    const configured = withMandatory(levels, mandatoryLevels());
    const all = withMandatory(schemas, mandatorySchemas());
    this.#uids = new Map(configured.map(({ metadata }) => [metadata?.name ?? "", metadata?.uid ?? ""]));
    const specs = configured.map(({ metadata, spec }) => [metadata?.name ?? "", spec ?? noSpec] as const);
    const sum = specs.reduce((total, [, spec]) => total + sharesOf(spec).shares, 0);
    for (const [name, spec] of specs) {
      this.#configureLevel(name, levelOptions(spec, this.#options.seats, sum));
    }
    for (const name of this.#levels.keys()) if (!this.#uids.has(name)) this.#forget(name);
    this.#tellLimits();
    this.#schemas = all
      .filter(({ spec }) => this.#levels.has(spec?.priorityLevelConfiguration.name ?? ""))
      .toSorted(byPrecedence);
  }

  #forget(name: string): void {
    this.#levels.delete(name);
    this.#deps.metrics.times.forget(name);
  }

  #tellLimits(): void {
    const { clock, metrics } = this.#deps;
    const limits = { waiting: 0, executing: 0 };
    for (const { queueCapacity, options } of this.#levels.values()) {
      limits.waiting += queueCapacity;
      limits.executing += options.nominalSeats;
    }
    for (const phase of ["waiting", "executing"] as const) {
      metrics.requests.limits(phase, { readOnly: limits[phase], mutating: limits[phase] }, clock);
    }
  }

  #configureLevel(name: string, options: LevelOptions): void {
    const level = this.#levels.get(name);
    if (level !== undefined) {
      level.configure(options);
      return;
    }
    const { clock } = this.#deps;
    const { waitMaxMs, seats } = this.#options;
    const lendable = (to: PriorityLevel): number => this.#lendable(to);
    this.#levels.set(
      name,
      new PriorityLevel(name, options, {
        clock,
        waitMaxMs,
        serverSeats: seats,
        lendable,
        times: this.#deps.metrics.times.level(name, seats, clock),
      }),
    );
  }

  /** Of all that a level has had to do with. */
  countsOf(levelName: string): FlowCounts {
    return this.#deps.metrics.countsOf(levelName);
  }

  get levels(): Iterable<PriorityLevel> {
    return this.#levels.values();
  }

  /** What nobody else needs now, less what is lent already. */
  #lendable(to: PriorityLevel): number {
    let seats = 0;
    for (const level of this.#levels.values()) {
      if (level !== to) seats += level.idleLendable - level.overdrawn;
    }
    return seats - to.borrowed;
  }

  /** `last`: where a request of the same kind belonged; it still does when the same user sends it. */
  classify(request: FlowRequest, last?: Classified): Classified {
    if (last?.user === request.user && last.schemas === this.#schemas) return last;
    const schema = matchingSchema(this.#schemas, request) ?? this.#schemas.at(-1);
    const name = schema?.spec?.priorityLevelConfiguration.name ?? catchAll;
    const level = this.#levels.get(name);
    assert(schema !== undefined && level !== undefined, `no priority level ${name}`);
    const schemaName = schema.metadata?.name ?? "";
    return {
      user: request.user,
      schemas: this.#schemas,
      level,
      place: this.#deps.metrics.place(schemaName, name),
      schemaName,
      flow: `${schemaName}\n${flowOf(schema, request)}`,
      schemaUid: schema.metadata?.uid ?? "",
      levelUid: this.#uids.get(name) ?? "",
    };
  }

  /** Does the work when there are seats for it: at once when there are. Throws DroppedError. `waiter` is asked only who must wait. */
  run<T>(classified: Classified, seats: number, work: () => T | Promise<T>, waiter: Waiter): T | Promise<T> {
    const { level, place } = classified;
    place.estimated(seats);
    const lease = level.take(seats);
    if (lease === undefined) return this.#runLater(classified, seats, work, waiter);
    const began = this.#deps.clock.monotonic();
    place.begun(0, lease.seats);
    const running = stateOf(classified, lease.seats, waiter, { arrived: began, started: began });
    this.#enter(running, began);
    let answer: T | Promise<T>;
    try {
      answer = work();
    } catch (error) {
      this.#leave(lease, place, running);
      throw error;
    }
    if (answer instanceof Promise) {
      return answer.finally(() => {
        this.#leave(lease, place, running);
      });
    }
    this.#leave(lease, place, running);
    return answer;
  }

  async #runLater<T>(
    classified: Classified,
    seats: number,
    work: () => T | Promise<T>,
    waiter: Waiter,
  ): Promise<T> {
    const { clock } = this.#deps;
    const { level, place, flow } = classified;
    const came = clock.monotonic();
    const waits = stateOf(classified, seats, waiter, { arrived: came, started: undefined });
    const { requests } = this.#deps.metrics;
    const kind = kindOf(waiter.info?.verb);
    const inQueue = { seats: 0 };
    const enqueued = (length: number): void => {
      inQueue.seats = seats;
      place.enqueued(length, seats);
      requests.add("waiting", kind, 1, came);
    };
    const noRoom = (): void => {
      place.withoutRoom += 1;
    };
    const got = await level.acquire(flow, seats, waiter.signal, { request: waits, enqueued, noRoom });
    const began = clock.monotonic();
    if (inQueue.seats > 0) {
      place.dequeued(inQueue.seats);
      requests.add("waiting", kind, -1, began);
    }
    waiter.held?.(began - came);
    if (typeof got === "string") {
      place.refused(got, began - came);
      waiter.refused?.();
      throw new DroppedError(level.dropped.drop());
    }
    place.begun(began - came, got.seats);
    const running = stateOf(classified, got.seats, waiter, { arrived: came, started: began });
    this.#enter(running, began);
    try {
      return await work();
    } finally {
      this.#leave(got, place, running);
    }
  }

  #enter(running: FlowRequestState, now: number): void {
    this.running.add(running);
    this.#deps.metrics.requests.add("executing", kindOf(running.info?.verb), 1, now);
  }

  #leave(lease: SeatLease, place: FlowPlace, running: FlowRequestState): void {
    const { clock, metrics } = this.#deps;
    const now = clock.monotonic();
    lease.release(now);
    this.running.delete(running);
    const verb = running.info?.verb;
    metrics.requests.add("executing", kindOf(verb), -1, now);
    place.done(now - (running.started ?? 0), lease.seats, verb === "watch");
    // Its seats may be somebody else's now.
    for (const each of this.#levels.values()) if (each.waiting > 0) each.dispatch();
  }
}

const noSpec: PriorityLevelConfigurationSpec = { type: "Limited" };

function withMandatory<T extends FlowSchema | PriorityLevelConfiguration>(
  given: readonly T[],
  mandatory: readonly T[],
): readonly T[] {
  const names = new Set(given.map(({ metadata }) => metadata?.name));
  return [...given, ...mandatory.filter(({ metadata }) => !names.has(metadata?.name))];
}

/** What levels of both types say. upstream's defaults where they say nothing */
interface Shares {
  readonly shares: number;
  readonly lendablePercent: number;
  readonly borrowingLimitPercent: number | undefined;
}

function sharesOf({ type, exempt, limited }: PriorityLevelConfigurationSpec): Shares {
  if (type === "Exempt") {
    const { nominalConcurrencyShares: shares = 0, lendablePercent = 0 } = exempt ?? {};
    return { shares, lendablePercent, borrowingLimitPercent: undefined };
  }
  const { nominalConcurrencyShares: shares = 30, lendablePercent = 0, borrowingLimitPercent } = limited ?? {};
  return { shares, lendablePercent, borrowingLimitPercent };
}

/** upstream: util/flowcontrol/apf_controller.go */
function levelOptions(
  spec: PriorityLevelConfigurationSpec,
  serverSeats: number,
  shareSum: number,
): LevelOptions {
  const { shares, lendablePercent, borrowingLimitPercent } = sharesOf(spec);
  const nominalSeats = Math.ceil((serverSeats * shares) / Math.max(1, shareSum));
  const ofNominal = (percent: number): number => Math.round((nominalSeats * percent) / 100);
  return {
    isExempt: spec.type === "Exempt",
    nominalSeats,
    lendableSeats: ofNominal(lendablePercent),
    borrowableSeats: borrowingLimitPercent === undefined ? undefined : ofNominal(borrowingLimitPercent),
    queuing: queuingOf(spec),
  };
}

function queuingOf({ limited }: PriorityLevelConfigurationSpec): QueueOptions | undefined {
  if (limited?.limitResponse?.type !== "Queue") return undefined;
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = limited.limitResponse.queuing ?? {};
  return { queues, handSize, queueLengthMax: queueLengthLimit };
}

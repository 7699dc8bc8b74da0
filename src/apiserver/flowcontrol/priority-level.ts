/**
 * The seats of one priority level, and who waits for them: fair among flows, each of which is dealt a hand of queues and
 * takes the shortest. Requests of one queue are served in order; among queues the one that has had the least goes first.
 * upstream: apiserver/pkg/util/flowcontrol/fairqueuing/queueset, util/shufflesharding
 */
import { createHash } from "node:crypto";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import { DroppedRequests } from "./dropped-requests.ts";
import type { FlowRequestState } from "./dump.ts";
import type { LevelState, LevelTimes } from "./level-times.ts";

export interface QueueOptions {
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthMax: number;
}

export interface LevelOptions {
  /** Nothing is ever refused or kept waiting. */
  readonly isExempt: boolean;
  /** Seats that are its own. */
  readonly nominalSeats: number;
  /** Of these, others may have so many while it doesn't need them. */
  readonly lendableSeats: number;
  /** So many it may take of others; undefined: as many as there are. */
  readonly borrowableSeats: number | undefined;
  /** Undefined: who finds no seat is refused. */
  readonly queuing: QueueOptions | undefined;
}

/** Why a request was refused. upstream's words in its metrics */
export type Refusal = "queue-full" | "concurrency-limit" | "time-out" | "cancelled";

export interface LevelEnvironment {
  readonly clock: Clock;
  /** How long a request may wait, in milliseconds. */
  readonly waitMaxMs: number;
  /** Of the whole server. */
  readonly serverSeats: number;
  /** Seats that other levels could lend now. */
  readonly lendable: (to: PriorityLevel) => number;
  readonly times: LevelTimes;
}

interface Waiting {
  readonly seats: number;
  /** For who looks into it. */
  readonly request: FlowRequestState | undefined;
  readonly noRoom: (() => void) | undefined;
  readonly queue: Queue;
  readonly seat: (take: () => SeatLease) => void;
  readonly refuse: (why: Refusal) => void;
}

export interface Queue {
  readonly waiting: Waiting[];
  /** In seats, and in requests. */
  executing: number;
  running: number;
  /** How much service it has had, in seat milliseconds; never behind the level's. */
  served: number;
}

/** What a request will take until it is known better. upstream: 3 ms */
export const expectedMs = 3;

export interface SeatLease {
  readonly seats: number;
  /** Gives the seats back. Once. `now`: the clock's, of who has just asked it. */
  release(now?: number): void;
}

/** Who asks for seats. */
export interface Applicant {
  /** For who looks into it. */
  readonly request?: FlowRequestState | undefined;
  /** So many wait in its queue now, it among them. */
  readonly enqueued?: ((length: number) => void) | undefined;
  /** It was his turn, and there were no seats: each time. */
  readonly noRoom?: (() => void) | undefined;
}

export class PriorityLevel implements LevelState {
  readonly name: string;
  readonly dropped: DroppedRequests;
  readonly #environment: LevelEnvironment;
  #options: LevelOptions;
  #queues: Queue[] = [];
  #executing = 0;
  #executingSeats = 0;
  #waiting = 0;
  #waitingSeats = 0;
  /** Where a queue begins that had nothing to do. */
  #served = 0;

  constructor(name: string, options: LevelOptions, environment: LevelEnvironment) {
    this.name = name;
    this.dropped = new DroppedRequests(environment.clock);
    this.#environment = environment;
    this.#options = options;
    this.#dealQueues();
  }

  get options(): LevelOptions {
    return this.#options;
  }

  /** Requests that have their seats. */
  get executing(): number {
    return this.#executing;
  }

  get executingSeats(): number {
    return this.#executingSeats;
  }

  get queues(): readonly Queue[] {
    return this.#queues;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get waitingSeats(): number {
    return this.#waitingSeats;
  }

  /** So many requests could wait. */
  get queueCapacity(): number {
    const { queues, queueLengthMax } = this.#options.queuing ?? { queues: 0, queueLengthMax: 0 };
    return queues * queueLengthMax;
  }

  /** One request has no more, so that a few can't fill it where others wait. upstream: util/flowcontrol/apf_controller.go */
  get seatsMax(): number {
    const { nominalSeats, queuing } = this.#options;
    if (queuing === undefined) return Number.POSITIVE_INFINITY;
    const { handSize } = queuing;
    return Math.max(1, Math.min(Math.ceil(nominalSeats * 0.15), Math.trunc(nominalSeats / handSize)));
  }

  /** What it could lend now. */
  get idleLendable(): number {
    const { nominalSeats, lendableSeats } = this.#options;
    return Math.max(0, Math.min(lendableSeats, nominalSeats - this.#executingSeats));
  }

  /** Seats it has of others. */
  get borrowed(): number {
    return this.#options.isExempt ? 0 : this.overdrawn;
  }

  /** Seats beyond its own that nobody else can have: an exempt level asks nobody for them. upstream: KEP-1040 */
  get overdrawn(): number {
    return Math.max(0, this.#executingSeats - this.#options.nominalSeats);
  }

  /** It never has more. */
  get upperLimit(): number {
    const { isExempt, nominalSeats, borrowableSeats } = this.#options;
    const { serverSeats } = this.#environment;
    if (isExempt || borrowableSeats === undefined) return serverSeats;
    return Math.min(serverSeats, nominalSeats + borrowableSeats);
  }

  /** So many it could have now, with what others could lend it beyond what they have lent. */
  get currentLimit(): number {
    const { nominalSeats } = this.#options;
    const lendable = Math.max(0, this.#environment.lendable(this)) + this.borrowed;
    return Math.min(this.upperLimit, nominalSeats + lendable);
  }

  /** What waits in queues that are no more goes on waiting there. */
  configure(options: LevelOptions): void {
    const before = this.#options.queuing;
    this.#options = options;
    if (before?.queues !== options.queuing?.queues) this.#dealQueues();
    this.#environment.times.configured(this, this.#environment.clock.monotonic());
    this.dispatch();
  }

  /** Resolves with seats, or why there are none. */
  async acquire(
    flow: string,
    seats: number,
    signal: AbortSignal,
    applicant: Applicant = {},
  ): Promise<SeatLease | Refusal> {
    const lease = this.take(seats);
    if (lease !== undefined) return lease;
    const { queuing } = this.#options;
    if (queuing === undefined) return "concurrency-limit";
    // He left while it was found out who he is: he won't do so again.
    if (signal.aborted) return "cancelled";
    const queue = this.#queueOf(flow, queuing);
    if (queue.waiting.length >= queuing.queueLengthMax) return "queue-full";
    return this.#wait(queue, this.#wanted(seats), signal, applicant);
  }

  /** Seats without waiting, where nobody waits for them. */
  take(seats: number): SeatLease | undefined {
    const wanted = this.#wanted(seats);
    const isFree = this.#options.isExempt || (this.#waiting === 0 && this.#hasRoom(wanted));
    return isFree ? this.#take(wanted, undefined) : undefined;
  }

  #wanted(seats: number): number {
    const { isExempt, nominalSeats } = this.#options;
    return isExempt ? seats : Math.min(seats, Math.max(1, nominalSeats));
  }

  #wait(
    queue: Queue,
    seats: number,
    signal: AbortSignal,
    { request, enqueued, noRoom }: Applicant,
  ): Promise<SeatLease | Refusal> {
    return new Promise((resolve) => {
      const leave = (): void => {
        cancel();
        signal.removeEventListener("abort", onAbort);
        this.#waiting -= 1;
        this.#waitingSeats -= seats;
        this.#changed(this.#environment.clock.monotonic());
      };
      const waiting: Waiting = {
        seats,
        request,
        noRoom,
        queue,
        seat: (take) => {
          // Nobody waits and runs at once, not even for a moment: that would be a demand that wasn't there.
          leave();
          resolve(take());
        },
        refuse: (why) => {
          queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
          leave();
          resolve(why);
        },
      };
      const onAbort = (): void => {
        waiting.refuse("cancelled");
      };
      const cancel = this.#environment.clock.after(this.#environment.waitMaxMs, () => {
        waiting.refuse("time-out");
      });
      signal.addEventListener("abort", onAbort, { once: true });
      if (queue.waiting.length === 0 && queue.executing === 0) {
        queue.served = Math.max(queue.served, this.#served);
      }
      queue.waiting.push(waiting);
      enqueued?.(queue.waiting.length);
      this.#waiting += 1;
      this.#waitingSeats += seats;
      this.#changed(this.#environment.clock.monotonic());
      this.dispatch();
    });
  }

  /** Seats whoever can be seated. */
  dispatch(): void {
    while (this.#waiting > 0) {
      const queue = this.#next();
      const first = queue?.waiting[0];
      if (queue === undefined || first === undefined) return;
      if (!this.#hasRoom(first.seats)) {
        first.noRoom?.();
        return;
      }
      queue.waiting.shift();
      this.#served = queue.served;
      first.seat(() => this.#take(first.seats, queue));
    }
  }

  #next(): Queue | undefined {
    let best: Queue | undefined;
    for (const queue of this.#queues) {
      if (queue.waiting.length > 0 && (best === undefined || queue.served < best.served)) best = queue;
    }
    return best;
  }

  #hasRoom(seats: number): boolean {
    const { nominalSeats, borrowableSeats = Number.POSITIVE_INFINITY } = this.#options;
    const beyond = this.#executingSeats + seats - nominalSeats;
    if (beyond <= 0) return true;
    return beyond <= borrowableSeats && beyond - this.borrowed <= this.#environment.lendable(this);
  }

  #take(seats: number, queue: Queue | undefined): SeatLease {
    const { clock } = this.#environment;
    const began = clock.monotonic();
    this.#executing += 1;
    this.#executingSeats += seats;
    this.#changed(began);
    if (queue !== undefined) {
      queue.executing += seats;
      queue.running += 1;
      queue.served += seats * expectedMs;
    }
    let isHeld = true;
    return {
      seats,
      release: (now = clock.monotonic()) => {
        assert(isHeld, "seats are given back once");
        isHeld = false;
        this.#executing -= 1;
        this.#executingSeats -= seats;
        this.#changed(now);
        if (queue !== undefined) {
          queue.executing -= seats;
          queue.running -= 1;
          queue.served += seats * (now - began - expectedMs);
        }
        this.dispatch();
      },
    };
  }

  #changed(now: number): void {
    this.#environment.times.changed(this, now);
  }

  #dealQueues(): void {
    const old = this.#queues.filter(({ waiting }) => waiting.length > 0);
    const count = this.#options.queuing?.queues ?? 0;
    const fresh = Array.from({ length: count }, (): Queue => ({
      waiting: [],
      executing: 0,
      running: 0,
      served: this.#served,
    }));
    // Old queues stand behind the fresh ones: nobody is dealt one, and they empty themselves.
    this.#queues = [...fresh, ...old];
  }

  #queueOf(flow: string, { queues, handSize }: QueueOptions): Queue {
    let best: Queue | undefined;
    for (const at of handOf(flow, queues, handSize)) {
      const queue = this.#queues[at];
      assert(queue !== undefined, `queue ${at} of ${queues}`);
      if (best === undefined || lengthOf(queue) < lengthOf(best)) best = queue;
    }
    assert(best !== undefined, `a hand of ${handSize} queues of ${queues} is empty`);
    return best;
  }
}

const lengthOf = ({ waiting, executing }: Queue): number => waiting.length + executing;

/** So many different queues, the same for the same flow. */
export function handOf(flow: string, queues: number, handSize: number): number[] {
  let hash = createHash("sha256").update(flow).digest().readBigUInt64LE(0);
  const deck = Array.from({ length: queues }, (_, at) => at);
  const hand: number[] = [];
  for (let left = queues; left > queues - Math.min(handSize, queues); left--) {
    const at = Number(hash % BigInt(left));
    hash /= BigInt(left);
    hand.push(deck[at] ?? 0);
    deck[at] = deck[left - 1] ?? 0;
  }
  return hand;
}

/**
 * One queue of writes. While a commit runs, what comes queues up and makes the next one: no timer. When many queue up,
 * the next one is sent before the one that runs is done, so that the disk's side never waits for ours.
 * Contract: writes commit in the order of their revisions; `committed` runs before any of the commit's writers hears
 * of it; a failed commit fails every write queued behind it too, since those were decided on top of it.
 */
import { assert } from "#base/assert.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Clock } from "#base/clock.ts";
import type { Changes, Note } from "./backend.ts";
import type { KeyEvent } from "./kv.ts";
import type { MvccLog } from "./log.ts";
import { StoreBusyError, StoreClosedError, valueLengthOf } from "./store.ts";

/** More than one commit of this many rows and notes would keep those behind it waiting for over 10 ms. */
const commitRowsMax = 1024;
const commitBytesMax = 4 * 2 ** 20;
/**
 * Commits sent and not yet done. The second one only for this many rows: fewer are better off together with those that
 * come until the first is done, as each commit costs an fsync.
 */
const inFlightMax = 2;
const overlapRowsMin = 32;
/** Beyond what thousands of concurrent requests can queue; a bound against runaway writers. */
const waitingEventsMax = 65_536;
const waitingBytesMax = 256 * 2 ** 20;
/** upstream: etcd warns about slow disks from 1 s */
const slowCommitMs = 1000;

/** What one writer wants made durable, in one step; none of it when it only has to wait for those before it. */
interface Waiter {
  readonly events: readonly KeyEvent[];
  readonly notes: readonly Note[];
  /** Of the values. */
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What is made durable in one commit. */
interface Batch {
  readonly waiters: readonly Waiter[];
  readonly changes: Changes;
}

const none: readonly never[] = [];

export interface CommitPipelineDeps {
  readonly mvcc: MvccLog;
  readonly log: Logger;
  readonly clock: Clock;
  readonly commit: (changes: Changes) => Promise<void>;
  readonly committed: (changes: Changes) => void;
  /** Runs a flush a little later, so that writes of one turn of the event loop share a commit. */
  readonly defer: (flush: () => void) => void;
  /** Writers told of their commit in one turn of the event loop. */
  readonly acknowledgeMax: number;
}

export class CommitPipeline {
  readonly #deps: CommitPipelineDeps;
  #waiting: Waiter[] = [];
  #waitingBytes = 0;
  #waitingRows = 0;
  /** The oldest first. */
  #inFlight: Batch[] = [];
  /** Told when the commit of their event is settled: conflicts with a write that isn't durable yet. */
  readonly #riders = new Map<KeyEvent, ((failure: Error | undefined) => void)[]>();
  /** Committed, but their writers don't know yet. */
  #unacknowledged = 0;
  #isFlushDue = false;
  #fault: Error | undefined;
  #isClosed = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(deps: CommitPipelineDeps) {
    this.#deps = deps;
  }

  /** Why the last commit failed; undefined when it didn't. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** `decide` gives the event its revision or throws what the writer gets to hear. */
  submit(key: string, decide: (key: string) => KeyEvent): Promise<KeyEvent> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    let event: KeyEvent;
    try {
      event = decide(key);
    } catch (error) {
      return this.#conflict(key, error as Error);
    }
    return new Promise((resolve, reject) => {
      this.#wait({
        events: [event],
        notes: none,
        bytes: valueLengthOf(event.entry),
        resolve: () => {
          resolve(event);
        },
        reject,
      });
    });
  }

  /**
   * As `submit`, for any number of events and notes. What `decide` answers or throws may rest on writes that aren't
   * durable yet, so its writer hears it only after those before it have heard.
   */
  submitAll<T>(decide: () => Partial<Changes> & { readonly result: T }): Promise<T> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise<T>((resolve, reject) => {
      try {
        const { events = none, notes = none, result } = decide();
        let bytes = 0;
        for (const event of events) bytes += valueLengthOf(event.entry);
        const tell = (): void => {
          resolve(result);
        };
        if (events.length + notes.length === 0 && this.#isIdle) tell();
        else this.#wait({ events, notes, bytes, resolve: tell, reject });
      } catch (error) {
        const failure = error as Error;
        const tell = (): void => {
          reject(failure);
        };
        if (this.#isIdle) tell();
        else this.#wait({ events: none, notes: none, bytes: 0, resolve: tell, reject });
      }
    });
  }

  /** No write is accepted any more; resolves when those accepted are settled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  #conflict(key: string, error: Error): Promise<never> {
    const head = this.#deps.mvcc.uncommitted(key);
    if (head === undefined) return Promise.reject(error);
    return new Promise((_resolve, reject) => {
      const rider = (failure: Error | undefined): void => {
        reject(failure ?? error);
      };
      const riders = this.#riders.get(head);
      if (riders === undefined) this.#riders.set(head, [rider]);
      else riders.push(rider);
    });
  }

  #refusal(): Error | undefined {
    if (this.#isClosed) return new StoreClosedError();
    const isBusy = this.#waiting.length >= waitingEventsMax || this.#waitingBytes >= waitingBytesMax;
    return isBusy ? new StoreBusyError(this.#waiting.length) : undefined;
  }

  #wait(waiter: Waiter): void {
    this.#waiting.push(waiter);
    this.#waitingBytes += waiter.bytes;
    this.#waitingRows += rowsOf(waiter);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushDue || !this.#mayFlush) return;
    this.#isFlushDue = true;
    this.#deps.defer(() => {
      this.#isFlushDue = false;
      if (this.#mayFlush) void this.#flush();
    });
  }

  get #mayFlush(): boolean {
    const { length } = this.#inFlight;
    if (length === 0) return this.#waiting.length > 0;
    return length < inFlightMax && this.#waitingRows >= overlapRowsMin;
  }

  async #flush(): Promise<void> {
    const { clock, log, mvcc, committed } = this.#deps;
    const waiters = this.#take();
    const changes = changesOf(waiters);
    const batch = { waiters, changes };
    this.#inFlight.push(batch);
    const { events } = changes;
    const start = clock.monotonic();
    try {
      if (events.length + changes.notes.length > 0) await this.#deps.commit(changes);
    } catch (error) {
      // Otherwise it has failed with the one before it, and all that concerns it is told.
      if (this.#inFlight.includes(batch)) {
        this.#fail(error as Error);
        this.#next();
      }
      return;
    }
    assert(this.#inFlight[0] === batch, "a commit was made before the one it rests on");
    const ms = clock.monotonic() - start;
    if (ms > slowCommitMs) log.warn("slow commit", { ms: Math.round(ms), writes: events.length });
    if (this.#fault !== undefined) log.info("writes work again");
    this.#fault = undefined;
    mvcc.commit(events);
    committed(changes);
    this.#inFlight.shift();
    this.#unacknowledged += waiters.length;
    this.#acknowledge(waiters, 0);
    this.#next();
  }

  /**
   * Some at a time: what the first of them write next is on its way to the disk while the others are told. All at
   * once would also keep the event loop for milliseconds.
   */
  #acknowledge(done: readonly Waiter[], from: number): void {
    const { defer, acknowledgeMax } = this.#deps;
    const some = done.slice(from, from + acknowledgeMax);
    for (const waiter of some) waiter.resolve();
    if (this.#riders.size > 0) this.#tellRiders(some, undefined);
    this.#unacknowledged -= some.length;
    const next = from + some.length;
    if (next === done.length) return;
    // Twice, to come after the flush that these have just asked for.
    defer(() => {
      defer(() => {
        this.#acknowledge(done, next);
        this.#tellIfIdle();
      });
    });
  }

  /** Never nothing but waiters without rows when there are others: they would be told before those they rest on. */
  #take(): Waiter[] {
    let count = 0;
    let rows = 0;
    let bytes = 0;
    for (const waiter of this.#waiting) {
      const more = rowsOf(waiter);
      const isFull = rows + more > commitRowsMax || bytes + waiter.bytes > commitBytesMax;
      if (rows > 0 && isFull) break;
      count++;
      rows += more;
      bytes += waiter.bytes;
    }
    this.#waitingBytes -= bytes;
    this.#waitingRows -= rows;
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  #fail(error: Error): void {
    const failed = [...this.#inFlight.flatMap(({ waiters }) => waiters), ...this.#waiting];
    // Once, not with every retry of every writer.
    if (this.#fault === undefined) {
      this.#deps.log.error("commit failed", { writes: failed.length, error: errorText(error) });
    }
    this.#fault = error;
    this.#inFlight = [];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#waitingRows = 0;
    this.#deps.mvcc.rollback();
    for (const waiter of failed) waiter.reject(error);
    this.#tellRiders(failed, error);
  }

  #tellRiders(settled: readonly Waiter[], failure: Error | undefined): void {
    for (const { events } of settled) {
      for (const event of events) {
        const riders = this.#riders.get(event);
        if (riders === undefined) continue;
        this.#riders.delete(event);
        for (const rider of riders) rider(failure);
      }
    }
  }

  #next(): void {
    this.#flushSoon();
    this.#tellIfIdle();
  }

  get #isIdle(): boolean {
    return this.#waiting.length + this.#inFlight.length + this.#unacknowledged === 0;
  }

  #tellIfIdle(): void {
    if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

const rowsOf = ({ events, notes }: Waiter): number => events.length + notes.length;

function changesOf(waiters: readonly Waiter[]): Changes {
  const events: KeyEvent[] = [];
  const notes: Note[] = [];
  for (const waiter of waiters) {
    for (const event of waiter.events) events.push(event);
    for (const note of waiter.notes) notes.push(note);
  }
  return { events, notes };
}

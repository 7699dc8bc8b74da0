/**
 * A queue of keys for controllers.
 * Contract: a key waits at most once however often it is added; a key that is being worked on is never handed
 * to a second worker, but waits and comes again after `done`; keys come in the order they were added.
 * The number of waiting keys is the number of distinct objects, so it is bounded by `keysMax` only as a guard
 * against keys that name no object.
 * upstream: client-go/util/workqueue/queue.go
 */
import { assert } from "#base/assert.ts";
import type { QueueObserver } from "./queue-counts.ts";

/** Above the number of objects that one cluster may hold of one kind. */
const keysMaxDefault = 1_000_000;

export class WorkQueue<K extends string = string> {
  readonly #keysMax: number;
  readonly #dirty = new Set<K>();
  readonly #processing = new Set<K>();
  readonly #getters: ((key: K | undefined) => void)[] = [];
  #waiting: K[] = [];
  #head = 0;
  #isShutDown = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(keysMax: number = keysMaxDefault) {
    this.#keysMax = keysMax;
  }

  /** Whom it tells of each key, if anybody. */
  protected get observer(): QueueObserver | undefined {
    return undefined;
  }

  /** Keys that wait for a worker. */
  get size(): number {
    return this.#waiting.length - this.#head;
  }

  /** Keys that workers hold. */
  get processing(): number {
    return this.#processing.size;
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  /** Ignored after shutDown, and while the key waits already. */
  add(key: K): void {
    if (this.#isShutDown || this.#dirty.has(key)) return;
    assert(this.#dirty.size < this.#keysMax, `a work queue holds ${this.#dirty.size} keys`);
    this.#dirty.add(key);
    this.observer?.added(key);
    if (!this.#processing.has(key)) this.#hand(key);
  }

  /** The next key, or undefined when the queue was shut down and is empty. Every key must be given back with `done`. */
  get(): Promise<K | undefined> {
    if (this.#head < this.#waiting.length) {
      const key = this.#waiting[this.#head] as K;
      this.#head += 1;
      if (this.#head > 1024 || this.#head === this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#take(key);
      return Promise.resolve(key);
    }
    if (this.#isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#getters.push(resolve);
    });
  }

  done(key: K): void {
    this.#processing.delete(key);
    this.observer?.done(key);
    if (this.#dirty.has(key)) this.#hand(key);
    else if (this.#processing.size === 0 && this.size === 0) this.#drained?.resolve();
  }

  /** No more keys are taken in; what waits is still handed out, then `get` answers undefined. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const getter of this.#getters.splice(0)) getter(undefined);
  }

  /** Shuts down and resolves when every key that waited or was being worked on is done. */
  drain(): Promise<void> {
    this.shutDown();
    if (this.#processing.size === 0 && this.size === 0) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /** Shuts down and forgets what waits: for a stop that must not start new work. */
  clear(): void {
    this.shutDown();
    this.#waiting = [];
    this.#head = 0;
    this.#dirty.clear();
    if (this.#processing.size === 0) this.#drained?.resolve();
  }

  #take(key: K): void {
    this.observer?.taken(key);
    this.#processing.add(key);
    this.#dirty.delete(key);
  }

  #hand(key: K): void {
    const getter = this.#getters.shift();
    if (getter === undefined) {
      this.#waiting.push(key);
      return;
    }
    this.#take(key);
    getter(key);
  }
}

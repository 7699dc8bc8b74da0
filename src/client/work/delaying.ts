/**
 * A work queue whose keys may be added later.
 * A key added twice with a delay comes at the earlier time, once. One timer serves all, and none runs while
 * nothing waits. upstream: client-go/util/workqueue/delaying_queue.go
 */
import type { Clock } from "#base/clock.ts";
import { Heap } from "#base/heap.ts";
import { WorkQueue } from "./queue.ts";

interface Delayed<K> {
  readonly key: K;
  readonly at: number;
}

export class DelayingQueue<K extends string = string> extends WorkQueue<K> {
  readonly #clock: Clock;
  /** When each delayed key is due; entries of the heap that disagree are stale. */
  readonly #dueAt = new Map<K, number>();
  #heap = newHeap<K>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, keysMax?: number) {
    super(keysMax);
    this.#clock = clock;
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#dueAt.size;
  }

  addAfter(key: K, ms: number): void {
    if (this.isShutDown) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + ms;
    const known = this.#dueAt.get(key);
    if (known !== undefined && known <= at) return;
    this.#dueAt.set(key, at);
    this.#heap.push({ key, at });
    if (this.#heap.size > 2 * this.#dueAt.size + 64) this.#dropStale();
    this.#arm();
  }

  override shutDown(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dueAt.clear();
    this.#heap = newHeap<K>();
    super.shutDown();
  }

  #dropStale(): void {
    this.#heap = newHeap<K>();
    for (const [key, at] of this.#dueAt) this.#heap.push({ key, at });
  }

  #arm(): void {
    const next = this.#heap.peek();
    if (next === undefined) return;
    if (this.#cancelTimer !== undefined && this.#timerAt <= next.at) return;
    this.#cancelTimer?.();
    this.#timerAt = next.at;
    this.#cancelTimer = this.#clock.after(next.at - this.#clock.monotonic(), () => {
      this.#cancelTimer = undefined;
      this.#release();
    });
  }

  #release(): void {
    const now = this.#clock.monotonic();
    for (let next = this.#heap.peek(); next !== undefined && next.at <= now; next = this.#heap.peek()) {
      this.#heap.pop();
      if (this.#dueAt.get(next.key) !== next.at) continue;
      this.#dueAt.delete(next.key);
      this.add(next.key);
    }
    this.#arm();
  }
}

function newHeap<K>(): Heap<Delayed<K>> {
  return new Heap<Delayed<K>>((a, b) => a.at < b.at);
}

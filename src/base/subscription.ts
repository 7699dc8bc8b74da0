/**
 * A bounded queue read with `for await`, written with `push`.
 * Contract: items arrive in order of push; when more than `max` wait, or more than one that together weigh more than
 * `weightMax`, the subscription fails with
 * SubscriptionOverflowError and lets go of them; `close` ends the loop after what is queued,
 * `fail` ends it with the error after what is queued; breaking out of the loop or aborting cancels.
 * One reader at a time.
 */
export class SubscriptionOverflowError extends Error {
  override readonly name = "SubscriptionOverflowError";
  readonly code = "OVERFLOW";
  constructor(max: number) {
    super(`reader fell more than ${max} items behind`);
  }
}

export interface SubscriptionOptions<T> {
  readonly max: number;
  /** Of all that wait. Without, nothing is weighed. */
  readonly weightMax?: number | undefined;
  readonly weightOf?: ((item: T) => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onCancel?: () => void;
}

export class Subscription<T> implements AsyncIterableIterator<T> {
  readonly #options: SubscriptionOptions<T>;
  readonly #onAbort = (): void => {
    this.cancel();
  };
  #items: T[] = [];
  #head = 0;
  #weight = 0;
  #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: Error) => void } | undefined;
  #ended = false;
  #cancelled = false;
  #error: Error | undefined;

  constructor(options: SubscriptionOptions<T>) {
    this.#options = options;
    if (options.signal?.aborted === true) this.cancel();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Items waiting to be read. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** False when the subscription has ended: the item is dropped. */
  push(item: T): boolean {
    if (this.#ended) return false;
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ value: item, done: false });
      return true;
    }
    const { max, weightMax = Number.POSITIVE_INFINITY } = this.#options;
    const weight = this.#weight + this.#weightOf(item);
    if (this.size >= max || (this.size > 0 && weight > weightMax)) {
      const behind = this.size;
      this.#forget();
      this.fail(new SubscriptionOverflowError(behind));
      return false;
    }
    this.#weight = weight;
    this.#items.push(item);
    return true;
  }

  /** Takes everything that waits, without waiting. */
  drain(): T[] {
    const items = this.#items.slice(this.#head);
    this.#forget();
    return items;
  }

  #weightOf(item: T): number {
    return this.#options.weightOf?.(item) ?? 0;
  }

  #forget(): void {
    this.#items = [];
    this.#head = 0;
    this.#weight = 0;
  }

  close(): void {
    this.#end(undefined);
  }

  fail(error: Error): void {
    this.#end(error);
  }

  /** Ends at once, dropping what is queued. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#forget();
    this.#error = undefined;
    this.#end(undefined);
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#head < this.#items.length) {
      const value = this.#items[this.#head] as T;
      this.#head += 1;
      this.#weight -= this.#weightOf(value);
      if (this.#head === this.#items.length || this.#head > 1024) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.cancel();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    if (this.#waiting === undefined) {
      this.#error = error;
    } else {
      const { resolve, reject } = this.#waiting;
      this.#waiting = undefined;
      if (error === undefined) resolve({ value: undefined, done: true });
      else reject(error);
    }
    this.#options.onCancel?.();
  }
}

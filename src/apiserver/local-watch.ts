/**
 * A watch of a component of this process. Each change of a resource goes to several of them: an event costs one promise
 * here, where a generator around the cache's own would cost five.
 */
import type { WatchEvent } from "#api/meta/object.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";

type Result = IteratorResult<WatchEvent, undefined>;

/** What the cache tells, and how it is shown; or what another server tells. */
export type OpenedWatch =
  | {
      readonly items: AsyncIterator<WatchItem>;
      readonly show: (item: WatchItem) => WatchEvent | Promise<WatchEvent>;
    }
  | { readonly events: AsyncIterator<WatchEvent> };

export interface LocalWatchDeps {
  /** What it rejects with, the first `next` rejects with. */
  readonly open: () => Promise<OpenedWatch>;
  /** Called once, whatever ended the watch. */
  readonly onEnd: () => void;
}

const over: Result = { value: undefined, done: true };

/** Begins with the first `next`. For one reader, who asks again only when it has its answer. */
export class LocalWatch implements AsyncIterableIterator<WatchEvent, undefined> {
  readonly #deps: LocalWatchDeps;
  readonly #showOne = (result: IteratorResult<WatchItem>): Result | Promise<Result> => {
    if (result.done === true) return this.#end();
    const { show } = this.#opened as Extract<OpenedWatch, { items: unknown }>;
    try {
      const event = show(result.value);
      return event instanceof Promise ? event.then(resultOf, this.#fail) : resultOf(event);
    } catch (error) {
      return this.#fail(error);
    }
  };
  readonly #take = (result: IteratorResult<WatchEvent>): Result =>
    result.done === true ? this.#end() : result;
  readonly #fail = (error: unknown): never => {
    this.#end();
    throw error;
  };
  #opened: OpenedWatch | undefined;
  #isOver = false;

  constructor(deps: LocalWatchDeps) {
    this.#deps = deps;
  }

  next(): Promise<Result> {
    if (this.#isOver) return Promise.resolve(over);
    if (this.#opened === undefined) return this.#begin();
    return "items" in this.#opened
      ? this.#opened.items.next().then(this.#showOne, this.#fail)
      : this.#opened.events.next().then(this.#take, this.#fail);
  }

  async return(): Promise<Result> {
    const opened = this.#opened;
    if (opened !== undefined) await ("items" in opened ? opened.items : opened.events).return?.();
    return this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #begin(): Promise<Result> {
    try {
      this.#opened = await this.#deps.open();
    } catch (error) {
      this.#fail(error);
    }
    return this.next();
  }

  #end(): Result {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#deps.onEnd();
    }
    return over;
  }
}

const resultOf = (value: WatchEvent): Result => ({ value, done: false });

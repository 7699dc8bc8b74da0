/** Answers and connections while they are open, to wait for the last of them. */

interface Closing {
  once(event: "close", run: () => void): unknown;
}

export class OpenOnes<T extends Closing> {
  readonly #all = new Set<T>();
  #waiting: (() => void)[] = [];

  get all(): Iterable<T> {
    return this.#all;
  }

  /** It isn't closed yet. */
  follow(one: T): void {
    this.#all.add(one);
    one.once("close", () => {
      this.#all.delete(one);
      if (this.#all.size > 0) return;
      for (const run of this.#waiting) run();
      this.#waiting = [];
    });
  }

  /** Resolves when none is open. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#all.size === 0) resolve();
      else this.#waiting.push(resolve);
    });
  }
}

/** One alarm a minute for all watches that want bookmarks; none when there are no such watches. */
import type { Clock } from "#base/clock.ts";

/** upstream: cacher.go bookmarkFrequency */
const everyMs = 60_000;

export class Bookmarks {
  readonly #clock: Clock;
  readonly #watches = new Set<() => void>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(run: () => void): () => void {
    this.#watches.add(run);
    this.#cancel ??= this.#arm();
    return () => {
      this.#watches.delete(run);
      if (this.#watches.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #arm(): () => void {
    return this.#clock.after(everyMs, () => {
      this.#cancel = this.#arm();
      for (const run of this.#watches) run();
    });
  }
}

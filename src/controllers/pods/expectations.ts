/**
 * What a controller asked for and hasn't seen in its cache yet. While something is expected, counting pods would
 * count wrongly, so the key isn't synced; what never shows up is forgotten after five minutes.
 * upstream: pkg/controller/controller_utils.go ControllerExpectations
 */
import type { Clock } from "#base/clock.ts";

const timeoutMs = 5 * 60 * 1000;

interface Expected {
  creations: number;
  /** Keys of pods whose deletion was asked for: an update and the delete of one pod count once. */
  readonly deletions: Set<string>;
  readonly since: number;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #expected = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  expectCreations(key: string, count: number): void {
    this.#expected.set(key, { creations: count, deletions: new Set(), since: this.#clock.monotonic() });
  }

  expectDeletions(key: string, pods: readonly string[]): void {
    this.#expected.set(key, { creations: 0, deletions: new Set(pods), since: this.#clock.monotonic() });
  }

  /** Also for a creation that failed or won't be tried. */
  creationSeen(key: string): void {
    const expected = this.#expected.get(key);
    if (expected !== undefined) expected.creations -= 1;
  }

  deletionSeen(key: string, pod: string): void {
    this.#expected.get(key)?.deletions.delete(pod);
  }

  satisfied(key: string): boolean {
    const expected = this.#expected.get(key);
    if (expected === undefined) return true;
    if (expected.creations <= 0 && expected.deletions.size === 0) return true;
    return this.#clock.monotonic() - expected.since > timeoutMs;
  }

  forget(key: string): void {
    this.#expected.delete(key);
  }
}

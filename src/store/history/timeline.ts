/**
 * Which revision belongs to which time. One key is written every few seconds while something happens; what it held at
 * each of its revisions is the time of that revision. So the index is as old as the history that it is about, is
 * compacted with it, and works on every datastore.
 */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import {
  CompactedError,
  KeyExistsError,
  type Revision,
  RevisionMismatchError,
  type Store,
} from "../store.ts";

const key = "/mini-k8s/timeline";
/** How exact a time is. */
const everyMs = 10_000;

export interface Mark {
  /** Everything up to here was there. */
  readonly revision: Revision;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

export interface TimelineDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Timeline {
  readonly #deps: TimelineDeps;
  /** In the order of revisions. */
  #marks: Mark[] = [];

  constructor(deps: TimelineDeps) {
    this.#deps = deps;
  }

  /** Of every revision that can still be read. */
  get marks(): readonly Mark[] {
    const oldest = this.#deps.store.compactRevision;
    const first = this.#marks.findIndex(({ revision }) => revision >= oldest);
    this.#marks = first < 0 ? [] : this.#marks.slice(first);
    return this.#marks;
  }

  /** Reads the marks that are there, follows those that others make, and makes its own. Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#follow(signal), this.#mark(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { store } = this.#deps;
    for (;;) {
      const last = this.#marks.at(-1)?.revision ?? 0n;
      const known = last > store.compactRevision ? last : store.compactRevision;
      try {
        const options = { startRevision: known + 1n, progress: false, signal };
        for await (const { events } of store.watch(key, options)) {
          for (const { type, entry } of events) {
            if (type === "put") this.#marks.push({ revision: entry.modRevision, time: Number(entry.value) });
          }
        }
        return;
      } catch (error) {
        // Cut off from the datastore until others had compacted: what is left of the history begins later.
        if (!(error instanceof CompactedError)) throw error;
      }
    }
  }

  async #mark(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => undefined);
      if (isAborted(signal)) return;
      try {
        const { entry } = await store.get(key);
        if (entry?.modRevision === store.revision) continue;
        const value = Buffer.from(String(clock.now()));
        if (entry === undefined) await store.create(key, value);
        else await store.update(key, value, entry.modRevision);
      } catch (error) {
        // Another server was faster; or the datastore is away, or full, which those who write for others say.
        if (error instanceof KeyExistsError || error instanceof RevisionMismatchError) continue;
        if (isAborted(signal)) return;
        log.debug("no mark in the timeline", { error: errorText(error) });
      }
    }
  }
}

/** Also after an await, which the type checker doesn't know may change it. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

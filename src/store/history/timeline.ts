/**
 * Which revision belongs to which time. One key is written a second after something else was; what it held at each of
 * its revisions is the time of that revision. So the index is as old as the history that it is about, is
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
const everyMs = 1000;
/** Fewer marks than this aren't worth looking through for what may go. */
const fewMarks = 1024;

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
  /** As many marks as make it look for those that can go. */
  #trimAt = fewMarks;

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
          // Also where nobody ever asks.
          if (this.#marks.length >= this.#trimAt) this.#trimAt = Math.max(fewMarks, 2 * this.marks.length);
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
      try {
        const { entry: before } = await store.get(key);
        if (before?.modRevision === store.revision) await this.#nextWrite(before.modRevision, signal);
        await clock.sleep(everyMs, signal);
        const { entry } = await store.get(key);
        const value = Buffer.from(String(clock.now()));
        if (entry === undefined) await store.create(key, value);
        else if (entry.modRevision !== store.revision) await store.update(key, value, entry.modRevision);
      } catch (error) {
        if (isAborted(signal)) return;
        // Another server was faster; or the datastore is away, or full, which those who write for others say.
        if (error instanceof KeyExistsError || error instanceof RevisionMismatchError) continue;
        log.debug("no mark in the timeline", { error: errorText(error) });
        await clock.sleep(everyMs, signal).catch(() => undefined);
      }
    }
  }

  /** Waits for a write behind `revision` that isn't a mark; another server's mark would otherwise call for one of ours. */
  async #nextWrite(revision: Revision, signal: AbortSignal): Promise<void> {
    const options = { startRevision: revision + 1n, progress: false, signal };
    for await (const { events } of this.#deps.store.watch("", options)) {
      if (events.some(({ entry }) => entry.key !== key)) return;
    }
  }
}

/** Also after an await, which the type checker doesn't know may change it. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

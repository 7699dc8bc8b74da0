/**
 * Compaction: first the decision becomes durable and readers of older revisions are refused, then the space is freed
 * in slices, between which waiting commits go first. A crash in between is made up for by the next sweep.
 */
import type { Backend } from "./backend.ts";
import type { MvccLog } from "./log.ts";
import { CompactedError, FutureRevisionError, type Revision } from "./store.ts";

export interface CompactorDeps {
  readonly mvcc: MvccLog;
  readonly backend: Backend;
  /** Older revisions are no longer asked for. */
  readonly compacted: (revision: Revision) => void;
}

export class Compactor {
  readonly #deps: CompactorDeps;
  #asked: Revision;
  #sweeping: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: CompactorDeps) {
    this.#deps = deps;
    this.#asked = deps.mvcc.compactRevision;
  }

  /** Resolves when the older revisions are gone for everybody, once and for all; `sweep` frees their space. */
  async decide(revision: Revision): Promise<void> {
    const { mvcc, backend, compacted } = this.#deps;
    if (revision > mvcc.revision) throw new FutureRevisionError(revision, mvcc.revision);
    if (revision <= this.#asked) throw new CompactedError(this.#asked);
    const before = this.#asked;
    this.#asked = revision;
    try {
      await backend.compact(revision);
    } catch (error) {
      // Unless a later call has already asked for more.
      if (this.#asked === revision) this.#asked = before;
      throw error;
    }
    if (revision > mvcc.compactRevision) {
      mvcc.compacted(revision);
      compacted(revision);
    }
  }

  /** Frees everything that is compacted. One sweep after the other. */
  sweep(): Promise<void> {
    this.#sweeping = this.#sweeping.then(
      () => this.#sweepAll(),
      () => this.#sweepAll(),
    );
    return this.#sweeping;
  }

  /** Stops after the slice that is running; what is left is freed when the store is open again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sweeping.catch(() => undefined);
  }

  async #sweepAll(): Promise<void> {
    while (!this.#isClosed && (await this.#deps.backend.sweep()));
  }
}

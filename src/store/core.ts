/** What both faces of the store stand on: one log, one pipeline, one hub. Opened and closed as one. */
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Archive, Backend, StoredLease } from "./backend.ts";
import { CommitPipeline } from "./commit-pipeline.ts";
import { Compactor } from "./compact.ts";
import { Hub } from "./hub.ts";
import type { KeyEvent, LeaseId } from "./kv.ts";
import { LeaseBook } from "./leases.ts";
import type { MvccLog } from "./log.ts";
import { Past } from "./past.ts";
import { type Revision, StoreClosedError } from "./store.ts";

export interface StoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface StoreCoreDeps extends StoreDeps {
  readonly mvcc: MvccLog;
  readonly backend: Backend;
  readonly leases: readonly StoredLease[];
  readonly alarms: bigint;
  readonly defer: (flush: () => void) => void;
  readonly acknowledgeMax: number;
}

export class StoreCore {
  readonly mvcc: MvccLog;
  readonly backend: Backend;
  readonly pipeline: CommitPipeline;
  readonly hub: Hub<KeyEvent>;
  readonly past: Past;
  readonly leases: LeaseBook;
  /** One bit per alarm, as the backend keeps them. */
  alarms: bigint;
  readonly #compactor: Compactor;
  readonly #log: Logger;
  #closing: Promise<void> | undefined;

  constructor(deps: StoreCoreDeps) {
    const { mvcc, backend, log } = deps;
    const archive = backend.archive === undefined ? undefined : noticing(backend.archive, mvcc);
    this.mvcc = mvcc;
    this.backend = backend;
    this.alarms = deps.alarms;
    this.#log = log;
    this.past = new Past({ mvcc, archive });
    this.hub = new Hub({
      ring: mvcc.ring,
      archive,
      revision: () => mvcc.revision,
      compactRevision: () => mvcc.compactRevision,
    });
    this.pipeline = new CommitPipeline({
      ...deps,
      commit: (changes) => backend.commit(changes),
      committed: ({ events }) => {
        this.hub.publish(events);
      },
    });
    this.leases = new LeaseBook(deps.leases, {
      ...deps,
      write: (notes) => this.pipeline.submitAll(() => ({ notes, result: undefined })),
      revoke: (id) => this.revokeLease(id),
    });
    this.#compactor = new Compactor({
      mvcc,
      backend,
      compacted: (revision) => {
        this.past.compacted(revision);
        if (archive === undefined) mvcc.ring.dropBefore(revision);
      },
    });
    // What a compaction before the last stop left behind.
    this.#sweep();
  }

  /** `waitsForSpace`: until what was compacted is freed, too. */
  async compact(revision: Revision, waitsForSpace: boolean): Promise<void> {
    this.assertOpen();
    await this.#compactor.decide(revision);
    if (waitsForSpace) await this.#compactor.sweep();
    else this.#sweep();
  }

  /** Throws LeaseNotFoundError. */
  async revokeLease(id: LeaseId): Promise<Revision> {
    const { mvcc, leases } = this;
    leases.beginRevoke(id);
    let isDone = false;
    try {
      const revision = await this.pipeline.submitAll(() => {
        const { events, result } = mvcc.transact((draft) => {
          for (const key of mvcc.keysOf(id, "newest")) {
            const entry = draft.get(key);
            if (entry !== undefined) draft.delete(entry);
          }
          return draft.readRevision;
        });
        return { events, notes: [{ kind: "no lease", id }], result };
      });
      isDone = true;
      return revision;
    } finally {
      leases.endRevoke(id, isDone);
    }
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }

  /** Failing to free space is no reason not to serve. */
  #sweep(): void {
    this.#compactor.sweep().catch((error: unknown) => {
      this.#log.warn("can't free compacted space, will retry at the next compaction", {
        error: errorText(error),
      });
    });
  }

  async #close(): Promise<void> {
    const noted = this.leases.close().catch((error: unknown) => {
      this.#log.warn("can't note what leases have left", { error: errorText(error) });
    });
    await Promise.all([noted, this.pipeline.close()]);
    this.hub.close();
    await this.#compactor.close();
    await this.backend.close();
  }
}

/** Keys of the past are noticed when they come to light. */
function noticing(archive: Archive, mvcc: MvccLog): Archive {
  return {
    readEvents: async (range, from, to) => {
      const batch = await archive.readEvents(range, from, to);
      for (const { key } of batch.events) mvcc.notice(key);
      return batch;
    },
    readChanges: (range, from, to) => archive.readChanges(range, from, to),
    readEntries: async (at) => {
      const entries = await archive.readEntries(at);
      for (const { key } of entries) mvcc.notice(key);
      return entries;
    },
  };
}

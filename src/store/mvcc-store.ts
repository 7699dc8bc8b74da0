/** The store over any backend: decides and reads in memory, commits through the backend, then tells the watches. */
import type { Clock } from "#base/clock.ts";
import { assert } from "#base/assert.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Backend } from "./backend.ts";
import { CommitPipeline } from "./commit-pipeline.ts";
import { Compactor } from "./compact.ts";
import { Hub } from "./hub.ts";
import type { MvccLog } from "./log.ts";
import { Past } from "./past.ts";
import {
  type Entry,
  type EventBatch,
  type GetResult,
  type ListOptions,
  type ListResult,
  type Revision,
  type Store,
  StoreClosedError,
  type WatchOptions,
} from "./store.ts";

export interface StoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MvccStoreDeps extends StoreDeps {
  readonly mvcc: MvccLog;
  readonly backend: Backend;
  readonly defer: (flush: () => void) => void;
  readonly acknowledgeMax: number;
}

export class MvccStore implements Store {
  readonly #mvcc: MvccLog;
  readonly #backend: Backend;
  readonly #pipeline: CommitPipeline;
  readonly #hub: Hub;
  readonly #past: Past;
  readonly #compactor: Compactor;
  #closing: Promise<void> | undefined;

  constructor(deps: MvccStoreDeps) {
    const { mvcc, backend } = deps;
    const archive = backend.archive;
    this.#mvcc = mvcc;
    this.#backend = backend;
    this.#past = new Past({ mvcc, archive });
    this.#hub = new Hub({
      ring: mvcc.ring,
      archive,
      revision: () => mvcc.revision,
      compactRevision: () => mvcc.compactRevision,
    });
    this.#pipeline = new CommitPipeline({
      ...deps,
      commit: (events) => backend.commit(events),
      committed: (events) => {
        this.#hub.publish(events);
      },
    });
    this.#compactor = new Compactor({
      mvcc,
      backend,
      compacted: (revision) => {
        this.#past.compacted(revision);
        if (archive === undefined) mvcc.ring.dropBefore(revision);
      },
    });
    // What a compaction before the last stop left behind. Failing to free space is no reason not to serve.
    this.#compactor.sweep().catch((error: unknown) => {
      deps.log.warn("can't free compacted space, will retry at the next compaction", {
        error: errorText(error),
      });
    });
  }

  get revision(): Revision {
    return this.#mvcc.revision;
  }

  get compactRevision(): Revision {
    return this.#mvcc.compactRevision;
  }

  latest(): Promise<Revision> {
    return Promise.resolve(this.#mvcc.revision);
  }

  async get(key: string, revision?: Revision): Promise<GetResult> {
    this.#assertOpen();
    const entry = revision === undefined ? this.#mvcc.current.get(key) : await this.#past.get(key, revision);
    return { revision: this.#mvcc.revision, entry };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#assertOpen();
    const { startKey = prefix, limit = Number.POSITIVE_INFINITY, revision } = options;
    assert(startKey.startsWith(prefix), `list of ${prefix} can't start at ${startKey}`);
    if (revision !== undefined) return this.#past.list(prefix, startKey, limit, revision);
    const { current } = this.#mvcc;
    const entries: Entry[] = [];
    const cursor = current.cursor(startKey);
    for (let slot = cursor.slot; slot?.key.startsWith(prefix) === true; slot = cursor.slot) {
      if (entries.length >= limit) break;
      entries.push(slot.value);
      cursor.advance();
    }
    const count = limit === Number.POSITIVE_INFINITY ? entries.length : current.count(prefix, startKey);
    return { revision: this.#mvcc.revision, entries, count, more: count > entries.length };
  }

  async count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }> {
    this.#assertOpen();
    return { revision: this.#mvcc.revision, count: this.#mvcc.current.count(prefix) };
  }

  async create(key: string, value: Buffer): Promise<Entry> {
    const event = await this.#pipeline.submit(key, () => this.#mvcc.create(key, value));
    return event.entry;
  }

  async update(key: string, value: Buffer, expected: Revision): Promise<Entry> {
    const event = await this.#pipeline.submit(key, () => this.#mvcc.update(key, value, expected));
    return event.entry;
  }

  async delete(
    key: string,
    expected?: Revision,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }> {
    const event = await this.#pipeline.submit(key, () => this.#mvcc.delete(key, expected));
    return { revision: event.revision, previous: event.entry };
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<EventBatch> {
    this.#assertOpen();
    return this.#hub.watch(prefix, options);
  }

  async compact(revision: Revision): Promise<void> {
    this.#assertOpen();
    await this.#compactor.compact(revision);
  }

  async size(): Promise<number> {
    this.#assertOpen();
    return this.#backend.size();
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await this.#pipeline.close();
    this.#hub.close();
    await this.#compactor.close();
    await this.#backend.close();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new StoreClosedError();
  }
}

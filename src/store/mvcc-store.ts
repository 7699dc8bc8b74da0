/** The apiserver's Store over any backend: decides and reads in memory, commits through the backend. */
import { assert } from "#base/assert.ts";
import type { StoreCore } from "./core.ts";
import { contains, isWide, keyOfText, type KeyRange, prefixRange, textOfKey } from "./key-range.ts";
import type { KeyEvent, KeyEventBatch, KeyValue, KeyValueStore } from "./kv.ts";
import { MvccKeyValueStore } from "./kv-store.ts";
import {
  type Entry,
  type EventBatch,
  type GetResult,
  KeyExistsError,
  KeyNotFoundError,
  type ListOptions,
  type ListResult,
  type Revision,
  RevisionMismatchError,
  type Store,
  type StoreCopy,
  type WatchOptions,
} from "./store.ts";

/** Keys are text here, and bytes inside; the same until a key comes that isn't ASCII. */
export class MvccStore implements Store {
  /** The same keys and revisions, as etcd's API has them. */
  readonly keyValues: KeyValueStore;
  readonly copy: (() => Promise<StoreCopy>) | undefined;
  readonly #core: StoreCore;

  constructor(core: StoreCore) {
    this.#core = core;
    this.copy = core.backend.copy?.bind(core.backend);
    this.keyValues = new MvccKeyValueStore(core);
  }

  get revision(): Revision {
    return this.#core.mvcc.revision;
  }

  get compactRevision(): Revision {
    return this.#core.mvcc.compactRevision;
  }

  get writeFault(): Error | undefined {
    return this.#core.pipeline.fault;
  }

  latest(): Revision {
    return this.#core.mvcc.revision;
  }

  async get(key: string, revision?: Revision): Promise<GetResult> {
    this.#core.assertOpen();
    const { mvcc, past } = this.#core;
    const name = keyOfText(key);
    const entry = revision === undefined ? mvcc.current.get(name) : await past.get(name, revision);
    return { revision: mvcc.revision, entry: entry === undefined ? undefined : outside(entry) };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#core.assertOpen();
    const { startKey = prefix, limit = Number.POSITIVE_INFINITY, revision } = options;
    assert(startKey.startsWith(prefix), `list of ${prefix} can't start at ${startKey}`);
    const range = prefixRange(keyOfText(prefix));
    const from = keyOfText(startKey);
    const { mvcc, past } = this.#core;
    const page =
      revision === undefined
        ? this.#present({ start: from, end: range.end }, limit)
        : await past.list(range, revision, { from, limit });
    const entries = mvcc.hasWideKeys ? page.entries.map(outside) : page.entries;
    return { revision: mvcc.revision, entries, count: page.count, more: page.count > entries.length };
  }

  async count(prefix: string): Promise<{ readonly revision: Revision; readonly count: number }> {
    this.#core.assertOpen();
    const { mvcc } = this.#core;
    return { revision: mvcc.revision, count: mvcc.current.count(prefixRange(keyOfText(prefix))) };
  }

  create(key: string, value: Buffer, author?: string): Promise<Entry> {
    return this.#write(key, (name) => {
      assert(key.isWellFormed(), `key ${JSON.stringify(key)} is no Unicode`);
      return this.#core.mvcc.create(name, value, author);
    });
  }

  update(key: string, value: Buffer, expected: Revision, author?: string): Promise<Entry> {
    return this.#write(key, (name) => this.#core.mvcc.update(name, value, expected, author));
  }

  async delete(
    key: string,
    expected?: Revision,
    author?: string,
  ): Promise<{ readonly revision: Revision; readonly previous: Entry }> {
    const name = keyOfText(key);
    try {
      const event = await this.#core.pipeline.submit(name, () =>
        this.#core.mvcc.delete(name, expected, author),
      );
      return { revision: event.revision, previous: outside(event.entry) };
    } catch (error) {
      throw isWide(name) ? outsideError(name, error) : error;
    }
  }

  watch(prefix: string, options: WatchOptions): AsyncIterable<EventBatch> {
    this.#core.assertOpen();
    const { hub, mvcc } = this.#core;
    return hub.watch(prefixRange(keyOfText(prefix)), {
      ...options,
      translate: (batch) => (mvcc.hasWideKeys ? outsideBatch(batch) : batch),
    });
  }

  compact(revision: Revision): Promise<void> {
    return this.#core.compact(revision, true);
  }

  async size(): Promise<number> {
    this.#core.assertOpen();
    return this.#core.backend.size();
  }

  close(): Promise<void> {
    return this.#core.close();
  }

  #present(
    range: KeyRange,
    limit: number,
  ): { readonly entries: readonly KeyValue[]; readonly count: number } {
    const { current } = this.#core.mvcc;
    const entries: KeyValue[] = [];
    const cursor = current.cursor(range.start);
    for (let slot = cursor.slot; slot !== undefined && contains(range, slot.key); slot = cursor.slot) {
      if (entries.length >= limit) break;
      entries.push(slot.value);
      cursor.advance();
    }
    return { entries, count: entries.length < limit ? entries.length : current.count(range) };
  }

  /** One asynchronous function and no more: each costs a write as much garbage as all that is kept of it. */
  async #write(key: string, decide: (name: string) => KeyEvent): Promise<Entry> {
    const name = keyOfText(key);
    try {
      return outside((await this.#core.pipeline.submit(name, decide)).entry);
    } catch (error) {
      throw isWide(name) ? outsideError(name, error) : error;
    }
  }
}

function outside(entry: KeyValue): KeyValue {
  if (!isWide(entry.key)) return entry;
  const { value, createRevision, modRevision, version, lease, operation } = entry;
  return { key: textOfKey(entry.key), value, createRevision, modRevision, version, lease, operation };
}

function outsideBatch(batch: KeyEventBatch): KeyEventBatch {
  return batch.events.some((event) => isWide(event.key))
    ? { ...batch, events: batch.events.map(outsideEvent) }
    : batch;
}

function outsideEvent(event: KeyEvent): KeyEvent {
  if (!isWide(event.key)) return event;
  const { entry, previous } = event;
  return {
    ...event,
    key: textOfKey(event.key),
    entry: outside(entry),
    previous: previous === undefined ? undefined : outside(previous),
  };
}

function outsideError(name: string, error: unknown): unknown {
  if (error instanceof KeyExistsError) return new KeyExistsError(outside(error.current as KeyValue));
  if (error instanceof RevisionMismatchError) {
    const current = error.current === undefined ? undefined : outside(error.current as KeyValue);
    return new RevisionMismatchError(textOfKey(name), error.expected, current);
  }
  return error instanceof KeyNotFoundError ? new KeyNotFoundError(textOfKey(name)) : error;
}

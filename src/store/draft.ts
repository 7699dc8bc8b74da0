/** What a transaction has written so far, over the state it began with: one revision, operations counted from 0. */
import { KeptEntry } from "./kept-entry.ts";
import { contains, type KeyRange } from "./key-range.ts";
import { type KeyEvent, type KeyValue, type LeaseId, TransactionTooLargeError } from "./kv.ts";
import type { Revision } from "./store.ts";

/** Of one transaction: what a position of the log has room for (sqlite/schema.ts). */
const operationsMax = 2 ** 20;

export interface DraftBase {
  get(key: string): KeyValue | undefined;
  /** Sorted by key. */
  range(range: KeyRange): KeyValue[];
}

export class Draft {
  /** What the transaction's writes will be at. */
  readonly revision: Revision;
  readonly #base: DraftBase;
  readonly #events: KeyEvent[] = [];
  readonly #newest = new Map<string, KeyEvent>();

  constructor(before: Revision, base: DraftBase) {
    this.revision = before + 1n;
    this.#base = base;
  }

  get events(): readonly KeyEvent[] {
    return this.#events;
  }

  /** What a read within the transaction is at. upstream: mvcc/kvstore_txn.go, storeTxnWrite.Range */
  get readRevision(): Revision {
    return this.#events.length === 0 ? this.revision - 1n : this.revision;
  }

  get(key: string): KeyValue | undefined {
    const event = this.#newest.get(key);
    if (event === undefined) return this.#base.get(key);
    return event.type === "put" ? event.entry : undefined;
  }

  range(range: KeyRange): KeyValue[] {
    const entries = this.#base.range(range);
    if (this.#newest.size === 0) return entries;
    const found = entries.filter(({ key }) => !this.#newest.has(key));
    for (const event of this.#newest.values()) {
      if (event.type === "put" && contains(range, event.key)) found.push(event.entry);
    }
    return found.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  put(name: string, value: Buffer, lease: LeaseId): void {
    const previous = this.get(name);
    // Equal, but one text for all writes of the key.
    const key = previous?.key ?? name;
    const operation = this.#next();
    const entry = new KeptEntry({
      key,
      value,
      createRevision: previous?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (previous?.version ?? 0n) + 1n,
      lease,
      operation,
    });
    this.#add({ type: "put", key, revision: this.revision, operation, entry, previous, author: undefined });
  }

  /** The key must exist. */
  delete(entry: KeyValue): void {
    const { key } = entry;
    const operation = this.#next();
    this.#add({
      type: "delete",
      key,
      revision: this.revision,
      operation,
      entry,
      previous: entry,
      author: undefined,
    });
  }

  #next(): number {
    if (this.#events.length >= operationsMax) throw new TransactionTooLargeError(operationsMax);
    return this.#events.length;
  }

  #add(event: KeyEvent): void {
    this.#events.push(event);
    this.#newest.set(event.key, event);
  }
}

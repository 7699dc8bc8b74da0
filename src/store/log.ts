/**
 * The MVCC core both stores share: who is at which revision, durable and not yet durable. Synchronous, no I/O.
 * Readers see durable state only. Writers are decided against the newest state, uncommitted writes included, in the
 * order they come, and get their revision here. Then either `commit` (in that order) or `rollback` (all of them).
 */
import { assert } from "#base/assert.ts";
import { EventRing, type RingOptions } from "./ring.ts";
import type { SortedMap } from "./sorted-map.ts";
import {
  type Entry,
  KeyExistsError,
  KeyNotFoundError,
  type Revision,
  RevisionMismatchError,
  type StoreEvent,
} from "./store.ts";

/** An empty store's revision; the first write makes the next. upstream: etcd starts at 1 */
export const emptyRevision: Revision = 1n;

export interface LogState {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly current: SortedMap<Entry>;
  /** The first revision whose events the ring will hold. */
  readonly ringFirst: Revision;
}

export class MvccLog {
  /** Durable state. Only this class changes it. */
  readonly current: SortedMap<Entry>;
  readonly ring: EventRing;
  /** The newest uncommitted write of a key. */
  readonly #heads = new Map<string, StoreEvent>();
  #revision: Revision;
  #compactRevision: Revision;
  /** The newest revision given to a writer; equals #revision when nothing is uncommitted. */
  #given: Revision;

  constructor(state: LogState, ring: RingOptions) {
    this.current = state.current;
    this.ring = new EventRing(ring, state.ringFirst);
    this.#revision = state.revision;
    this.#given = state.revision;
    this.#compactRevision = state.compactRevision;
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** The uncommitted write that decides what a writer of `key` meets. */
  uncommitted(key: string): StoreEvent | undefined {
    return this.#heads.get(key);
  }

  create(key: string, value: Buffer): StoreEvent {
    assert(key !== "" && key.isWellFormed(), `key ${JSON.stringify(key)} is empty or no Unicode`);
    const head = this.#head(key);
    if (head !== undefined) throw new KeyExistsError(head);
    const revision = this.#give();
    const entry = { key, value, createRevision: revision, modRevision: revision, version: 1n };
    return this.#pend({ type: "put", key, revision, entry, previous: undefined });
  }

  update(key: string, value: Buffer, expected: Revision): StoreEvent {
    const head = this.#head(key);
    if (head?.modRevision !== expected) throw new RevisionMismatchError(key, expected, head);
    const revision = this.#give();
    const { createRevision, version } = head;
    const entry = { key, value, createRevision, modRevision: revision, version: version + 1n };
    return this.#pend({ type: "put", key, revision, entry, previous: head });
  }

  delete(key: string, expected: Revision | undefined): StoreEvent {
    const head = this.#head(key);
    if (head === undefined) throw new KeyNotFoundError(key);
    if (expected !== undefined && head.modRevision !== expected) {
      throw new RevisionMismatchError(key, expected, head);
    }
    return this.#pend({ type: "delete", key, revision: this.#give(), entry: head, previous: head });
  }

  commit(events: readonly StoreEvent[]): void {
    for (const event of events) {
      assert(event.revision > this.#revision, `revision ${event.revision} after ${this.#revision}`);
      if (event.type === "put") this.current.set(event.key, event.entry);
      else this.current.delete(event.key);
      this.ring.push(event);
      this.#revision = event.revision;
      if (this.#heads.get(event.key) === event) this.#heads.delete(event.key);
    }
  }

  /** Forgets every uncommitted write. Nobody has seen their revisions, so they are given again. */
  rollback(): void {
    this.#heads.clear();
    this.#given = this.#revision;
  }

  compacted(revision: Revision): void {
    assert(revision > this.#compactRevision, `compacted to ${revision} after ${this.#compactRevision}`);
    this.#compactRevision = revision;
  }

  #head(key: string): Entry | undefined {
    const event = this.#heads.get(key);
    if (event === undefined) return this.current.get(key);
    return event.type === "put" ? event.entry : undefined;
  }

  #give(): Revision {
    this.#given += 1n;
    return this.#given;
  }

  #pend(event: StoreEvent): StoreEvent {
    this.#heads.set(event.key, event);
    return event;
  }
}

/**
 * The MVCC core both stores share: who is at which revision, durable and not yet durable. Synchronous, no I/O.
 * Readers see durable state only. Writers are decided against the newest state, uncommitted writes included, in the
 * order they come, and get their revision here. Then either `commit` (in that order) or `rollback` (all of them).
 */
import { assert } from "#base/assert.ts";
import { Draft } from "./draft.ts";
import { KeptEntry } from "./kept-entry.ts";
import { isWide, type KeyRange, contains } from "./key-range.ts";
import { type KeyEvent, type KeyValue, type LeaseId, noLease } from "./kv.ts";
import { EventRing, type RingOptions } from "./ring.ts";
import type { SortedMap } from "#base/sorted-map.ts";
import { KeyExistsError, KeyNotFoundError, type Revision, RevisionMismatchError } from "./store.ts";

/** An empty store's revision; the first write makes the next. upstream: etcd starts at 1 */
export const emptyRevision: Revision = 1n;

export interface LogState {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly current: SortedMap<KeyValue>;
  /** The first revision whose events the ring will hold. */
  readonly ringFirst: Revision;
}

/** A put of which nobody has said who made it. */
function putOf(entry: KeyValue, previous: KeyValue | undefined): KeyEvent {
  const { key, modRevision, operation } = entry;
  return { type: "put", key, revision: modRevision, operation, entry, previous, author: undefined };
}

export class MvccLog {
  /** Durable state. Only this class changes it. */
  readonly current: SortedMap<KeyValue>;
  readonly ring: EventRing<KeyEvent>;
  /** The newest uncommitted write of a key. */
  readonly #heads = new Map<string, KeyEvent>();
  /** Durable state. A lease without keys isn't in it. */
  readonly #keysByLease = new Map<LeaseId, Set<string>>();
  #hasWideKeys = false;
  #revision: Revision;
  #compactRevision: Revision;
  /** The newest revision given to a writer; equals #revision when nothing is uncommitted. */
  #given: Revision;

  constructor(state: LogState, ring: RingOptions) {
    this.current = state.current;
    this.ring = new EventRing(ring, state.ringFirst, putOf);
    this.#revision = state.revision;
    this.#given = state.revision;
    this.#compactRevision = state.compactRevision;
    const cursor = this.current.cursor("");
    for (let slot = cursor.slot; slot !== undefined; slot = cursor.slot) {
      if (slot.value.lease !== noLease) this.#attach(slot.value);
      this.notice(slot.key);
      cursor.advance();
    }
  }

  get revision(): Revision {
    return this.#revision;
  }

  get compactRevision(): Revision {
    return this.#compactRevision;
  }

  /** Called for each key that comes from elsewhere than a write. */
  notice(key: string): void {
    this.#hasWideKeys ||= isWide(key);
  }

  /** Whether a key was written or noticed that isn't ASCII. */
  get hasWideKeys(): boolean {
    return this.#hasWideKeys;
  }

  /** The keys of a lease, sorted; those not yet durable too when asked for the newest state. */
  keysOf(lease: LeaseId, state: "durable" | "newest"): string[] {
    const keys = new Set(this.#keysByLease.get(lease));
    if (state === "newest") {
      for (const [key, event] of this.#heads) {
        if (event.type === "put" && event.entry.lease === lease) keys.add(key);
        else keys.delete(key);
      }
    }
    return [...keys].toSorted();
  }

  /** The uncommitted write that decides what a writer of `key` meets. */
  uncommitted(key: string): KeyEvent | undefined {
    return this.#heads.get(key);
  }

  create(key: string, value: Buffer, author?: string): KeyEvent {
    assert(key !== "", "a key is empty");
    const head = this.#head(key);
    if (head !== undefined) throw new KeyExistsError(head);
    this.notice(key);
    const revision = this.#give();
    const entry = new KeptEntry({
      key,
      value,
      createRevision: revision,
      modRevision: revision,
      version: 1n,
      lease: noLease,
      operation: 0,
    });
    return this.#pend({ type: "put", key, revision, operation: 0, entry, previous: undefined, author });
  }

  update(key: string, value: Buffer, expected: Revision, author?: string): KeyEvent {
    const head = this.#head(key);
    if (head?.modRevision !== expected) throw new RevisionMismatchError(key, expected, head);
    const revision = this.#give();
    const entry = new KeptEntry({
      // Equal, but one text for all writes of the key.
      key: head.key,
      value,
      createRevision: head.createRevision,
      modRevision: revision,
      version: head.version + 1n,
      lease: noLease,
      operation: 0,
    });
    return this.#pend({ type: "put", key: head.key, revision, operation: 0, entry, previous: head, author });
  }

  delete(key: string, expected: Revision | undefined, author?: string): KeyEvent {
    const head = this.#head(key);
    if (head === undefined) throw new KeyNotFoundError(key);
    if (expected !== undefined && head.modRevision !== expected) {
      throw new RevisionMismatchError(key, expected, head);
    }
    const revision = this.#give();
    return this.#pend({ type: "delete", key, revision, operation: 0, entry: head, previous: head, author });
  }

  /** Whatever `decide` writes gets one revision; none when it writes nothing, or throws. */
  transact<T>(decide: (draft: Draft) => T): { readonly events: readonly KeyEvent[]; readonly result: T } {
    const draft = new Draft(this.#given, {
      get: (key) => this.#head(key),
      range: (range) => this.#newest(range),
    });
    const result = decide(draft);
    if (draft.events.length > 0) {
      const revision = this.#give();
      assert(revision === draft.revision, `a draft for ${draft.revision} becomes ${revision}`);
      for (const event of draft.events) {
        this.notice(event.key);
        this.#pend(event);
      }
    }
    return { events: draft.events, result };
  }

  commit(events: readonly KeyEvent[]): void {
    let before = this.#revision;
    for (const event of events) {
      if (event.operation === 0) before = this.#revision;
      assert(event.revision > before, `revision ${event.revision} after ${before}`);
      if (event.type === "put") this.current.set(event.key, event.entry);
      else this.current.delete(event.key);
      if (event.previous !== undefined && event.previous.lease !== noLease) this.#detach(event.previous);
      if (event.type === "put" && event.entry.lease !== noLease) this.#attach(event.entry);
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

  #head(key: string): KeyValue | undefined {
    const event = this.#heads.get(key);
    if (event === undefined) return this.current.get(key);
    return event.type === "put" ? event.entry : undefined;
  }

  /** As it will be once all that is uncommitted is committed, sorted. */
  #newest(range: KeyRange): KeyValue[] {
    const entries: KeyValue[] = [];
    const cursor = this.current.cursor(range.start);
    for (let slot = cursor.slot; slot !== undefined && contains(range, slot.key); slot = cursor.slot) {
      if (!this.#heads.has(slot.key)) entries.push(slot.value);
      cursor.advance();
    }
    const durable = entries.length;
    for (const event of this.#heads.values()) {
      if (event.type === "put" && contains(range, event.key)) entries.push(event.entry);
    }
    return entries.length === durable ? entries : entries.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  #attach({ key, lease }: KeyValue): void {
    const keys = this.#keysByLease.get(lease);
    if (keys === undefined) this.#keysByLease.set(lease, new Set([key]));
    else keys.add(key);
  }

  #detach({ key, lease }: KeyValue): void {
    const keys = this.#keysByLease.get(lease);
    if (keys?.delete(key) === true && keys.size === 0) this.#keysByLease.delete(lease);
  }

  #give(): Revision {
    this.#given += 1n;
    return this.#given;
  }

  #pend(event: KeyEvent): KeyEvent {
    this.#heads.set(event.key, event);
    return event;
  }
}

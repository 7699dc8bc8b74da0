/**
 * The state at an old revision: the present, minus every change since. A view of one revision and range remembers for
 * each key written since what was there before, and grows with each new write; pages of one list share a view.
 */
import { assert } from "#base/assert.ts";
import type { Archive, Place } from "./backend.ts";
import { contains, type KeyRange, singleKey } from "./key-range.ts";
import type { KeyValue } from "./kv.ts";
import { emptyRevision, type MvccLog } from "./log.ts";
import { SortedMap } from "#base/sorted-map.ts";
import { CompactedError, FutureRevisionError, type Revision } from "./store.ts";

/** Lists being paged through at one time; one more costs a rebuild of the view, nothing else. */
const viewsMax = 16;
/** Events of the ring looked through without letting others run. */
const scanEventsMax = 10_000;

/** What was there: nothing, an entry, or an entry that must be read from the archive. */
type Before = undefined | KeyValue | Place;

interface View {
  readonly range: KeyRange;
  readonly revision: Revision;
  /** Changes up to here are in. */
  covered: Revision;
  readonly before: SortedMap<{ readonly was: Before }>;
}

export interface Page {
  readonly revision: Revision;
  readonly entries: readonly KeyValue[];
  /** Of the range from `from` on. */
  readonly count: number;
}

export interface PastDeps {
  readonly mvcc: MvccLog;
  readonly archive: Archive | undefined;
}

export class Past {
  readonly #deps: PastDeps;
  /** Least recently used first. */
  readonly #views = new Map<string, View>();

  constructor(deps: PastDeps) {
    this.#deps = deps;
  }

  async get(key: string, revision: Revision): Promise<KeyValue | undefined> {
    this.#check(revision);
    const now = this.#deps.mvcc.current.get(key);
    if (now !== undefined && now.modRevision <= revision) return now;
    const view = newView(singleKey(key), revision);
    while (!this.#coverFromRing(view)) await this.#coverFromArchive(view);
    const change = view.before.get(key);
    const was = change === undefined ? this.#deps.mvcc.current.get(key) : change.was;
    const [entry] = await this.#resolve(was === undefined ? [] : [[key, was]], revision);
    return entry;
  }

  /** Pages of one list name the same range, and share what it takes to answer them. */
  async list(
    range: KeyRange,
    revision: Revision,
    { from = range.start, limit }: { readonly from?: string; readonly limit: number },
  ): Promise<Page> {
    this.#check(revision);
    const view = this.#view(range, revision);
    while (!this.#coverFromRing(view)) await this.#coverFromArchive(view);
    const count = this.#count(view, from);
    const found = this.#page(view, from, limit);
    const entries = await this.#resolve(found, revision);
    return { revision: this.#deps.mvcc.revision, entries, count };
  }

  /** Lets go of views nobody may ask for any more. */
  compacted(revision: Revision): void {
    for (const [name, view] of this.#views) if (view.revision < revision) this.#views.delete(name);
  }

  #check(revision: Revision): void {
    const { mvcc } = this.#deps;
    if (revision > mvcc.revision) throw new FutureRevisionError(revision, mvcc.revision);
    if (revision < mvcc.compactRevision) throw new CompactedError(mvcc.compactRevision);
  }

  #view(range: KeyRange, revision: Revision): View {
    // No key has a U+0100 in it.
    const name = `${revision} ${range.start}\u0100${range.end ?? "\u0100"}`;
    const view = this.#views.get(name) ?? newView(range, revision);
    this.#views.delete(name);
    this.#views.set(name, view);
    const [oldest] = this.#views.keys();
    if (this.#views.size > viewsMax && oldest !== undefined) this.#views.delete(oldest);
    return view;
  }

  /** When this returns true, the view and the present belong together until the next await. */
  #coverFromRing(view: View): boolean {
    const { mvcc } = this.#deps;
    while (view.covered < mvcc.revision) {
      if (view.covered + 1n < mvcc.ring.first) return false;
      const { revision, events } = mvcc.ring.scan(view.range, view.covered + 1n, scanEventsMax);
      for (const event of events) remember(view, event.key, event.previous);
      view.covered = revision;
    }
    return true;
  }

  async #coverFromArchive(view: View): Promise<void> {
    const { mvcc, archive } = this.#deps;
    const from = view.covered + 1n;
    assert(archive !== undefined, `no archive for revision ${from}, the ring begins at ${mvcc.ring.first}`);
    const { revision, changes } = await archive.readChanges(view.range, from, mvcc.ring.first - 1n);
    // Compaction may have taken rows from under the read.
    this.#check(view.revision);
    assert(revision >= from, `view of ${view.range.start} is stuck at revision ${from}`);
    for (const { key, previous } of changes) remember(view, key, previous);
    // Another page of the same list may have brought the view further meanwhile.
    if (revision > view.covered) view.covered = revision;
  }

  /** The first `limit` keys from `from` on, as they were. */
  #page(view: View, from: string, limit: number): [string, KeyValue | Place][] {
    const { current } = this.#deps.mvcc;
    const found: [string, KeyValue | Place][] = [];
    const now = current.cursor(from);
    const before = view.before.cursor(from);
    while (found.length < limit) {
      const entry = inRange(now.slot, view.range);
      const change = inRange(before.slot, view.range);
      if (change === undefined && entry === undefined) break;
      if (entry !== undefined && (change === undefined || entry.key < change.key)) {
        found.push([entry.key, entry.value]);
        now.advance();
      } else if (change !== undefined) {
        if (change.value.was !== undefined) found.push([change.key, change.value.was]);
        if (entry?.key === change.key) now.advance();
        before.advance();
      }
    }
    return found;
  }

  /** How many keys there were from `from` on. */
  #count(view: View, from: string): number {
    const { current } = this.#deps.mvcc;
    let count = current.count({ start: from, end: view.range.end });
    const before = view.before.cursor(from);
    for (let slot = inRange(before.slot, view.range); slot !== undefined;) {
      if (current.has(slot.key)) count--;
      if (slot.value.was !== undefined) count++;
      before.advance();
      slot = inRange(before.slot, view.range);
    }
    return count;
  }

  async #resolve(
    found: readonly [string, KeyValue | Place][],
    revision: Revision,
  ): Promise<readonly KeyValue[]> {
    const missing: Place[] = [];
    for (const [, was] of found) if (!isEntry(was)) missing.push(was);
    if (missing.length === 0) return found.map(([, was]) => was as KeyValue);
    const { archive } = this.#deps;
    assert(archive !== undefined, "an entry is in the archive, and there is none");
    const read = await archive.readEntries(missing);
    this.#check(revision);
    assert(read.length === missing.length, `asked for ${missing.length} old entries, got ${read.length}`);
    let next = 0;
    return found.map(([, was]) => (isEntry(was) ? was : (read[next++] as KeyValue)));
  }
}

function isEntry(was: KeyValue | Place): was is KeyValue {
  return "key" in was;
}

function newView(range: KeyRange, revision: Revision): View {
  const covered = revision > emptyRevision ? revision : emptyRevision;
  return { range, revision, covered, before: new SortedMap() };
}

/** Only the first change after the view's revision knows what was there at it. */
function remember(view: View, key: string, was: Before): void {
  if (!view.before.has(key)) view.before.set(key, { was });
}

function inRange<S extends { readonly key: string }>(slot: S | undefined, range: KeyRange): S | undefined {
  return slot !== undefined && contains(range, slot.key) ? slot : undefined;
}

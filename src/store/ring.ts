/**
 * The newest events in memory, in revision order, for watches that resume and for reads of the recent past.
 * Bounded by count and by bytes of values; the oldest go first, a revision always as a whole.
 */
import { assert } from "#base/assert.ts";
import { contains, type KeyRange } from "./key-range.ts";
import { type EventsOf, type Revision, type StoreEvent, valueLengthOf } from "./store.ts";

export interface RingOptions {
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** An event of which its entry doesn't say all. */
class Whole<E extends StoreEvent> {
  readonly event: E;

  constructor(event: E) {
    this.event = event;
  }
}

/**
 * Of a put its entry says what there is to know, but for what was there before. The event itself isn't kept then: with
 * every write one object less that outlives the young generation, whose collection stops all writers.
 */
type Remake<E extends StoreEvent> = (entry: E["entry"], previous: E["previous"]) => E;

export class EventRing<E extends StoreEvent = StoreEvent> {
  readonly #options: RingOptions;
  readonly #remake: Remake<E> | undefined;
  /** Of each event the entry, and beside it what was there before, or all of the event. */
  #entries: E["entry"][] = [];
  #beside: (E["previous"] | Whole<E>)[] = [];
  #head = 0;
  #bytes = 0;
  #first: Revision;

  /** `first`: every event from this revision on will be pushed. Without `remake` events are kept as they are. */
  constructor(options: RingOptions, first: Revision, remake?: Remake<E>) {
    this.#options = options;
    this.#first = first;
    this.#remake = remake;
  }

  /** Every event from this revision on is here. */
  get first(): Revision {
    return this.#first;
  }

  push(event: E): void {
    const { type, key, revision, entry, previous, author } = event;
    const isSaid =
      type === "put" && author === undefined && entry.key === key && entry.modRevision === revision;
    this.#entries.push(entry);
    this.#beside.push(this.#remake !== undefined && isSaid ? previous : new Whole(event));
    this.#bytes += valueLengthOf(entry);
    const { eventsMax, bytesMax } = this.#options;
    if (this.#entries.length - this.#head > eventsMax || this.#bytes > bytesMax) this.#evict();
  }

  /** Lets go of what is older than `revision`. */
  dropBefore(revision: Revision): void {
    while (this.#head < this.#entries.length && this.#revisionAt(this.#head) < revision) this.#drop();
    if (revision > this.#first) this.#first = revision;
    this.#pack();
  }

  /** The events in `range` from `from` on; looks at no more than `scanMax` events and says how far it came. */
  scan(range: KeyRange, from: Revision, scanMax: number): EventsOf<E> {
    assert(from >= this.#first, `ring begins at ${this.#first}, asked for ${from}`);
    const events: E[] = [];
    let revision = from - 1n;
    let scanned = 0;
    for (let at = this.#indexOf(from); at < this.#entries.length; at++) {
      const here = this.#revisionAt(at);
      if (scanned >= scanMax && here > revision) break;
      scanned++;
      revision = here;
      if (contains(range, this.#keyAt(at))) events.push(this.#eventAt(at));
    }
    return { revision, events };
  }

  #evict(): void {
    const { eventsMax, bytesMax } = this.#options;
    let dropped = this.#first - 1n;
    while (this.#head < this.#entries.length) {
      const oldest = this.#revisionAt(this.#head);
      const isOver = this.#entries.length - this.#head > eventsMax || this.#bytes > bytesMax;
      if (!isOver && oldest > dropped) break;
      dropped = oldest;
      this.#drop();
    }
    this.#first = dropped + 1n;
    this.#pack();
  }

  #drop(): void {
    this.#bytes -= valueLengthOf(this.#entries[this.#head] as E["entry"]);
    this.#head++;
  }

  /** Dropped events stay referenced until they are the larger part of the array. */
  #pack(): void {
    if (this.#head < 64 || this.#head < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#beside = this.#beside.slice(this.#head);
    this.#head = 0;
  }

  #eventAt(at: number): E {
    const beside = this.#beside[at];
    if (beside instanceof Whole) return beside.event;
    assert(this.#remake !== undefined, "an event isn't kept, and can't be made");
    return this.#remake(this.#entries[at] as E["entry"], beside);
  }

  #keyAt(at: number): string {
    const beside = this.#beside[at];
    return beside instanceof Whole ? beside.event.key : (this.#entries[at] as E["entry"]).key;
  }

  #revisionAt(at: number): Revision {
    const beside = this.#beside[at];
    return beside instanceof Whole ? beside.event.revision : (this.#entries[at] as E["entry"]).modRevision;
  }

  #indexOf(revision: Revision): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#revisionAt(middle) < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

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

export class EventRing<E extends StoreEvent = StoreEvent> {
  readonly #options: RingOptions;
  #events: E[] = [];
  #head = 0;
  #bytes = 0;
  #first: Revision;

  /** `first`: every event from this revision on will be pushed. */
  constructor(options: RingOptions, first: Revision) {
    this.#options = options;
    this.#first = first;
  }

  /** Every event from this revision on is here. */
  get first(): Revision {
    return this.#first;
  }

  push(event: E): void {
    this.#events.push(event);
    this.#bytes += valueLengthOf(event.entry);
    const { eventsMax, bytesMax } = this.#options;
    if (this.#events.length - this.#head > eventsMax || this.#bytes > bytesMax) this.#evict();
  }

  /** Lets go of what is older than `revision`. */
  dropBefore(revision: Revision): void {
    while ((this.#events[this.#head]?.revision ?? revision) < revision) this.#drop();
    if (revision > this.#first) this.#first = revision;
    this.#pack();
  }

  /** The events in `range` from `from` on; looks at no more than `scanMax` events and says how far it came. */
  scan(range: KeyRange, from: Revision, scanMax: number): EventsOf<E> {
    assert(from >= this.#first, `ring begins at ${this.#first}, asked for ${from}`);
    const events: E[] = [];
    let revision = from - 1n;
    let scanned = 0;
    for (let at = this.#indexOf(from); at < this.#events.length; at++) {
      const event = this.#events[at] as E;
      if (scanned >= scanMax && event.revision > revision) break;
      scanned++;
      revision = event.revision;
      if (contains(range, event.key)) events.push(event);
    }
    return { revision, events };
  }

  #evict(): void {
    const { eventsMax, bytesMax } = this.#options;
    let dropped = this.#first - 1n;
    for (;;) {
      const oldest = this.#events[this.#head];
      if (oldest === undefined) break;
      const isOver = this.#events.length - this.#head > eventsMax || this.#bytes > bytesMax;
      if (!isOver && oldest.revision > dropped) break;
      dropped = oldest.revision;
      this.#drop();
    }
    this.#first = dropped + 1n;
    this.#pack();
  }

  #drop(): void {
    this.#bytes -= valueLengthOf((this.#events[this.#head] as E).entry);
    this.#head++;
  }

  /** Dropped events stay referenced until they are the larger part of the array. */
  #pack(): void {
    if (this.#head < 64 || this.#head < this.#events.length / 2) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }

  #indexOf(revision: Revision): number {
    let low = this.#head;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle] as E).revision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * A map whose keys are kept in the order of their characters, with counting of ranges.
 * Chunks of at most chunkMax slots: an insert moves one chunk, a count adds up chunk lengths.
 * A cursor is valid until the next change of the map's keys; values may change under it.
 */
import { assert } from "./assert.ts";

/** Inserting costs a move of half of this; finding a chunk costs log2 of keys / this. */
const chunkMax = 512;

interface Slot<V> {
  readonly key: string;
  value: V;
}

/** From `start` up to, not including, `end`; up to the last key where that is absent. */
export interface SortedRange {
  readonly start: string;
  readonly end: string | undefined;
}

export class SortedMap<V> {
  readonly #byKey = new Map<string, Slot<V>>();
  /** No chunk is empty; keys ascend within and across chunks. */
  readonly #chunks: Slot<V>[][] = [];

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key)?.value;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  set(key: string, value: V): void {
    const slot = this.#byKey.get(key);
    if (slot !== undefined) {
      slot.value = value;
      return;
    }
    this.#insert({ key, value });
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    const [at, index] = this.#lowerBound(key);
    const chunk = this.#chunks[at] as Slot<V>[];
    assert(chunk[index]?.key === key, `sorted keys lost ${key}`);
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    else if (chunk.length < chunkMax / 8) this.#mergeWithNext(at);
  }

  /** How many keys lie in the range. */
  count({ start, end }: SortedRange): number {
    const [startChunk, startIndex] = this.#lowerBound(start);
    const [endChunk, endIndex] = end === undefined ? [this.#chunks.length, 0] : this.#lowerBound(end);
    if (startChunk > endChunk) return 0;
    let count = endIndex - startIndex;
    for (let at = startChunk; at < endChunk; at++) count += (this.#chunks[at] as Slot<V>[]).length;
    return Math.max(0, count);
  }

  /** Stands on the first key that isn't before `from`. */
  cursor(from: string): Cursor<V> {
    const [chunk, index] = this.#lowerBound(from);
    return new Cursor(this.#chunks, chunk, index);
  }

  #insert(slot: Slot<V>): void {
    this.#byKey.set(slot.key, slot);
    const last = this.#chunks.at(-1);
    if (last === undefined) {
      this.#chunks.push([slot]);
      return;
    }
    if ((last.at(-1) as Slot<V>).key < slot.key) {
      if (last.length < chunkMax) last.push(slot);
      else this.#chunks.push([slot]);
      return;
    }
    const [at, index] = this.#lowerBound(slot.key);
    const chunk = this.#chunks[at] as Slot<V>[];
    chunk.splice(index, 0, slot);
    if (chunk.length > chunkMax) this.#chunks.splice(at + 1, 0, chunk.splice(chunkMax / 2));
  }

  #mergeWithNext(at: number): void {
    const chunk = this.#chunks[at] as Slot<V>[];
    const next = this.#chunks[at + 1];
    if (next === undefined || chunk.length + next.length > chunkMax / 2) return;
    chunk.push(...next);
    this.#chunks.splice(at + 1, 1);
  }

  /** Chunk and index of the first key that isn't before `key`; past the last chunk when there is none. */
  #lowerBound(key: string): [number, number] {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle] as Slot<V>[];
      if ((chunk[chunk.length - 1] as Slot<V>).key < key) low = middle + 1;
      else high = middle;
    }
    const chunk = this.#chunks[low];
    if (chunk === undefined) return [low, 0];
    let first = 0;
    let end = chunk.length - 1;
    while (first < end) {
      const middle = (first + end) >>> 1;
      if ((chunk[middle] as Slot<V>).key < key) first = middle + 1;
      else end = middle;
    }
    return [low, first];
  }
}

export class Cursor<V> {
  readonly #chunks: readonly (readonly Slot<V>[])[];
  #chunk: number;
  #index: number;

  constructor(chunks: readonly (readonly Slot<V>[])[], chunk: number, index: number) {
    this.#chunks = chunks;
    this.#chunk = chunk;
    this.#index = index;
  }

  /** Undefined past the end. */
  get slot(): { readonly key: string; readonly value: V } | undefined {
    return this.#chunks[this.#chunk]?.[this.#index];
  }

  advance(): void {
    this.#index++;
    if (this.#index < (this.#chunks[this.#chunk]?.length ?? 0)) return;
    this.#chunk++;
    this.#index = 0;
  }
}

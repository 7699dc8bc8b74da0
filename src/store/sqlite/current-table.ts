/**
 * The table `current`: each key's newest position. It follows the log: keys written since are folded in later, in
 * generations and in key order, so that many share a page and a key written often is folded once. Synchronous: runs in
 * the worker.
 */
import { BulkInsert } from "./bulk-insert.ts";
import type { Connection, Statement } from "./driver.ts";
import { operations } from "./schema.ts";

/**
 * A generation is complete with this many keys. It also bounds what a start has to read from the log's end: about two
 * generations.
 */
const generationKeysDefault = 16_384;
/** And with this many rows per key of that: keys that are written over and over never become so many. */
const generationRowsPerKey = 4;
/** A commit takes a fold along after this many rows, of twice as many keys: done before the next generation is full. */
const foldEveryRows = 128;
const foldKeysPerRow = 2;

export interface CurrentTableOptions {
  /** Everything up to this position is in the table. */
  readonly folded: bigint;
  /** Absent means 16,384. */
  readonly generationKeys?: number | undefined;
}

export class CurrentTable {
  readonly #rows: BulkInsert;
  readonly #delete: Statement;
  readonly #setFolded: Statement;
  readonly #generationKeys: number;
  /** The newest position in the log, or the newest folded one. */
  #newest: bigint;
  #folded: bigint;
  /** The newest position of each key that the table doesn't know yet; of a deleted key, less than 0. */
  #unfolded = new Map<string, bigint>();
  #rowsSinceGeneration = 0;
  /** The generation before, being folded: its keys in order, those before #foldingAt done. */
  #folding: string[] = [];
  #foldingAt = 0;
  #foldingPositions = new Map<string, bigint>();
  /** Where #folded will be once all of it is. */
  #foldingUpTo = 0n;
  #rowsSinceFold = 0;

  constructor(connection: Connection, { folded, generationKeys }: CurrentTableOptions) {
    this.#rows = new BulkInsert(connection, "REPLACE INTO current", "(?, ?)");
    this.#delete = connection.prepare("DELETE FROM current WHERE name = ?");
    this.#setFolded = connection.prepare("UPDATE meta SET value = ? WHERE name = 'folded'");
    this.#generationKeys = generationKeys ?? generationKeysDefault;
    this.#folded = folded;
    this.#newest = folded;
    this.#catchUp(connection);
  }

  get newest(): bigint {
    return this.#newest;
  }

  /** Everything up to here is in the table. */
  get folded(): bigint {
    return this.#folded;
  }

  /** Before the first fold: whether the table may be wrong about the key. */
  isUnfolded(key: string): boolean {
    return this.#unfolded.has(key);
  }

  /** Before the first fold: positions of keys that are there, and that the table may be wrong about. */
  *unfolded(): Generator<bigint, void, undefined> {
    for (const position of this.#unfolded.values()) if (position > 0n) yield position;
  }

  /** A row of the log that is committed. */
  follow(key: string, position: bigint, isDelete: boolean): void {
    this.#newest = position;
    this.#unfolded.set(key, isDelete ? -position : position);
    this.#rowsSinceGeneration++;
    this.#rowsSinceFold++;
  }

  /** How many keys the next commit is to fold; mostly none. */
  due(): number {
    if (this.#rowsSinceFold < foldEveryRows) return 0;
    const isComplete =
      this.#unfolded.size >= this.#generationKeys ||
      this.#rowsSinceGeneration >= this.#generationKeys * generationRowsPerKey;
    if (isComplete && this.#left === 0) this.#startGeneration();
    const keys = this.#rowsSinceFold * foldKeysPerRow;
    this.#rowsSinceFold = 0;
    return Math.min(keys, this.#left);
  }

  /** At most so many of a generation, and of a new one if there is none. */
  take(keysMax: number): number {
    if (this.#left === 0) this.#startGeneration();
    return Math.min(keysMax, this.#left);
  }

  /** Within a transaction; done twice, after one that failed, it does no harm. */
  fold(keys: number): void {
    if (keys === 0) return;
    this.#rows.begin();
    for (const key of this.#folding.slice(this.#foldingAt, this.#foldingAt + keys)) {
      const position = this.#foldingPositions.get(key) ?? 0n;
      if (position < 0n) this.#delete.run(key);
      else this.#rows.add(key, position);
    }
    this.#rows.flush();
    if (keys === this.#left) this.#setFolded.run(this.#foldingUpTo);
  }

  /** After the transaction that folded them. */
  drop(keys: number): void {
    if (keys === 0) return;
    this.#foldingAt += keys;
    if (this.#left > 0) return;
    this.#folded = this.#foldingUpTo;
    this.#folding = [];
    this.#foldingAt = 0;
    this.#foldingPositions = new Map();
  }

  /** After a start: what was committed but not folded. */
  #catchUp(connection: Connection): void {
    const rows = connection
      .prepare("SELECT position, name, operation FROM log WHERE position > ? ORDER BY position")
      .iterate(this.#folded) as Iterable<[bigint, string, bigint]>;
    for (const [position, key, operation] of rows) {
      this.follow(key, position, operation === operations.delete);
    }
    // Not all of it at once, with the first commit.
    this.#rowsSinceFold = 0;
  }

  get #left(): number {
    return this.#folding.length - this.#foldingAt;
  }

  #startGeneration(): void {
    // Without a comparison of ours: a third of the time, which commits wait for.
    this.#folding = [...this.#unfolded.keys()].toSorted();
    this.#foldingAt = 0;
    this.#foldingPositions = this.#unfolded;
    this.#foldingUpTo = this.#newest;
    this.#unfolded = new Map();
    this.#rowsSinceGeneration = 0;
  }
}

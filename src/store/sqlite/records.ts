/**
 * Rows on their way between the threads: packed into one buffer, which is handed over instead of copied.
 * Whole numbers are little endian. A reader's values are views of the buffer, and keep it alive.
 */
import { assert } from "#base/assert.ts";

/** position, previous, created, version: 4 × 8; operation: 1; key and value length: 2 × 4. */
const headerBytes = 41;
const minimumBytes = 4096;

export interface PackedRow {
  readonly position: bigint;
  /** Position of the key's row before; 0 when there was none. */
  readonly previous: bigint;
  /** Revision. */
  readonly created: bigint;
  readonly version: bigint;
  readonly operation: bigint;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

export class RecordWriter {
  #buffer: Buffer<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity: number = minimumBytes) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, minimumBytes));
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Enough for one row, however its key is encoded. */
  static roomFor(key: string, value: Uint8Array | undefined): number {
    return headerBytes + key.length * 3 + (value?.length ?? 0);
  }

  get length(): number {
    return this.#length;
  }

  write(row: PackedRow): void {
    const { key, value } = row;
    this.#reserve(RecordWriter.roomFor(key, value));
    const at = this.#length;
    const view = this.#view;
    view.setBigUint64(at, row.position, true);
    view.setBigUint64(at + 8, row.previous, true);
    view.setBigUint64(at + 16, row.created, true);
    view.setBigUint64(at + 24, row.version, true);
    view.setUint8(at + 32, Number(row.operation));
    const keyBytes = this.#buffer.write(key, at + headerBytes, "utf8");
    view.setUint32(at + 33, keyBytes, true);
    view.setUint32(at + 37, value?.length ?? 0, true);
    this.#length = at + headerBytes + keyBytes;
    if (value === undefined) return;
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** Hands the buffer out; the writer is done. */
  finish(): Packed {
    return { buffer: this.#buffer.buffer, length: this.#length };
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** What goes in a message; the buffer belongs in its transfer list. */
export interface Packed {
  readonly buffer: ArrayBuffer;
  readonly length: number;
}

export interface ReadRow {
  readonly position: bigint;
  readonly previous: bigint;
  readonly created: bigint;
  readonly version: bigint;
  readonly operation: bigint;
  readonly key: string;
  readonly value: Buffer;
}

export function* readRecords(packed: Packed): Generator<ReadRow, void, undefined> {
  const buffer = Buffer.from(packed.buffer, 0, packed.length);
  const view = new DataView(packed.buffer, 0, packed.length);
  let at = 0;
  while (at < packed.length) {
    const keyStart = at + headerBytes;
    const valueStart = keyStart + view.getUint32(at + 33, true);
    const end = valueStart + view.getUint32(at + 37, true);
    assert(end <= packed.length, `a record ends at ${end} of ${packed.length} bytes`);
    yield {
      position: view.getBigUint64(at, true),
      previous: view.getBigUint64(at + 8, true),
      created: view.getBigUint64(at + 16, true),
      version: view.getBigUint64(at + 24, true),
      operation: BigInt(view.getUint8(at + 32)),
      key: buffer.toString("utf8", keyStart, valueStart),
      value: buffer.subarray(valueStart, end),
    };
    at = end;
  }
}

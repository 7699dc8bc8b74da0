/**
 * Rows on their way between the threads: packed into one buffer, which is handed over instead of copied.
 * Whole numbers are little endian. A reader's values are views of the buffer, and keep it alive.
 */
import { assert } from "#base/assert.ts";

/** position, previous, created, version, lease: 5 × 8; operation: 1; lengths of key, value and author: 3 × 4. */
const headerBytes = 53;
const minimumBytes = 4096;
/** Of one UTF-16 unit. */
const utf8BytesMax = 3;

/** A row of the log, or a note: see noteRow. */
export interface PackedRow {
  readonly position: bigint;
  /** Position of the key's row before; 0 when there was none. */
  readonly previous: bigint;
  /** Revision. */
  readonly created: bigint;
  readonly version: bigint;
  readonly lease: bigint;
  readonly operation: bigint;
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly author: string | undefined;
}

export class RecordWriter {
  #buffer: Buffer<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  constructor(capacity: number = minimumBytes) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, minimumBytes));
    this.#view = new DataView(this.#buffer.buffer);
  }

  static roomFor(key: string, valueLength: number, author: string | undefined): number {
    const authorBytesMax = author === undefined ? 0 : author.length * utf8BytesMax;
    return headerBytes + key.length + valueLength + authorBytesMax;
  }

  get length(): number {
    return this.#length;
  }

  write(row: PackedRow): void {
    const { key, value, author } = row;
    this.#reserve(RecordWriter.roomFor(key, value?.length ?? 0, author));
    const at = this.#length;
    const view = this.#view;
    view.setBigUint64(at, row.position, true);
    view.setBigUint64(at + 8, row.previous, true);
    view.setBigUint64(at + 16, row.created, true);
    view.setBigUint64(at + 24, row.version, true);
    view.setBigInt64(at + 32, row.lease, true);
    view.setUint8(at + 40, Number(row.operation));
    this.#buffer.write(key, at + headerBytes, "latin1");
    view.setUint32(at + 41, key.length, true);
    view.setUint32(at + 45, value?.length ?? 0, true);
    this.#length = at + headerBytes + key.length;
    if (value !== undefined) {
      this.#buffer.set(value, this.#length);
      this.#length += value.length;
    }
    const authorBytes = author === undefined ? 0 : this.#buffer.write(author, this.#length, "utf8");
    view.setUint32(at + 49, authorBytes, true);
    this.#length += authorBytes;
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
  readonly lease: bigint;
  readonly operation: bigint;
  readonly key: string;
  readonly value: Buffer;
  readonly author: string | undefined;
}

export function readRecords(packed: Packed): ReadRow[] {
  const rows: ReadRow[] = [];
  const buffer = Buffer.from(packed.buffer, 0, packed.length);
  const view = new DataView(packed.buffer, 0, packed.length);
  let at = 0;
  while (at < packed.length) {
    const keyStart = at + headerBytes;
    const valueStart = keyStart + view.getUint32(at + 41, true);
    const authorStart = valueStart + view.getUint32(at + 45, true);
    const end = authorStart + view.getUint32(at + 49, true);
    assert(end <= packed.length, `a record ends at ${end} of ${packed.length} bytes`);
    rows.push({
      position: view.getBigUint64(at, true),
      previous: view.getBigUint64(at + 8, true),
      created: view.getBigUint64(at + 16, true),
      version: view.getBigUint64(at + 24, true),
      lease: view.getBigInt64(at + 32, true),
      operation: BigInt(view.getUint8(at + 40)),
      key: buffer.toString("latin1", keyStart, valueStart),
      value: buffer.subarray(valueStart, authorStart),
      author: authorStart === end ? undefined : buffer.toString("utf8", authorStart, end),
    });
    at = end;
  }
  return rows;
}

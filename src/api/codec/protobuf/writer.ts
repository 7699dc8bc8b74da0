/**
 * Writes protobuf's wire format from the end to the start: a message's length is known once its content is there, so
 * nothing is measured twice.
 */

const initialBytes = 16 * 1024;
const keptBytesMax = 256 * 1024;
const shortTextMax = 32;

export class Writer {
  #buffer = Buffer.allocUnsafe(initialBytes);
  /** Everything from here to the end is written. */
  #at = initialBytes;

  /** Bytes written so far. Content's length is the difference of two marks. */
  get mark(): number {
    return this.#buffer.length - this.#at;
  }

  /** A copy of all that was written; the writer starts afresh. */
  take(): Buffer {
    const bytes = Buffer.from(this.#buffer.subarray(this.#at));
    this.reset();
    return bytes;
  }

  /** After a failure half-way. */
  reset(): void {
    // What one object needed isn't kept for good.
    if (this.#buffer.length > keptBytesMax) this.#buffer = Buffer.allocUnsafe(initialBytes);
    this.#at = this.#buffer.length;
  }

  #room(bytes: number): void {
    if (this.#at >= bytes) return;
    const used = this.mark;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + bytes));
    this.#buffer.copy(grown, grown.length - used, this.#at);
    this.#buffer = grown;
    this.#at = grown.length - used;
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[--this.#at] = value;
  }

  /** Unsigned. */
  varint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    let length = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
    this.#room(length);
    this.#at -= length;
    let rest = value;
    for (let index = 0; index < length - 1; index++) {
      this.#buffer[this.#at + index] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at + length - 1] = rest;
  }

  /** An int64; negative ones fill ten bytes. */
  signed(value: number | bigint): void {
    if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
      this.varint(Number(value));
      return;
    }
    const exact = BigInt.asUintN(64, BigInt(value));
    const last = exact >= 2n ** 63n ? 9 : exact >= 2n ** 56n ? 8 : 7;
    for (let index = last; index >= 0; index--) {
      const group = Number((exact >> BigInt(7 * index)) & 0x7fn);
      this.byte(index === last ? group : group | 0x80);
    }
  }

  double(value: number): void {
    this.#room(8);
    this.#at -= 8;
    this.#buffer.writeDoubleLE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.#room(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
  }

  text(value: string): void {
    if (value.length <= shortTextMax && this.#shortText(value)) return;
    const length = Buffer.byteLength(value);
    this.#room(length);
    this.#at -= length;
    this.#buffer.write(value, this.#at, length, "utf8");
  }

  /** False, with nothing written, for text that isn't ASCII. */
  #shortText(value: string): boolean {
    this.#room(value.length);
    const start = this.#at - value.length;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) return false;
      this.#buffer[start + index] = code;
    }
    this.#at = start;
    return true;
  }
}

/** Reads protobuf's wire format from one buffer. */
import { plainInt64 } from "#base/exact-json.ts";
import type { FieldType } from "../../schema/type-table.ts";
import { DecodeError } from "../decode-error.ts";

export const varintType = 0;
const fixed64Type = 1;
export const lengthType = 2;
const groupStartType = 3;
const groupEndType = 4;
const fixed32Type = 5;

const varintScalars: ReadonlySet<FieldType["scalar"]> = new Set<FieldType["scalar"]>([
  "bool",
  "int32",
  "int64",
]);

/** How one value of a field is written. */
export function wireTypeOf({ scalar }: FieldType): number {
  if (varintScalars.has(scalar)) return varintType;
  return scalar === "double" ? fixed64Type : lengthType;
}

const truncated = "proto: unexpected EOF";
/** Up to this length a loop over the bytes beats the call into Node. */
const shortTextMax = 24;

export class Reader {
  readonly buffer: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Unsigned, exact up to 2^53. */
  varint(): number {
    const { buffer } = this;
    let byte = this.#byte(buffer);
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let scale = 0x80;
    for (let count = 1; count < 10; count++) {
      byte = this.#byte(buffer);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new DecodeError("proto: integer overflow");
  }

  #byte(buffer: Buffer): number {
    const byte = buffer[this.at++];
    if (byte === undefined) throw new DecodeError(truncated);
    return byte;
  }

  /** Negative numbers fill ten bytes. */
  int64(): number | bigint {
    const start = this.at;
    const value = this.varint();
    if (value <= Number.MAX_SAFE_INTEGER) return value;
    // A double has lost the low bits: read again, exactly.
    let exact = 0n;
    for (let at = start, shift = 0n; at < this.at; at++, shift += 7n) {
      exact |= BigInt((this.buffer[at] ?? 0) & 0x7f) << shift;
    }
    return plainInt64(BigInt.asIntN(64, exact));
  }

  /** The low half of what is there, as Go reads it. */
  int32(): number {
    const value = this.int64();
    return Number(
      typeof value === "number" && value === (value | 0) ? value : BigInt.asIntN(32, BigInt(value)),
    );
  }

  double(): number {
    this.at += 8;
    if (this.at > this.buffer.length) throw new DecodeError(truncated);
    return this.buffer.readDoubleLE(this.at - 8);
  }

  /** Reads a length and says where what follows ends. */
  end(): number {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.buffer.length) throw new DecodeError(truncated);
    return end;
  }

  bytes(): Buffer {
    const end = this.end();
    const found = this.buffer.subarray(this.at, end);
    this.at = end;
    return found;
  }

  text(): string {
    const { buffer } = this;
    const end = this.end();
    const start = this.at;
    this.at = end;
    if (end - start > shortTextMax) return buffer.toString("utf8", start, end);
    let text = "";
    for (let at = start; at < end; at++) {
      const byte = buffer[at] ?? 0;
      if (byte >= 0x80) return buffer.toString("utf8", start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  skip(wireType: number): void {
    switch (wireType) {
      case varintType:
        this.varint();
        break;
      case fixed64Type:
        this.at += 8;
        break;
      case lengthType:
        this.at = this.end();
        break;
      case groupStartType:
        this.#skipGroup();
        break;
      case fixed32Type:
        this.at += 4;
        break;
      default:
        throw new DecodeError(`proto: illegal wireType ${wireType}`);
    }
    if (this.at > this.buffer.length) throw new DecodeError(truncated);
  }

  /** With those within it, of which there are as many as a body has bytes: without a call for each. */
  #skipGroup(): void {
    for (let open = 1; open > 0;) {
      const wireType = this.varint() & 7;
      if (wireType === groupStartType) open += 1;
      else if (wireType === groupEndType) open -= 1;
      else this.skip(wireType);
    }
  }
}

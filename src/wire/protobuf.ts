/**
 * Protobuf's wire format by tables: a message is an object of fields, each with its number and kind. For protocols that
 * carry protobuf on the wire (gRPC); the API's own objects have their own table in api/schema.
 * Proto3: scalars at their default aren't written, unknown fields are passed over.
 */

/** `Out` is what reading gives, `In` what writing takes. */
export interface Field<Out, In = Out> {
  readonly id: number;
  readonly wireType: WireType;
  /** Also understood when reading. */
  readonly otherWireType?: WireType;
  /** What an absent field reads as. */
  readonly empty: () => Out;
  /** Whether the value is written at all. */
  readonly isSet: (value: In) => boolean;
  /** Everything after the tag; like all that is written, in front of what is there. */
  readonly write: (writer: ProtobufWriter, value: In) => void;
  /** Returns the field's value after one more occurrence of it. */
  readonly read: (reader: ProtobufReader, soFar: Out, wireType: WireType) => Out;
}

export interface MessageType<Out, In> {
  readonly encode: (message: In) => Buffer;
  /** All fields, in front of what the writer has. */
  readonly write: (writer: ProtobufWriter, message: In) => void;
  /** Throws ProtobufError. Bytes are views of what was read. */
  readonly decode: (bytes: Uint8Array) => Out;
}

// A table holds fields of every type, and Field is invariant.
// oxlint-disable-next-line typescript/no-explicit-any
type Fields = Readonly<Record<string, Field<any, any>>>;
type Decoded<F extends Fields> = {
  readonly [N in keyof F]: F[N] extends Field<infer Out, infer _> ? Out : never;
};
type Encoded<F extends Fields> = {
  readonly [N in keyof F]?: (F[N] extends Field<infer _, infer In> ? In : never) | undefined;
};
/** What a type's messages look like once read. */
export type Message<T> = T extends MessageType<infer Out, infer _> ? Out : never;

/** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes */
type WireType = number;
const varintType = 0;
const lengthType = 2;

export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
  readonly code = "PROTOBUF";
}

export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Unsigned, 64 bits. */
  varint(): bigint {
    let value = 0;
    // Most varints are short: numbers do up to 49 bits.
    for (let scale = 1; scale < 2 ** 49; scale *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(value);
    }
    let large = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      large |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, large);
    }
    throw new ProtobufError(`a varint at byte ${this.#at} is longer than 10 bytes`);
  }

  /** A tag or a length: both fit into 32 bits, so what doesn't is as wrong as large. */
  uint(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined || byte >= 0x80) return Number(this.varint());
    this.#at++;
    return byte;
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.uint();
    const end = this.#at + length;
    if (end > this.#bytes.length) {
      throw new ProtobufError(
        `a field of ${length} bytes at byte ${this.#at} ends after the message's ${this.#bytes.length}`,
      );
    }
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  skip(wireType: WireType): void {
    if (wireType === varintType) this.varint();
    else if (wireType === lengthType) this.bytes();
    else if (wireType === 1) this.#at += 8;
    else if (wireType === 5) this.#at += 4;
    else throw new ProtobufError(`wire type ${wireType} at byte ${this.#at} is unknown`);
    if (this.#at > this.#bytes.length) throw new ProtobufError("the message ends within a field");
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new ProtobufError("the message ends within a number");
    this.#at++;
    return byte;
  }
}

/** Most messages fit. What is larger gets a buffer of its own, which is handed out uncopied. */
const scratchBytes = 16 * 1024;

/** Writes from the end to the start, so that a length is known when it is its turn. */
export class ProtobufWriter {
  /** Undefined while somebody writes into it. */
  static #scratch: Buffer | undefined;
  #buffer: Buffer;
  /** Everything from here on is written. */
  #at: number;

  constructor() {
    this.#buffer = ProtobufWriter.#scratch ?? Buffer.allocUnsafeSlow(scratchBytes);
    ProtobufWriter.#scratch = undefined;
    this.#at = this.#buffer.length;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  varint(value: bigint): void {
    if (value >= 0n && value <= safeMax) {
      this.uint(Number(value));
      return;
    }
    const low = Number(BigInt.asUintN(32, value));
    const high = Number(BigInt.asUintN(32, value >> 32n));
    const count = Math.ceil((64 - Math.clz32(high)) / 7);
    this.#reserve(count);
    this.#at -= count;
    const end = this.#at + count - 1;
    for (let at = this.#at, shift = 0; at <= end; at++, shift += 7) {
      const bits = bitsAt(low, high, shift);
      this.#buffer[at] = at === end ? bits : bits | 0x80;
    }
  }

  /** A varint of a whole number from 0 to 2⁵³ - 1. */
  uint(value: number): void {
    let count = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
    this.#reserve(count);
    this.#at -= count;
    let at = this.#at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#buffer[at++] = (rest % 0x80) | 0x80;
    this.#buffer[at] = rest;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#at -= value.length;
    this.#buffer.set(value, this.#at);
    this.uint(value.length);
  }

  tag(id: number, wireType: WireType): void {
    this.uint(id * 8 + wireType);
  }

  /** The message; nothing may be written any more. */
  take(): Buffer {
    const written = this.#buffer.subarray(this.#at);
    if (this.#buffer.length > scratchBytes) return written;
    ProtobufWriter.#scratch = this.#buffer;
    return Buffer.from(written);
  }

  #reserve(count: number): void {
    if (count <= this.#at) return;
    const { length } = this;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, length + count + scratchBytes));
    larger.set(this.#buffer.subarray(this.#at), larger.length - length);
    if (this.#buffer.length === scratchBytes) ProtobufWriter.#scratch = this.#buffer;
    this.#buffer = larger;
    this.#at = larger.length - length;
  }
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** Seven bits of a number of 64 bits, which is given in halves. */
function bitsAt(low: number, high: number, shift: number): number {
  if (shift >= 32) return (high >>> (shift - 32)) & 0x7f;
  const fromLow = low >>> shift;
  return (shift > 25 ? fromLow | (high << (32 - shift)) : fromLow) & 0x7f;
}

interface Scalar<T> {
  readonly wireType: WireType;
  readonly empty: T;
  readonly isEmpty: (value: T) => boolean;
  readonly write: (writer: ProtobufWriter, value: T) => void;
  readonly read: (reader: ProtobufReader) => T;
}

const field = <T>(id: number, { wireType, empty, isEmpty, write, read }: Scalar<T>): Field<T> => ({
  id,
  wireType,
  empty: () => empty,
  isSet: (value) => !isEmpty(value),
  write,
  read,
});

const noBytes = Buffer.alloc(0);

const bytesScalar: Scalar<Buffer> = {
  wireType: lengthType,
  empty: noBytes,
  isEmpty: (value) => value.length === 0,
  write: (writer, value) => {
    writer.bytes(value);
  },
  read: (reader) => reader.bytes(),
};

const textScalar: Scalar<string> = {
  wireType: lengthType,
  empty: "",
  isEmpty: (value) => value === "",
  write: (writer, value) => {
    writer.bytes(Buffer.from(value));
  },
  read: (reader) => reader.bytes().toString("utf8"),
};

const varintScalar = <T>(empty: T, from: (raw: bigint) => T, to: (value: T) => bigint): Scalar<T> => ({
  wireType: varintType,
  empty,
  isEmpty: (value) => value === empty,
  write: (writer, value) => {
    writer.varint(to(value));
  },
  read: (reader) => from(reader.varint()),
});

const int64Scalar = varintScalar<bigint>(
  0n,
  (raw) => BigInt.asIntN(64, raw),
  (value) => value,
);
const uint64Scalar = varintScalar<bigint>(
  0n,
  (raw) => raw,
  (value) => value,
);
const int32Scalar = varintScalar<number>(
  0,
  (raw) => Number(BigInt.asIntN(32, raw)),
  (value) => BigInt(value),
);
const flagScalar = varintScalar<boolean>(
  false,
  (raw) => raw !== 0n,
  (value) => (value ? 1n : 0n),
);

export const bytes = (id: number): Field<Buffer> => field(id, bytesScalar);
export const text = (id: number): Field<string> => field(id, textScalar);
export const int64 = (id: number): Field<bigint> => field(id, int64Scalar);
export const uint64 = (id: number): Field<bigint> => field(id, uint64Scalar);
/** int32, and enums by their number. */
export const int32 = (id: number): Field<number> => field(id, int32Scalar);
export const flag = (id: number): Field<boolean> => field(id, flagScalar);

/** Numbers in a row: packed when written, in either form when read. */
export const packedInt32 = (id: number): Field<readonly number[]> => ({
  id,
  wireType: lengthType,
  otherWireType: varintType,
  empty: () => [],
  isSet: (value) => value.length > 0,
  write: (writer, value) => {
    const before = writer.length;
    for (const each of value.toReversed()) writer.varint(BigInt(each));
    writer.uint(writer.length - before);
  },
  read: (reader, soFar, wireType) => {
    if (wireType === varintType) return [...soFar, int32Scalar.read(reader)];
    const packed = new ProtobufReader(reader.bytes());
    const values = [...soFar];
    while (!packed.isAtEnd) values.push(int32Scalar.read(packed));
    return values;
  },
});

/** The last first. The tag of the first is written by who writes all fields' tags. */
function writeLast<T>(values: readonly T[], write: (value: T, isFirst: boolean) => void): void {
  for (let at = values.length - 1; at >= 0; at--) {
    const value = values[at];
    if (value !== undefined) write(value, at === 0);
  }
}

const list = <T>(id: number, scalar: Scalar<T>): Field<readonly T[]> => ({
  id,
  wireType: scalar.wireType,
  empty: () => [],
  isSet: (value) => value.length > 0,
  write: (writer, value) => {
    writeLast(value, (each, isFirst) => {
      scalar.write(writer, each);
      if (!isFirst) writer.tag(id, scalar.wireType);
    });
  },
  read: (reader, soFar) => [...soFar, scalar.read(reader)],
});

export const texts = (id: number): Field<readonly string[]> => list(id, textScalar);
export const bytesList = (id: number): Field<readonly Buffer[]> => list(id, bytesScalar);

/** A scalar of which it matters whether it was written: a member of a oneof. */
export const optional = <Out, In>(inner: Field<Out, In>): Field<Out | undefined, In | undefined> => ({
  id: inner.id,
  wireType: inner.wireType,
  empty: () => undefined,
  isSet: (value) => value !== undefined,
  write: (writer, value) => {
    if (value !== undefined) inner.write(writer, value);
  },
  read: (reader, _soFar, wireType) => inner.read(reader, inner.empty(), wireType),
});

/** A message within the message, absent unless written. `type` is asked late: types may contain each other. */
export const message = <Out, In>(
  id: number,
  type: () => MessageType<Out, In>,
): Field<Out | undefined, In | undefined> => ({
  id,
  wireType: lengthType,
  empty: () => undefined,
  isSet: (value) => value !== undefined,
  write: (writer, value) => {
    if (value === undefined) return;
    const before = writer.length;
    type().write(writer, value);
    writer.uint(writer.length - before);
  },
  read: (reader) => type().decode(reader.bytes()),
});

/** Messages in a row. */
export const messages = <Out, In>(
  id: number,
  type: () => MessageType<Out, In>,
): Field<readonly Out[], readonly In[]> => ({
  id,
  wireType: lengthType,
  empty: () => [],
  isSet: (value) => value.length > 0,
  write: (writer, value) => {
    const { write } = type();
    writeLast(value, (each, isFirst) => {
      const before = writer.length;
      write(writer, each);
      writer.uint(writer.length - before);
      if (!isFirst) writer.tag(id, lengthType);
    });
  },
  read: (reader, soFar) => {
    // The array is this decoding's own.
    (soFar as Out[]).push(type().decode(reader.bytes()));
    return soFar;
  },
});

export function messageType<F extends Fields>(fields: F): MessageType<Decoded<F>, Encoded<F>> {
  const named = Object.entries(fields);
  const fromLast = named.toReversed();
  const byId = new Map(named.map(([name, each]) => [each.id, [name, each] as const]));
  const writeFields = (writer: ProtobufWriter, values: Encoded<F>): void => {
    for (const [name, { id, wireType, isSet, write }] of fromLast) {
      const value: unknown = values[name];
      if (value === undefined || !isSet(value)) continue;
      write(writer, value);
      writer.tag(id, wireType);
    }
  };
  return {
    write: writeFields,
    encode: (values) => {
      const writer = new ProtobufWriter();
      writeFields(writer, values);
      return writer.take();
    },
    decode: (source) => {
      const reader = new ProtobufReader(source);
      const values: Record<string, unknown> = {};
      for (const [name, each] of named) values[name] = each.empty();
      while (!reader.isAtEnd) {
        const tag = reader.uint();
        const wireType = tag % 8;
        const known = byId.get(Math.floor(tag / 8));
        if (known === undefined) reader.skip(wireType);
        else {
          const [name, each] = known;
          if (wireType !== each.wireType && wireType !== each.otherWireType) {
            throw new ProtobufError(`field ${name} has wire type ${wireType}, must be ${each.wireType}`);
          }
          values[name] = each.read(reader, values[name], wireType);
        }
      }
      return values as Decoded<F>;
    },
  };
}

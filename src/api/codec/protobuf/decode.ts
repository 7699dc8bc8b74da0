/** Protobuf messages to objects of the API, in the canonical form of ../plan.ts. */
import { assert } from "#base/assert.ts";
import type { AnyObject } from "../../meta/object.ts";
import { formatGoDuration } from "../../meta/duration.ts";
import { formatGoMicroTime, formatGoTime, TimeError } from "../../meta/go-time.ts";
import { setValue } from "../../patch/json-value.ts";
import type { FieldType, TypeTable } from "../../schema/type-table.ts";
import { DecodeError } from "../decode-error.ts";
import { Plans, zeroValues, type FieldPlan } from "../plan.ts";
import { lengthType, Reader, wireTypeOf } from "./reader.ts";

type ValueReader = (reader: Reader) => unknown;
type Slots = unknown[];

interface FieldDecoder {
  readonly wireType: number;
  readonly into: (slots: Slots, reader: Reader) => void;
}

/** What an object's JSON is made of: a field, or the fields of an inlined struct that sits in one slot. */
type Part =
  | { readonly slot: number; readonly plan: FieldPlan; readonly inline: undefined }
  | { readonly slot: number; readonly plan: undefined; readonly inline: MessageDecoder };

interface MessageDecoder {
  byId: readonly (FieldDecoder | undefined)[];
  parts: readonly Part[];
  size: number;
}

/** Bytes of a RawExtension to the JSON value they stand for. */
export type RawReader = (bytes: Buffer) => unknown;

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";
/** Messages within messages; Go's own limit is 10,000, our stack is less deep. */
const depthMax = 500;

export class MessageReader {
  readonly #table: TypeTable;
  readonly #plans: Plans;
  readonly #raw: RawReader;
  readonly #decoders = new Map<string, MessageDecoder>();
  #depth = 0;

  constructor(table: TypeTable, raw: RawReader) {
    this.#table = table;
    this.#plans = new Plans(table);
    this.#raw = raw;
  }

  /** Throws DecodeError. */
  read(bytes: Uint8Array, struct: string): AnyObject {
    const outer = this.#depth;
    try {
      return this.#object(this.#decoder(struct), new Reader(bytes), bytes.length);
    } finally {
      this.#depth = outer;
    }
  }

  #object(decoder: MessageDecoder, reader: Reader, end: number): AnyObject {
    const object: AnyObject = {};
    assemble(object, decoder, this.#slots(decoder, reader, end));
    return object;
  }

  #slots(decoder: MessageDecoder, reader: Reader, end: number): Slots {
    if (++this.#depth > depthMax) throw new DecodeError("proto: exceeded max depth");
    const slots: Slots = Array.from({ length: decoder.size });
    while (reader.at < end) {
      const tag = reader.varint();
      const field = decoder.byId[tag >>> 3];
      if (field === undefined || field.wireType !== (tag & 7)) reader.skip(tag & 7);
      else field.into(slots, reader);
    }
    if (reader.at !== end) throw new DecodeError("proto: unexpected EOF");
    this.#depth--;
    return slots;
  }

  #decoder(name: string): MessageDecoder {
    const known = this.#decoders.get(name);
    if (known !== undefined) return known;
    const struct = this.#table.struct(name);
    assert(struct !== undefined, `no struct ${name}`);
    const decoder: MessageDecoder = { byId: [], parts: [], size: struct.fields.length };
    // Entered before its fields are made: structs may hold themselves.
    this.#decoders.set(name, decoder);
    const plans = new Map(this.#plans.plan(name).fields.map((plan) => [plan.type.name, plan]));
    const byId: (FieldDecoder | undefined)[] = [];
    decoder.parts = struct.fields.map((field, slot) => {
      if (field.id !== 0) byId[field.id] = this.#field(field, slot);
      if (field.inline) return { slot, plan: undefined, inline: this.#decoder(field.struct ?? "") };
      const plan = plans.get(field.name);
      assert(plan !== undefined, `no plan of ${name}.${field.name}`);
      return { slot, plan, inline: undefined };
    });
    decoder.byId = byId;
    return decoder;
  }

  #field(field: FieldType, slot: number): FieldDecoder {
    const into =
      (value: ValueReader): FieldDecoder["into"] =>
      (slots, reader) => {
        slots[slot] = value(reader);
      };
    if (field.inline) {
      const inner = this.#decoder(field.struct ?? "");
      return { wireType: lengthType, into: into((reader) => this.#slots(inner, reader, reader.end())) };
    }
    const one = this.#value(field);
    if (field.shape === "map") return { wireType: lengthType, into: mapInto(slot, field, one) };
    if (field.shape === "list" && !field.wrapped) {
      return { wireType: wireTypeOf(field), into: (slots, reader) => push(slots, slot, one(reader)) };
    }
    const value: ValueReader = field.shape === "list" ? (reader) => readItems(reader, one) : one;
    return { wireType: field.shape === "list" ? lengthType : wireTypeOf(field), into: into(value) };
  }

  #value(field: FieldType): ValueReader {
    if (field.struct !== undefined) return this.#structReader(field.struct);
    const { scalar } = field;
    if (scalar === "raw") return (reader) => readRaw(reader, this.#raw);
    if (scalar === "schemaOrArray") return (reader) => this.#schemaOr(reader, (inner) => this.#schema(inner));
    if (scalar === "schemaOrStrings") return (reader) => this.#schemaOr(reader, (inner) => inner.text());
    if (scalar === "schemaOrBool") return (reader) => this.#schemaOrBool(reader);
    return scalarReader(scalar);
  }

  #structReader(name: string): ValueReader {
    const decoder = this.#decoder(name);
    return (reader) => this.#object(decoder, reader, reader.end());
  }

  #schema(reader: Reader): unknown {
    return this.#object(this.#decoder(schemaProps), reader, reader.end());
  }

  /** Message {1 schema, 2 items}. */
  #schemaOr(reader: Reader, item: (inner: Reader) => unknown): unknown {
    const end = reader.end();
    const items: unknown[] = [];
    let schema: unknown;
    while (reader.at < end) {
      const tag = reader.varint();
      if (tag >>> 3 === 1) schema = this.#schema(reader);
      else if (tag >>> 3 === 2) items.push(item(reader));
      else reader.skip(tag & 7);
    }
    return schema ?? items;
  }

  /** Message {1 allows, 2 schema}. */
  #schemaOrBool(reader: Reader): unknown {
    const end = reader.end();
    let allows = false;
    let schema: unknown;
    while (reader.at < end) {
      const tag = reader.varint();
      if (tag >>> 3 === 1) allows = reader.varint() !== 0;
      else if (tag >>> 3 === 2) schema = this.#schema(reader);
      else reader.skip(tag & 7);
    }
    return schema ?? allows;
  }
}

function assemble(object: AnyObject, decoder: MessageDecoder, slots: Slots): void {
  for (const { slot, plan, inline } of decoder.parts) {
    const value = slots[slot];
    if (inline !== undefined) assemble(object, inline, (value as Slots | undefined) ?? []);
    else if (value === undefined) {
      const filled = plan.fill();
      if (filled !== undefined) object[plan.type.name] = filled;
    } else if (!plan.isOmitted(value)) object[plan.type.name] = value;
  }
}

function push(slots: Slots, slot: number, value: unknown): void {
  const list = slots[slot];
  if (list === undefined) slots[slot] = [value];
  else (list as unknown[]).push(value);
}

function mapInto(slot: number, field: FieldType, one: ValueReader): FieldDecoder["into"] {
  const value = field.wrapped ? (reader: Reader) => readItems(reader, one) : one;
  const zero = (): unknown => (field.wrapped ? [] : (zeroValues.get(field.scalar) ?? {}));
  return (slots, reader) => {
    const object = (slots[slot] ??= {}) as AnyObject;
    const end = reader.end();
    let key = "";
    let found: unknown;
    while (reader.at < end) {
      const tag = reader.varint();
      if (tag >>> 3 === 1) key = reader.text();
      else if (tag >>> 3 === 2) found = value(reader);
      else reader.skip(tag & 7);
    }
    setValue(object, key, found ?? zero());
  };
}

/** Message {1 items}. */
function readItems(reader: Reader, one: ValueReader): unknown[] {
  const end = reader.end();
  const items: unknown[] = [];
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) items.push(one(reader));
    else reader.skip(tag & 7);
  }
  return items;
}

const scalarReaders: ReadonlyMap<FieldType["scalar"], ValueReader> = new Map<
  FieldType["scalar"],
  ValueReader
>([
  ["string", (reader) => reader.text()],
  ["bool", (reader) => reader.varint() !== 0],
  ["int32", (reader) => reader.int32()],
  ["int64", (reader) => reader.int64()],
  ["double", (reader) => reader.double()],
  ["bytes", (reader) => reader.bytes().toString("base64")],
  ["quantity", readQuantity],
  ["intOrString", readIntOrString],
  [
    "time",
    (reader) => timeText(reader, ({ seconds, nanos }) => formatGoTime(seconds + Math.floor(nanos / 1e9))),
  ],
  ["microTime", (reader) => timeText(reader, ({ seconds, nanos }) => formatGoMicroTime(seconds, nanos))],
  ["duration", readDuration],
]);

function scalarReader(scalar: FieldType["scalar"]): ValueReader {
  const found = scalarReaders.get(scalar);
  assert(found !== undefined, `no protobuf reader for ${scalar ?? "nothing"}`);
  return found;
}

/** Message {1 text}. */
function readQuantity(reader: Reader): unknown {
  const end = reader.end();
  let text = "0";
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) text = reader.text();
    else reader.skip(tag & 7);
  }
  return text === "" ? "0" : text;
}

/** Message {1 type, 2 int, 3 string}. */
function readIntOrString(reader: Reader): unknown {
  const end = reader.end();
  let isText = false;
  let int = 0;
  let text = "";
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) isText = reader.varint() === 1;
    else if (tag >>> 3 === 2) int = reader.int32();
    else if (tag >>> 3 === 3) text = reader.text();
    else reader.skip(tag & 7);
  }
  return isText ? text : int;
}

interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** Message {1 seconds, 2 nanos}; empty: no time. */
function readTime(reader: Reader): Instant | undefined {
  const end = reader.end();
  if (reader.at === end) return undefined;
  let seconds = 0;
  let nanos = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) seconds = Number(reader.int64());
    else if (tag >>> 3 === 2) nanos = reader.int32();
    else reader.skip(tag & 7);
  }
  return { seconds, nanos };
}

function timeText(reader: Reader, format: (instant: Instant) => string): string | undefined {
  const instant = readTime(reader);
  try {
    return instant && format(instant);
  } catch (error) {
    throw error instanceof TimeError ? new DecodeError(error.message, { cause: error }) : error;
  }
}

/** Message {1 nanoseconds}. */
function readDuration(reader: Reader): unknown {
  const end = reader.end();
  let nanos: number | bigint = 0;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) nanos = reader.int64();
    else reader.skip(tag & 7);
  }
  return formatGoDuration(BigInt(nanos));
}

/** Message {1 bytes}. */
function readRaw(reader: Reader, raw: RawReader): unknown {
  const end = reader.end();
  let value: unknown;
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag >>> 3 === 1) value = raw(reader.bytes());
    else reader.skip(tag & 7);
  }
  return value;
}

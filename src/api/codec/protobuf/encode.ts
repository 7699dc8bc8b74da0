/**
 * Objects of the API to protobuf messages, as Go lays them out: fields by number, keys of maps in order. What isn't there
 * isn't written; for Go that reads the same as the zero values it writes itself.
 */
import { assert } from "#base/assert.ts";
import { parseTime } from "#base/clock.ts";
import { parseGoDuration } from "../../meta/duration.ts";
import { secondsOf } from "../../meta/go-time.ts";
import type { AnyObject } from "../../meta/object.ts";
import type { FieldType, TypeTable } from "../../schema/type-table.ts";
import { lengthType, varintType, wireTypeOf } from "./reader.ts";
import { Writer } from "./writer.ts";

type ValueWriter = (writer: Writer, value: unknown) => void;

interface FieldEncoder {
  readonly name: string;
  readonly inline: boolean;
  readonly write: ValueWriter;
}

interface MessageEncoder {
  /** From the highest number down: the writer goes backwards. */
  fields: readonly FieldEncoder[];
}

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

export class MessageWriter {
  readonly #table: TypeTable;
  readonly #encoders = new Map<string, MessageEncoder>();
  readonly #writer = new Writer();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  write(object: AnyObject, struct: string): Buffer {
    this.#writer.reset();
    writeFields(this.#writer, this.#encoder(struct), object);
    return this.#writer.take();
  }

  #encoder(name: string): MessageEncoder {
    const known = this.#encoders.get(name);
    if (known !== undefined) return known;
    const struct = this.#table.struct(name);
    assert(struct !== undefined, `no struct ${name}`);
    const encoder: MessageEncoder = { fields: [] };
    // Entered before its fields are made: structs may hold themselves.
    this.#encoders.set(name, encoder);
    encoder.fields = struct.fields
      .filter(({ id }) => id !== 0)
      .toSorted((a, b) => b.id - a.id)
      .map((field) => ({ name: field.name, inline: field.inline, write: this.#field(field) }));
    return encoder;
  }

  #field(field: FieldType): ValueWriter {
    const one = this.#value(field);
    const tag = tagOf(field.id, wireTypeOf(field));
    if (field.shape === "map") return mapWriter(field, tagOf(field.id, lengthType), one);
    if (field.shape === "one") return tagged(tag, one);
    if (field.wrapped) return tagged(tagOf(field.id, lengthType), itemsWriter(field, one));
    const item = tagged(tag, one);
    return (writer, value) => {
      for (const each of (value as unknown[]).toReversed()) item(writer, each);
    };
  }

  #value(field: FieldType): ValueWriter {
    if (field.struct !== undefined) return this.#structWriter(field.struct);
    const { scalar } = field;
    if (scalar === "schemaOrArray") return this.#schemaOr((writer, value) => this.#schemas(writer, value));
    if (scalar === "schemaOrBool") return this.#schemaOrBool();
    if (scalar === "schemaOrStrings") return this.#schemaOr(writeStrings);
    return scalarWriter(scalar);
  }

  #structWriter(name: string): ValueWriter {
    const encoder = this.#encoder(name);
    return delimited((writer, value) => writeFields(writer, encoder, value as AnyObject));
  }

  #schemas(writer: Writer, value: unknown): void {
    const item = tagged(tagOf(2, lengthType), this.#structWriter(schemaProps));
    for (const each of (value as unknown[]).toReversed()) item(writer, each);
  }

  #schemaOr(list: ValueWriter): ValueWriter {
    return delimited((writer, value) => {
      if (Array.isArray(value)) list(writer, value);
      else tagged(tagOf(1, lengthType), this.#structWriter(schemaProps))(writer, value);
    });
  }

  /** A schema allows: Go writes both. */
  #schemaOrBool(): ValueWriter {
    return delimited((writer, value) => {
      if (typeof value !== "boolean") {
        tagged(tagOf(2, lengthType), this.#structWriter(schemaProps))(writer, value);
      }
      writer.byte(value === false ? 0 : 1);
      writer.varint(tagOf(1, varintType));
    });
  }
}

const tagOf = (id: number, wireType: number): number => id * 8 + wireType;

function tagged(tag: number, write: ValueWriter): ValueWriter {
  return (writer, value) => {
    write(writer, value);
    writer.varint(tag);
  };
}

function delimited(write: ValueWriter): ValueWriter {
  return (writer, value) => {
    const mark = writer.mark;
    write(writer, value);
    writer.varint(writer.mark - mark);
  };
}

function writeFields(writer: Writer, encoder: MessageEncoder, object: AnyObject): void {
  for (const { name, inline, write } of encoder.fields) {
    // An inlined struct's fields are the object's own.
    const value = inline ? object : object[name];
    if (value !== undefined && value !== null) write(writer, value);
  }
}

/** Entries {1 key, 2 value}, by key. */
function mapWriter(field: FieldType, tag: number, one: ValueWriter): ValueWriter {
  const value = field.wrapped
    ? tagged(tagOf(2, lengthType), itemsWriter(field, one))
    : tagged(tagOf(2, wireTypeOf(field)), one);
  const key = tagged(tagOf(1, lengthType), writeText);
  const entry = tagged(
    tag,
    delimited((writer, pair) => {
      const [name, found] = pair as [string, unknown];
      if (found !== undefined && found !== null) value(writer, found);
      key(writer, name);
    }),
  );
  return (writer, map) => {
    const entries = Object.entries(map as AnyObject);
    for (const each of entries.toSorted(([a], [b]) => (a < b ? 1 : -1))) entry(writer, each);
  };
}

/** Message {1 items}. */
function itemsWriter(field: FieldType, one: ValueWriter): ValueWriter {
  const item = tagged(tagOf(1, wireTypeOf(field)), one);
  return delimited((writer, value) => {
    for (const each of (value as unknown[]).toReversed()) item(writer, each);
  });
}

const writeText: ValueWriter = delimited((writer, value) => writer.text(value as string));
const writeBytes: ValueWriter = delimited((writer, value) => writer.bytes(value as Uint8Array));

const writeStrings: ValueWriter = (writer, value) => {
  const item = tagged(tagOf(2, lengthType), writeText);
  for (const each of (value as unknown[]).toReversed()) item(writer, each);
};

const quantityField = tagged(tagOf(1, lengthType), writeText);
const rawField = tagged(tagOf(1, lengthType), writeBytes);

const scalarWriters: ReadonlyMap<FieldType["scalar"], ValueWriter> = new Map<
  FieldType["scalar"],
  ValueWriter
>([
  ["string", writeText],
  ["bool", (writer, value) => writer.byte(value === true ? 1 : 0)],
  ["int32", (writer, value) => writer.signed(value as number)],
  ["int64", (writer, value) => writer.signed(value as number | bigint)],
  ["double", (writer, value) => writer.double(value as number)],
  ["bytes", (writer, value) => writeBytes(writer, Buffer.from(value as string, "base64"))],
  ["quantity", delimited((writer, value) => quantityField(writer, String(value)))],
  ["intOrString", delimited(writeIntOrString)],
  ["time", delimited((writer, value) => writeTime(writer, value as string, 0))],
  [
    "microTime",
    delimited((writer, value) => writeTime(writer, value as string, microsOf(value as string) * 1000)),
  ],
  ["duration", delimited(writeDuration)],
  ["raw", delimited((writer, value) => rawField(writer, Buffer.from(JSON.stringify(value))))],
]);

function scalarWriter(scalar: FieldType["scalar"]): ValueWriter {
  const found = scalarWriters.get(scalar);
  assert(found !== undefined, `no protobuf writer for ${scalar ?? "nothing"}`);
  return found;
}

function writeIntOrString(writer: Writer, value: unknown): void {
  const isText = typeof value === "string";
  tagged(tagOf(3, lengthType), writeText)(writer, isText ? value : "");
  writer.signed(isText ? 0 : (value as number));
  writer.varint(tagOf(2, varintType));
  writer.byte(isText ? 1 : 0);
  writer.varint(tagOf(1, varintType));
}

const microsOf = (text: string): number =>
  Number((/\.(\d+)/.exec(text)?.[1] ?? "").padEnd(6, "0").slice(0, 6));

function writeTime(writer: Writer, text: string, nanos: number): void {
  writer.varint(nanos);
  writer.varint(tagOf(2, varintType));
  const ms = parseTime(text);
  writer.signed(Number.isNaN(ms) ? secondsOf(text) : Math.floor(ms / 1000));
  writer.varint(tagOf(1, varintType));
}

function writeDuration(writer: Writer, value: unknown): void {
  writer.signed(parseGoDuration(value as string));
  writer.varint(tagOf(1, varintType));
}

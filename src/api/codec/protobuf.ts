/**
 * application/vnd.kubernetes.protobuf: objects in an envelope that says what they are. Driven by the type table.
 * upstream: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go
 */
import { goQuote } from "../meta/go-quote.ts";
import { apiVersionOf, parseApiVersion, type AnyObject, type GroupVersionKind } from "../meta/object.ts";
import type { TypeTable } from "../schema/type-table.ts";
import { DecodeError } from "./decode-error.ts";
import { parseJson } from "./json-text.ts";
import { MessageReader } from "./protobuf/decode.ts";
import { MessageWriter } from "./protobuf/encode.ts";
import { lengthType, Reader } from "./protobuf/reader.ts";
import { Writer } from "./protobuf/writer.ts";

/** "k8s\0" */
const magic = Buffer.from([0x6b, 0x38, 0x73, 0]);
const typeMetaTag = 1 * 8 + lengthType;
const rawTag = 2 * 8 + lengthType;
const contentTypeTag = 4 * 8 + lengthType;
const firstTag = 1 * 8 + lengthType;
const secondTag = 2 * 8 + lengthType;

/** Go always writes the empty encoding and content type. */
const envelopeTail = Buffer.from([3 * 8 + lengthType, 0, contentTypeTag, 0]);

/** Of a list that is written item by item. */
export interface Around {
  readonly head: Buffer;
  readonly tail: Buffer;
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly contentType: string;
  readonly raw: Buffer;
}

/** What a kind is made of: Scheme is one. */
export interface KindTable {
  structOf(kind: GroupVersionKind): string | undefined;
}

export class ProtobufCodec {
  readonly #kinds: KindTable;
  readonly #table: TypeTable;
  readonly #reader: MessageReader;
  readonly #messages: MessageWriter;

  constructor(table: TypeTable, kinds: KindTable) {
    this.#kinds = kinds;
    this.#table = table;
    this.#reader = new MessageReader(table, (bytes) => this.#rawValue(bytes));
    this.#messages = new MessageWriter(table);
  }

  /** False for kinds that have no protobuf form: custom resources. */
  knows(kind: GroupVersionKind): boolean {
    return this.#structOf(kind) !== undefined;
  }

  /** `fallback`: what the object is when it doesn't say. Throws DecodeError. */
  decode(bytes: Uint8Array, fallback?: GroupVersionKind): AnyObject {
    const envelope = readEnvelope(bytes);
    const kind = envelope.kind === "" ? (fallback?.kind ?? "") : envelope.kind;
    const apiVersion =
      envelope.apiVersion === "" && fallback !== undefined ? apiVersionOf(fallback) : envelope.apiVersion;
    const struct = this.#structOf({ ...parseApiVersion(apiVersion), kind });
    if (struct === undefined) {
      throw new DecodeError(`no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)}`);
    }
    const head = { kind, apiVersion };
    if (envelope.contentType === "application/json") {
      return { ...(parseJson(envelope.raw.toString("utf8")) as AnyObject), ...head };
    }
    // After the object's own fields: a message within may carry a kind of its own, this one can't.
    return Object.assign(head, this.#reader.read(envelope.raw, struct), head);
  }

  /** The object must say its apiVersion and kind. */
  encode(object: AnyObject): Buffer {
    const { apiVersion = "", kind = "" } = object;
    const struct = this.#structFor(object);
    return writeEnvelope({ apiVersion, kind }, this.#messages.write(object, struct));
  }

  /** One of the items of a list that is like this one. */
  encodeItem(list: AnyObject, item: AnyObject): Buffer {
    return this.#messages.write({ items: [item] }, this.#structFor(list));
  }

  /** What is around items of so many bytes in a list that has none yet: items are a list's last field. */
  encodeAround(list: AnyObject, itemsBytes: number): Around {
    const { apiVersion = "", kind = "" } = list;
    const before = this.#messages.write(list, this.#structFor(list));
    return { head: writeEnvelope({ apiVersion, kind }, before, itemsBytes), tail: envelopeTail };
  }

  /** One frame of a watch: its length in four bytes, then the event. */
  encodeWatchEvent(type: string, object: AnyObject): Buffer {
    const writer = new Writer();
    const encoded = this.encode(object);
    writer.bytes(encoded);
    writer.varint(encoded.length);
    writer.varint(firstTag);
    writer.varint(writer.mark);
    writer.varint(secondTag);
    writer.text(type);
    writer.varint(Buffer.byteLength(type));
    writer.varint(firstTag);
    const event = writer.take();
    const frame = Buffer.allocUnsafe(4 + event.length);
    frame.writeUInt32BE(event.length);
    event.copy(frame, 4);
    return frame;
  }

  #structOf(kind: GroupVersionKind): string | undefined {
    const struct = this.#kinds.structOf(kind);
    return struct !== undefined && this.#table.struct(struct) !== undefined ? struct : undefined;
  }

  #structFor({ apiVersion = "", kind = "" }: AnyObject): string {
    const struct = this.#structOf({ ...parseApiVersion(apiVersion), kind });
    if (struct === undefined) throw new TypeError(`no protobuf for ${apiVersion} ${kind}`);
    return struct;
  }

  /** A RawExtension holds JSON, or an object in an envelope of its own. */
  #rawValue(bytes: Buffer): unknown {
    if (bytes.length === 0) return undefined;
    return isEnvelope(bytes) ? this.decode(bytes) : parseJson(bytes.toString("utf8"));
  }
}

const isEnvelope = (bytes: Uint8Array): boolean => magic.every((byte, index) => bytes[index] === byte);

function readEnvelope(bytes: Uint8Array): Envelope {
  if (!isEnvelope(bytes)) {
    throw new DecodeError(
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    );
  }
  const reader = new Reader(bytes);
  reader.at = magic.length;
  let type: readonly [string, string] = ["", ""];
  let raw: Buffer = Buffer.alloc(0);
  let contentType = "";
  while (reader.at < bytes.length) {
    const tag = reader.varint();
    if (tag === typeMetaTag) type = readTypeMeta(reader);
    else if (tag === rawTag) raw = reader.bytes();
    else if (tag === contentTypeTag) contentType = reader.text();
    else reader.skip(tag & 7);
  }
  return { apiVersion: type[0], kind: type[1], contentType, raw };
}

/** Message {1 apiVersion, 2 kind}. */
function readTypeMeta(reader: Reader): readonly [apiVersion: string, kind: string] {
  const end = reader.end();
  let apiVersion = "";
  let kind = "";
  while (reader.at < end) {
    const tag = reader.varint();
    if (tag === firstTag) apiVersion = reader.text();
    else if (tag === secondTag) kind = reader.text();
    else reader.skip(tag & 7);
  }
  return [apiVersion, kind];
}

/** `after`: so many bytes of the message, and the envelope's own end, are still to come. */
function writeEnvelope(
  { apiVersion, kind }: Pick<Envelope, "apiVersion" | "kind">,
  message: Buffer,
  after?: number,
): Buffer {
  const writer = new Writer();
  if (after === undefined) writer.bytes(envelopeTail);
  writer.bytes(message);
  writer.varint(message.length + (after ?? 0));
  writer.varint(rawTag);
  const before = writer.mark;
  for (const [tag, text] of [
    [secondTag, kind],
    [firstTag, apiVersion],
  ] as const) {
    const start = writer.mark;
    writer.text(text);
    writer.varint(writer.mark - start);
    writer.varint(tag);
  }
  writer.varint(writer.mark - before);
  writer.varint(typeMetaTag);
  writer.bytes(magic);
  return writer.take();
}

/**
 * One object at one revision, as the store holds it: JSON without a resourceVersion.
 * Bytes are kept once; the decoded object and the served bytes are made when asked for, and kept while they are recent.
 */
import { parseExact } from "#base/exact-json.ts";
import { escapedJson, unescapedJson } from "#api/codec/go-json.ts";
import type { StructZeros } from "#api/codec/go-zeros.ts";
import type { AnyObject, ManagedFieldsEntry, ObjectMeta } from "#api/meta/object.ts";
import { writtenJson } from "#api/patch/apply/written-entry.ts";
import { assert } from "#base/assert.ts";
import { isDevelopment } from "#base/development.ts";
import { KeptBytes, RenewedBytes } from "#base/kept-bytes.ts";
import type { DecodedObjects } from "./decoded-objects.ts";

const metadataOpen = Buffer.from('"metadata":{');
/** Of "resourceVersion":"…", with the longest revision there is. */
const revisionBytesMax = 41;
const lineEnd = "}\n";
const openingBrace = 0x7b;
const closingBrace = 0x7d;
const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
/** What Go writes of metadata before the revision. */
const identity = ["name", "generateName", "namespace", "uid"].map((name) => Buffer.from(`"${name}":"`));
/** For what is in the way while an item is put together: at most what says its type. */
const putAside = new Uint8Array(512);

export type ChangeType = "ADDED" | "MODIFIED" | "DELETED";

export interface StoredObjectOptions {
  readonly object?: AnyObject | undefined;
  readonly decoded?: DecodedObjects | undefined;
  readonly isSound?: boolean | undefined;
  /** What the value says of fields that nobody set, and the object doesn't. */
  readonly zeros?: StructZeros | undefined;
}

export class StoredObject {
  readonly namespace: string;
  readonly name: string;
  readonly revision: bigint;
  readonly #kept: KeptBytes;
  readonly #decoded: DecodedObjects | undefined;
  readonly #zeros: StructZeros | undefined;
  /** 0: not looked for yet. */
  #split = 0;
  #object: AnyObject | undefined;
  #lean: AnyObject | undefined;
  #lines: Partial<Record<ChangeType, Buffer>> | undefined;
  #events: Map<object, Map<string, Buffer>> | undefined;
  #isNoted = false;
  /** What it is like now, as far as anybody knows. */
  #isPresent = true;
  readonly #isSound: boolean;

  /**
   * `revision` is 0 for an object that was never written (a dry run's). `object`, when given, is `value` decoded, with its resourceVersion, and frozen.
   * `decoded` bounds what is kept beside the bytes; without it, that is all that is asked for, for as long as this lives.
   * `isSound`: its spec and annotations were valid when it was written.
   */
  constructor(
    id: { readonly namespace: string; readonly name: string },
    value: Buffer | KeptBytes,
    revision: bigint,
    { object, decoded, isSound = false, zeros = decoded?.zeros }: StoredObjectOptions = {},
  ) {
    this.namespace = id.namespace;
    this.name = id.name;
    this.#kept = value instanceof KeptBytes ? value : new KeptBytes(value);
    this.revision = revision;
    this.#decoded = decoded;
    this.#isSound = isSound;
    this.#zeros = zeros;
    this.#object = object;
    if (object !== undefined) this.#note();
  }

  /** What is stored. Made anew each time when it is packed: ask once. */
  get value(): Buffer {
    return this.#kept.bytes;
  }

  /** It isn't quite the value that the store has: an update that changes nothing else is one all the same. */
  get isRenewed(): boolean {
    return this.#kept instanceof RenewedBytes;
  }

  /** Of the value. */
  get length(): number {
    return this.#kept.length;
  }

  /** Shared and frozen: copy before change. */
  get object(): AnyObject {
    if (this.#object !== undefined) return this.#object;
    const object = sealed(this.#parsed());
    this.#object = object;
    // What is larger than the bound is forgotten at once.
    this.#note();
    return object;
  }

  /** The same without managed fields, which nobody in this process reads; stays, as whoever asks for it keeps it. */
  get lean(): AnyObject {
    if (this.#lean !== undefined) return this.#lean;
    const lean = withoutManagedFields(this.#object ?? this.#parsedToStay());
    this.#lean = lean;
    if (!this.#isPresent) this.#note();
    return lean;
  }

  /** One or the other, to be looked at and let go. */
  get content(): AnyObject {
    return this.#lean ?? this.object;
  }

  /** One or the other, if either is kept. */
  get atHand(): AnyObject | undefined {
    return this.#lean ?? this.#object;
  }

  /** Whether the spec and the annotations of its next state are its very own, which were valid. */
  vouchesFor(next: AnyObject): boolean {
    const own = this.#isSound ? this.atHand : undefined;
    if (own?.["spec"] === undefined || own["spec"] !== next["spec"]) return false;
    return own.metadata?.annotations === next.metadata?.annotations;
  }

  /** Of two states of an object, the older: it isn't kept for anybody any more. */
  retire(): void {
    this.#isPresent = false;
    if (!this.#isNoted) this.forget();
  }

  /** Everything but the bytes, and what is shared with who keeps it. */
  forget(): void {
    this.#isNoted = false;
    this.#object = undefined;
    this.#lines = undefined;
    this.#events = undefined;
    if (!this.#isPresent) this.#lean = undefined;
  }

  /** The same content under another revision: what a DELETED event carries. */
  at(revision: bigint): StoredObject {
    const gone = new StoredObject(this, this.#kept, revision, { decoded: this.#decoded, zeros: this.#zeros });
    gone.#isPresent = false;
    if (this.#object !== undefined) gone.#object = withRevision(this.#object, revision);
    if (this.#lean !== undefined) gone.#lean = withRevision(this.#lean, revision);
    if (this.atHand !== undefined) gone.#note();
    return gone;
  }

  #note(): void {
    if (this.#isNoted || this.#decoded === undefined) return;
    this.#isNoted = true;
    this.#decoded.note(this);
  }

  #parsedToStay(): AnyObject {
    const object = this.#parsed();
    this.#decoded?.share(object);
    this.#decoded?.keep(object);
    return sealed(object);
  }

  #parsed(): AnyObject {
    try {
      const object = parse(this.value, this.revision);
      this.#zeros?.plain(object);
      return object;
    } catch (error) {
      this.#decoded?.failed();
      throw error;
    }
  }

  /** At most this many bytes are served. */
  get servedBytesMax(): number {
    return this.length + revisionBytesMax;
  }

  /** Writes the served JSON to `target`, which has room, from `start`. Answers where it ends. */
  copyTo(target: Buffer, start: number): number {
    const text = this.revision === 0n ? "" : `"resourceVersion":"${this.revision}",`;
    const valueAt = start + text.length;
    const end = this.#kept.copyTo(target, valueAt);
    if (text === "") return end;
    const split = this.#splitIn(target, valueAt);
    target.copyWithin(start, valueAt, valueAt + split);
    target.write(text, start + split, "latin1");
    if (target[valueAt + split] !== closingBrace) return end;
    // Nothing follows in the metadata that a comma would have to part it from.
    target.copyWithin(valueAt + split - 1, valueAt + split, end);
    return end - 1;
  }

  /**
   * The same without the `typeBytes` that say its kind and apiVersion: as an item of a list. What lies before `start`
   * stays as it is, but must be there for at least so many bytes: they are in the way while it is put together.
   */
  copyItemTo(target: Buffer, start: number, typeBytes: number): number {
    const text = `"resourceVersion":"${this.revision}",`;
    const valueAt = start + text.length - typeBytes;
    const inTheWay = Math.max(start - valueAt, 0);
    for (let at = 0; at < inTheWay; at++) putAside[at] = target[valueAt + at] as number;
    const end = this.#kept.copyTo(target, valueAt);
    const split = this.#splitIn(target, valueAt);
    const metadataAt = valueAt + 1 + typeBytes;
    const isTyped =
      target[metadataAt] === quote && target[metadataAt + metadataOpen.length - 1] === openingBrace;
    for (let at = 0; at < inTheWay; at++) target[valueAt + at] = putAside[at] as number;
    if (!isTyped || this.revision === 0n) return this.copyTo(target, start);
    target[start] = openingBrace;
    target.copyWithin(start + 1, metadataAt, valueAt + split);
    const fieldsAt = valueAt + split;
    target.write(text, fieldsAt - text.length, "latin1");
    if (target[fieldsAt] !== closingBrace) return end;
    target.copyWithin(fieldsAt - 1, fieldsAt, end);
    return end - 1;
  }

  json(): Buffer {
    const bytes = Buffer.allocUnsafe(this.servedBytesMax);
    return bytes.subarray(0, this.copyTo(bytes, 0));
  }

  /** Where, in the value that begins at `start`, the revision goes. */
  #splitIn(bytes: Buffer, start: number): number {
    if (this.#split === 0) {
      const found = bytes.indexOf(metadataOpen, start);
      const isFound = found >= 0 && found < start + this.length;
      assert(isFound, `stored object ${this.namespace}/${this.name} has no metadata`);
      const value = bytes.subarray(0, start + this.length);
      this.#split = afterIdentity(value, found + metadataOpen.length) - start;
    }
    return this.#split;
  }

  /** The line of a JSON watch stream, made once for all watchers of a live event. */
  sharedLine(type: ChangeType): Buffer {
    this.#lines ??= {};
    const line = this.#lines[type] ?? this.line(type);
    this.#lines[type] = line;
    this.#note();
    return line;
  }

  /** A live event in another form, encoded once for all who watch through `endpoint`. `form` tells the forms apart, and what happened. */
  sharedEvent(endpoint: object, form: string, encode: () => Buffer): Buffer {
    this.#events ??= new Map();
    let events = this.#events.get(endpoint);
    if (events === undefined) {
      events = new Map();
      this.#events.set(endpoint, events);
    }
    const event = events.get(form) ?? encode();
    events.set(form, event);
    this.#note();
    return event;
  }

  line(type: ChangeType): Buffer {
    const head = `{"type":"${type}","object":`;
    const bytes = Buffer.allocUnsafe(head.length + this.servedBytesMax + lineEnd.length);
    const end = this.copyTo(bytes, bytes.write(head, 0, "latin1"));
    return bytes.subarray(0, end + bytes.write(lineEnd, end, "latin1"));
  }
}

const isAt = (bytes: Buffer, key: Buffer, at: number): boolean =>
  at + key.length <= bytes.length && bytes.compare(key, 0, key.length, at, at + key.length) === 0;

/**
 * Past these fields of the metadata that begins at `start`, as far as it begins with them and doesn't end with them.
 * `bytes` end where the value does.
 */
function afterIdentity(bytes: Buffer, start: number): number {
  let at = start;
  for (const key of identity) {
    if (!isAt(bytes, key, at)) continue;
    let end = at + key.length;
    // Somebody else may have written it, and no JSON: then it has no end.
    while (end < bytes.length && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
    if (bytes[end + 1] !== comma) return at;
    at = end + 2;
  }
  return at;
}

function parse(value: Buffer, revision: bigint): AnyObject {
  const object = parseExact(value.toString("utf8")) as AnyObject;
  if (revision > 0n) (object.metadata ??= {}).resourceVersion = revision.toString();
  return object;
}

function withoutManagedFields(object: AnyObject): AnyObject {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _managers, ...metadata } = object.metadata;
  return Object.freeze({ ...object, metadata: Object.freeze(metadata) });
}

function withRevision(object: AnyObject, revision: bigint): AnyObject {
  return Object.freeze({
    ...object,
    metadata: Object.freeze({ ...object.metadata, resourceVersion: revision.toString() }),
  });
}

/** Seals an object of ours with the revision it was written at. A second call finds it sealed. */
export function withOwnRevision(object: AnyObject, revision: bigint): AnyObject {
  if (Object.isFrozen(object)) return object;
  (object.metadata ??= {}).resourceVersion = revision.toString();
  return sealed(object);
}

/**
 * The bytes the store keeps: kind, apiVersion, metadata first, its fields in the order of Go's struct, no
 * resourceVersion, no selfLink. `spec`, when given, is the object's spec in JSON, as it is written. Escaped as Go escapes,
 * and with what it writes of fields that nobody set: they are served as they are.
 */
export function encodeForStore(object: AnyObject, spec?: Buffer, zeros?: StructZeros): Buffer {
  const source = spec === undefined ? object : { ...object, spec: undefined };
  const { kind, apiVersion, metadata, ...rest } = (zeros?.written(source, "stored") ?? source) as AnyObject;
  const { managedFields, ...meta } = metadata ?? {};
  const head = unescapedJson({ kind, apiVersion, metadata: orderedMetadata(meta) });
  // Managed fields are often text already: they go in as they are.
  const managers = managedFields === undefined ? "" : managersText(managedFields, head.endsWith("{}}"));
  const start = head.slice(0, -2) + managers;
  if (spec === undefined) {
    const tail = unescapedJson(rest);
    return joined(escapedJson(`${start}${tail === "{}" ? "}" : "},"}${tail.slice(1)}`));
  }
  const [before, after] = aroundSpec(rest);
  return joined(escapedJson(`${start}}${before},"spec":`), spec, escapedJson(`${after}}`));
}

/** Strategies add to what clients have sent; the rest comes as it was read, in the struct's order. */
function orderedMetadata(metadata: ObjectMeta): ObjectMeta {
  const {
    name,
    generateName,
    namespace,
    uid,
    resourceVersion: _revision,
    selfLink: _link,
    ...after
  } = metadata;
  const { generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, ...rest } = after;
  return {
    name,
    generateName,
    namespace,
    uid,
    generation,
    creationTimestamp,
    deletionTimestamp,
    deletionGracePeriodSeconds,
    ...rest,
  };
}

/** The fields that come before and after the spec, each with a comma before it. */
function aroundSpec(fields: Readonly<Record<string, unknown>>): [before: string, after: string] {
  const texts: [string, string] = ["", ""];
  let side: 0 | 1 = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (name === "spec") side = 1;
    else if (value !== undefined) texts[side] += `,${JSON.stringify(name)}:${unescapedJson(value)}`;
  }
  return texts;
}

/** In memory of its own: a part of Node's shared pool would keep all of the pool for as long as the object lives. */
function joined(start: string, middle?: Buffer, end = ""): Buffer {
  const middleAt = Buffer.byteLength(start);
  const endAt = middleAt + (middle?.length ?? 0);
  const bytes = Buffer.allocUnsafeSlow(endAt + Buffer.byteLength(end));
  bytes.write(start, 0);
  if (middle === undefined) return bytes;
  bytes.set(middle, middleAt);
  bytes.write(end, endAt);
  return bytes;
}

function managersText(entries: readonly ManagedFieldsEntry[], isFirst: boolean): string {
  const texts = entries.map((entry) => writtenJson(entry) ?? JSON.stringify(entry));
  return `${isFirst ? "" : ","}"managedFields":[${texts.join(",")}]`;
}

/**
 * Frozen, so that nobody can change what all share: as a whole in development and tests. What is shipped has been tried
 * there, and freezes only what tells those it is given to that it is shared.
 */
export function sealed(object: AnyObject): AnyObject {
  if (isDevelopment) return deepFreeze(object);
  const { metadata } = object;
  if (metadata !== undefined) {
    if (metadata.managedFields !== undefined) Object.freeze(metadata.managedFields);
    Object.freeze(metadata);
  }
  return Object.freeze(object);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const key of Object.keys(value)) {
    // Sets of managed fields are many small objects, which only server-side apply looks at, and never changes.
    if (key !== "fieldsV1") deepFreeze((value as Readonly<Record<string, unknown>>)[key]);
  }
  return Object.freeze(value);
}

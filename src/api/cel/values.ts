/**
 * Values of CEL. int is a bigint, double a number; an error is a value, too (`Fault`), for `||` and `all` must be able to
 * look past it. upstream: cel-go common/types
 */
export const intMax = 2n ** 63n - 1n;
export const intMin = -(2n ** 63n);
export const uintMax = 2n ** 64n - 1n;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

export class Timestamp {
  /** Since 1970. */
  readonly nanos: bigint;
  /** Of the zone it was written in: how it is shown, not what it is. */
  readonly offsetSeconds: number;
  constructor(nanos: bigint, offsetSeconds = 0) {
    this.nanos = nanos;
    this.offsetSeconds = offsetSeconds;
  }
}

export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

export class TypeValue {
  readonly typeName: string;
  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

/** What went wrong while evaluating. */
export class Fault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export class Optional {
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}
export const noneOptional = new Optional(undefined);

/** Values of libraries: quantities, addresses, authorizers. */
export abstract class Opaque {
  abstract readonly typeName: string;
  abstract equals(other: Opaque): boolean;
}

export abstract class ListValue {
  abstract readonly size: number;
  /** `index` lies within. */
  abstract at(index: number): Value;
  /** Lists that are sets or maps by their schema have a `==` and a `+` of their own. */
  equals(other: ListValue): boolean | Fault {
    if (this.size !== other.size) return false;
    for (let index = 0; index < this.size; index += 1) {
      const same = equal(this.at(index), other.at(index));
      if (same !== true) return same;
    }
    return true;
  }
  concat(other: ListValue): ListValue {
    const size = this.size + other.size;
    return size <= copiedMax
      ? new ArrayList([...this.values(), ...other.values()])
      : new JoinedList(this, other);
  }
  *values(): Generator<Value> {
    for (let index = 0; index < this.size; index += 1) yield this.at(index);
  }
}

/** Longer sums of lists stay two lists: `+` must cost the same however long they are. */
const copiedMax = 64;

class JoinedList extends ListValue {
  readonly #first: ListValue;
  readonly #second: ListValue;
  readonly size: number;
  constructor(first: ListValue, second: ListValue) {
    super();
    this.#first = first;
    this.#second = second;
    this.size = first.size + second.size;
  }
  at(index: number): Value {
    const { size } = this.#first;
    return index < size ? this.#first.at(index) : this.#second.at(index - size);
  }
}

export class ArrayList extends ListValue {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): Value {
    return this.items[index] ?? null;
  }
}

export abstract class MapValue {
  abstract readonly size: number;
  /** undefined: no such key. */
  abstract find(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;
  /** Only objects of a declared type have a name of their own. */
  get typeName(): string {
    return "map";
  }
  equals(other: MapValue): boolean | Fault {
    if (this.size !== other.size) return false;
    for (const key of this.keys()) {
      const theirs = other.find(key);
      if (theirs === undefined) return false;
      const same = equal(this.find(key) ?? null, theirs);
      if (same !== true) return same;
    }
    return true;
  }
}

export class EntryMap extends MapValue {
  /** By `mapKey`, for 1, 1u and 1.0 are one key. */
  readonly entries: ReadonlyMap<string, readonly [Value, Value]>;
  readonly #typeName: string;
  constructor(entries: ReadonlyMap<string, readonly [Value, Value]>, typeName = "map") {
    super();
    this.entries = entries;
    this.#typeName = typeName;
  }
  get size(): number {
    return this.entries.size;
  }
  override get typeName(): string {
    return this.#typeName;
  }
  find(key: Value): Value | undefined {
    const text = mapKey(key);
    return text === undefined ? undefined : this.entries.get(text)?.[1];
  }
  *keys(): Generator<Value> {
    for (const [key] of this.entries.values()) yield key;
  }
}

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint
  | Uint8Array
  | Timestamp
  | Duration
  | TypeValue
  | ListValue
  | MapValue
  | Optional
  | Opaque
  | Fault;

export const isFault = (value: unknown): value is Fault => value instanceof Fault;

export const noSuchOverload = new Fault("no such overload");

export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "int";
    case "number":
      return "double";
    case "string":
      return "string";
    default:
  }
  if (value === null) return "null_type";
  if (value instanceof Uint) return "uint";
  if (value instanceof ListValue) return "list";
  if (value instanceof MapValue) return value.typeName;
  if (value instanceof Timestamp) return "google.protobuf.Timestamp";
  if (value instanceof Duration) return "google.protobuf.Duration";
  if (value instanceof TypeValue) return "type";
  if (value instanceof Optional) return "optional_type";
  if (value instanceof Opaque) return value.typeName;
  if (value instanceof Uint8Array) return "bytes";
  return "error";
}

const numberOf = (value: Value): bigint | number | undefined =>
  typeof value === "bigint" || typeof value === "number"
    ? value
    : value instanceof Uint
      ? value.value
      : undefined;

/** `==`: values of different types are unequal, but numbers are compared as numbers. */
export function equal(a: Value, b: Value): boolean | Fault {
  if (a === b) return !Number.isNaN(a);
  if (a instanceof Fault) return a;
  if (b instanceof Fault) return b;
  const left = numberOf(a);
  if (left !== undefined) {
    const right = numberOf(b);
    // Loosely: a bigint and a number are compared by what they amount to.
    // oxlint-disable-next-line eqeqeq
    return right !== undefined && left == right;
  }
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  if (a instanceof ListValue) return b instanceof ListValue && a.equals(b);
  if (a instanceof MapValue) return b instanceof MapValue && a.equals(b);
  return equalScalars(a, b);
}

function equalScalars(a: object, b: object): boolean | Fault {
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.typeName === b.typeName;
  if (a instanceof Opaque) return b instanceof Opaque && a.typeName === b.typeName && a.equals(b);
  return a instanceof Optional && b instanceof Optional && equalOptionals(a, b);
}

function equalOptionals(a: Optional, b: Optional): boolean | Fault {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value);
}

/** undefined: they can't be ordered. */
export function compare(a: Value, b: Value): -1 | 0 | 1 | Fault | undefined {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) {
    if (Number.isNaN(left) || Number.isNaN(right)) return new Fault("NaN values cannot be ordered");
    return orderOf(left, right);
  }
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return orderOf(Number(a), Number(b));
  if (a instanceof Timestamp && b instanceof Timestamp) return orderOf(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return orderOf(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return undefined;
}

const orderOf = (a: bigint | number, b: bigint | number): -1 | 0 | 1 => (a < b ? -1 : a > b ? 1 : 0);

const hasPairs = /[\ud800-\udfff]/;

/** By code points, as Go's bytes are ordered; UTF-16 would put pairs before U+E000. */
function compareText(a: string, b: string): -1 | 0 | 1 {
  if (!hasPairs.test(a) && !hasPairs.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Its code points. */
export const charsOf = (text: string): string[] => Array.from(text);

/** The number of code points. */
export function textSize(text: string): number {
  if (!hasPairs.test(text)) return text.length;
  let size = 0;
  for (const _ of text) size += 1;
  return size;
}

/** undefined: it has no size. */
export function sizeOf(value: Value): number | undefined {
  if (typeof value === "string") return textSize(value);
  if (value instanceof ListValue || value instanceof MapValue) return value.size;
  return value instanceof Uint8Array ? value.length : undefined;
}

/** Keys of maps: equal keys have the same text; undefined: it can't be a key. */
export function mapKey(key: Value): string | undefined {
  switch (typeof key) {
    case "string":
      return `s${key}`;
    case "bigint":
      return `n${key}`;
    case "boolean":
      return `b${String(key)}`;
    case "number":
      return Number.isInteger(key) ? `n${BigInt(key)}` : `d${key}`;
    default:
      return key instanceof Uint ? `n${key.value}` : undefined;
  }
}

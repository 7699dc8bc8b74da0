/** JSON as values of CEL, looked at only where an expression goes. upstream: apiserver/pkg/cel/common/values.go */
import { isNumber, isWrittenBigint, plainInt64 } from "#base/exact-json.ts";
import { ownValue } from "#base/own-value.ts";
import type { JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";
import { goTypeName, isList, isMap, jsonEqual, type JsonMap } from "../../patch/json-value.ts";
import { fullDate, localTime, rfc3339 } from "../../meta/go-time.ts";
import { parseWordedDuration } from "../../meta/worded-duration.ts";
import { readTimestamp } from "../time.ts";
import { Duration, equal, Fault, ListValue, MapValue, noSuchOverload, type Value } from "../values.ts";
import { escapeName, unescapeName } from "./escaping.ts";

/** Without a schema: whole numbers are ints, all else is what it looks like. */
export function dynamicValue(json: unknown): Value {
  switch (typeof json) {
    case "string":
    case "boolean":
    case "bigint":
      return json;
    case "number":
      return Number.isSafeInteger(json) ? BigInt(json) : json;
    default:
  }
  if (isList(json)) return new JsonList(json, dynamicValue);
  return isMap(json) ? new JsonMapValue(json) : null;
}

class JsonList extends ListValue {
  readonly items: readonly unknown[];
  readonly read: (json: unknown) => Value;
  constructor(items: readonly unknown[], read: (json: unknown) => Value) {
    super();
    this.items = items;
    this.read = read;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): Value {
    return this.read(this.items[index]);
  }
}

class JsonMapValue extends MapValue {
  readonly #map: JsonMap;
  constructor(map: JsonMap) {
    super();
    this.#map = map;
  }
  get size(): number {
    return Object.keys(this.#map).length;
  }
  find(key: Value): Value | undefined {
    if (typeof key !== "string") return undefined;
    const found = ownValue(this.#map, key);
    return found === undefined ? undefined : dynamicValue(found);
  }
  keys(): Iterable<Value> {
    return Object.keys(this.#map).filter((key) => this.#map[key] !== undefined);
  }
}

/** By its schema; a Fault where the two don't fit. `isResource`: its own metadata is to be seen, too. */
export function schemaValue(json: unknown, schema: JSONSchemaProps, isResource = false): Value {
  if (json === null || json === undefined) {
    return schema.nullable === true
      ? null
      : new Fault("invalid data, got null for schema with nullable=false");
  }
  if (schema["x-kubernetes-int-or-string"] === true) {
    return typeof json === "string" || isNumber(json)
      ? dynamicValue(json)
      : new Fault("invalid data, expected XIntOrString value to be either a string or integer");
  }
  switch (schema.type) {
    case "object":
      return objectValue(json, schema, isResource);
    case "array":
      return arrayValue(json, schema);
    case "string":
      return textValue(json, schema);
    default:
      return scalarValue(json, schema);
  }
}

function scalarValue(json: unknown, schema: JSONSchemaProps): Value {
  switch (schema.type) {
    case "number":
      return isNumber(json)
        ? Number(json)
        : new Fault(`invalid data, expected float, got ${goTypeName(json)}`);
    case "integer":
      return typeof json === "bigint" || (typeof json === "number" && Number.isSafeInteger(json))
        ? BigInt(json)
        : new Fault(`invalid data, expected int, got ${goTypeName(json)}`);
    case "boolean":
      return typeof json === "boolean"
        ? json
        : new Fault(`invalid data, expected bool, got ${goTypeName(json)}`);
    default:
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) return dynamicValue(json);
  return new Fault(
    `invalid type, expected object, array, number, integer, boolean or string, or no type with x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got ${schema.type ?? ""}`,
  );
}

const metaSchemas: Readonly<Record<string, JSONSchemaProps>> = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { type: "object", properties: { name: { type: "string" }, generateName: { type: "string" } } },
};

function objectValue(json: unknown, schema: JSONSchemaProps, isResource: boolean): Value {
  if (!isMap(json)) return new Fault("invalid data, expected a map for the provided schema with type=object");
  const isEmbedded = isResource || schema["x-kubernetes-embedded-resource"] === true;
  if (isEmbedded || schema.properties !== undefined) {
    const properties = schema.properties ?? {};
    return new ObjectValue(
      json,
      (key) => {
        if (isEmbedded && Object.hasOwn(metaSchemas, key)) return metaSchemas[key];
        return ownValue(properties, key);
      },
      true,
    );
  }
  const { additionalProperties } = schema;
  if (typeof additionalProperties === "object") {
    return new ObjectValue(json, () => additionalProperties, false);
  }
  if (schema["x-kubernetes-preserve-unknown-fields"] === true) {
    return new ObjectValue(json, () => undefined, false);
  }
  return new Fault(
    "invalid object type, expected either Properties or AdditionalProperties with Allows=true and non-empty Schema",
  );
}

class ObjectValue extends MapValue {
  readonly json: JsonMap;
  readonly #schemaOf: (key: string) => JSONSchemaProps | undefined;
  /** Properties have names that may need escaping; keys of a map are any text. */
  readonly #hasProperties: boolean;

  constructor(json: JsonMap, schemaOf: (key: string) => JSONSchemaProps | undefined, hasProperties: boolean) {
    super();
    this.json = json;
    this.#schemaOf = schemaOf;
    this.#hasProperties = hasProperties;
  }

  get size(): number {
    return Object.keys(this.json).length;
  }

  find(key: Value): Value | undefined {
    if (typeof key !== "string") return noSuchOverload;
    const name = this.#hasProperties ? unescapeName(key) : key;
    if (name === undefined) return undefined;
    const found = ownValue(this.json, name);
    if (found === undefined || (found === null && this.#hasProperties)) return undefined;
    const schema = this.#schemaOf(name);
    return schema === undefined ? undefined : schemaValue(found, schema);
  }

  *keys(): Generator<Value> {
    for (const key of Object.keys(this.json)) {
      if (this.#schemaOf(key) !== undefined) yield this.#hasProperties ? (escapeName(key) ?? key) : key;
    }
  }

  /** What no schema describes is compared as it is. */
  override equals(other: MapValue): boolean | Fault {
    if (this.size !== other.size) return false;
    for (const [key, json] of Object.entries(this.json)) {
      const same = this.#sameField(key, json, other);
      if (same !== true) return same;
    }
    return true;
  }

  #sameField(key: string, json: unknown, other: MapValue): boolean | Fault {
    const schema = this.#schemaOf(key);
    if (schema === undefined) {
      const theirs = other instanceof ObjectValue ? ownValue(other.json, key) : undefined;
      return theirs === undefined || jsonEqual(json, theirs);
    }
    const theirs = other.find(this.#hasProperties ? (escapeName(key) ?? key) : key);
    return theirs !== undefined && equal(schemaValue(json, schema), theirs);
  }
}

function arrayValue(json: unknown, schema: JSONSchemaProps): Value {
  if (!isList(json)) {
    return new Fault("invalid data, expected an array for the provided schema with type=array");
  }
  const { items } = schema;
  if (items === undefined || Array.isArray(items)) {
    return new Fault("invalid array type, expected Items with a non-empty Schema");
  }
  const valueOf = (item: unknown): Value => schemaValue(item, items);
  switch (schema["x-kubernetes-list-type"]) {
    case "map":
      return new MapList(json, valueOf, schema["x-kubernetes-list-map-keys"] ?? []);
    case "set":
      return new SetList(json, valueOf);
    default:
      return new JsonList(json, valueOf);
  }
}

/** The JSON that a value came from, or could have; of what has none the value itself, which is like no JSON. */
function jsonOf(value: Value): unknown {
  if (value instanceof ObjectValue) return value.json;
  if (value instanceof JsonList) return value.items;
  return typeof value === "bigint" ? plainInt64(value) : value;
}

const itemsOf = (list: ListValue): readonly unknown[] =>
  list instanceof JsonList ? list.items : Array.from(list.values(), jsonOf);

const keyOf = (json: unknown): string =>
  JSON.stringify(json, (_, value: unknown) => (isWrittenBigint(value) ? `${value.rawJSON}n` : value));

/** Order doesn't count; `+` joins by the keys, the right one's items winning. */
class MapList extends JsonList {
  readonly #keys: readonly string[];

  constructor(items: readonly unknown[], read: (json: unknown) => Value, keys: readonly string[]) {
    super(items, read);
    this.#keys = keys;
  }

  #keyOf(item: unknown): string {
    return keyOf(this.#keys.map((key) => (isMap(item) ? (ownValue(item, key) ?? null) : null)));
  }

  override equals(other: ListValue): boolean | Fault {
    const theirs = itemsOf(other);
    if (this.size !== theirs.length) return false;
    const byKey = new Map(this.items.map((item) => [this.#keyOf(item), item]));
    for (const [index, item] of theirs.entries()) {
      const key = this.#keyOf(item);
      if (!byKey.has(key)) return false;
      const same = equal(this.read(byKey.get(key)), other.at(index));
      if (same !== true) return same;
    }
    return true;
  }

  override concat(other: ListValue): ListValue {
    const merged = new Map(this.items.map((item) => [this.#keyOf(item), item]));
    for (const item of itemsOf(other)) merged.set(this.#keyOf(item), item);
    return new MapList([...merged.values()], this.read, this.#keys);
  }
}

/** Order doesn't count; `+` adds what isn't there yet. */
class SetList extends JsonList {
  override equals(other: ListValue): boolean | Fault {
    if (this.size !== other.size) return false;
    const own = new Set(this.items.map(keyOf));
    return itemsOf(other).every((item) => own.has(keyOf(item)));
  }

  override concat(other: ListValue): ListValue {
    const merged = new Map(this.items.map((item) => [keyOf(item), item]));
    for (const item of itemsOf(other)) {
      const key = keyOf(item);
      if (!merged.has(key)) merged.set(key, item);
    }
    return new SetList([...merged.values()], this.read);
  }
}

function textValue(json: unknown, { format }: JSONSchemaProps): Value {
  if (typeof json !== "string") return new Fault(`invalid data, expected string, got ${goTypeName(json)}`);
  switch (format) {
    case "duration": {
      const nanos = parseWordedDuration(json);
      return nanos === undefined
        ? new Fault(`Invalid duration ${json}: unable to parse ${json} as duration`)
        : new Duration(nanos);
    }
    case "date": {
      const day = readTimestamp(json, fullDate);
      return typeof day === "string" ? new Fault(`Invalid date formatted string ${json}: ${day}`) : day;
    }
    case "date-time": {
      const zoned = readTimestamp(json, rfc3339);
      const time = typeof zoned === "string" ? readTimestamp(json, localTime) : zoned;
      return typeof time === "string"
        ? new Fault(`Invalid date-time formatted string ${json}: ${time}`)
        : time;
    }
    case "byte":
      return Uint8Array.from(Buffer.from(json, "base64"));
    default:
      return json;
  }
}

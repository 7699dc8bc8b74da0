/**
 * JSON to objects of the API, as Go's decoder would take it: values checked against their types, unknown fields reported
 * and dropped, null and (where Go leaves them out) zero values dropped, fields in the order of their struct.
 */
import { goStringTypeOf, resourceList } from "../facts/go-types.ts";
import type { AnyObject } from "../meta/object.ts";
import { KeyOrders } from "../schema/key-orders.ts";
import type { FieldType, TypeTable } from "../schema/type-table.ts";
import { copyJson, setValue } from "../patch/json-value.ts";
import { Context } from "./context.ts";
import { DecodeError } from "./decode-error.ts";
import { decodeAsGo, type GoOutcome, type GoShape, type GoStruct } from "./go-decoder.ts";
import { keysWithin, parseJson, survey } from "./json-text.ts";
import { treeOfText, treeOfValue, type JsonNode } from "./json-tree.ts";
import { Plans, zeroValues, type FieldPlan } from "./plan.ts";
import { goScalarNames, namedStringReader, scalarReaders, selfReading } from "./scalars.ts";

export interface Decoded {
  readonly object: AnyObject;
  /** `unknown field "spec.foo"`, `duplicate field "spec.x"`: what fieldValidation warns of or refuses. */
  readonly strictFaults: readonly string[];
}

export interface DecodedValue extends Decoded {
  /** Their paths. */
  readonly unknownFields: readonly string[];
}

type Reader = (value: unknown, context: Context) => unknown;

interface FieldReader {
  readonly name: string;
  readonly read: Reader;
  readonly plan: FieldPlan;
}

interface StructReader extends GoStruct {
  readonly names: ReadonlySet<string>;
  readonly shapes: Map<string, GoShape>;
  fields: readonly FieldReader[];
  readonly orders: KeyOrders<ReadOrder>;
}

/** How to read what has just these fields in this order. */
interface ReadOrder {
  /** The struct's fields that it has or gets, in the struct's order. */
  readonly steps: readonly FieldReader[];
  /** Nothing is to be added or moved: where all fields are good as they are, so is the whole. */
  readonly isSettled: boolean;
}

const schemaProps = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

const schemaGoType = "v1.JSONSchemaProps";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const managedFieldsEntry = "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry";

/** No managers at all asks to forget them, which their absence doesn't; one empty entry asks for the same. */
const resetting =
  (read: Reader): Reader =>
  (value, context) =>
    isArray(value) && value.length === 0 ? [{}] : read(value, context);

type JsonObject = Record<string, unknown>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

interface Reading {
  readonly context: Context;
  /** What is read, in the order in which Go reads it. */
  readonly tree: () => JsonNode;
}

export class JsonDecoder {
  readonly #plans: Plans;
  readonly #readers = new Map<string, StructReader>();

  constructor(table: TypeTable) {
    this.#plans = new Plans(table);
  }

  /** Throws DecodeError with upstream's message. */
  decode(text: string, struct: string): Decoded {
    const value = parseJson(text);
    const { keys, hasFractions } = survey(text);
    const context = new Context(true, undefined, { text, hasFractions });
    const tree = (): JsonNode => treeOfText(text);
    const object = this.#readRoot(value, struct, { context, tree });
    // The same number of keys in text and value: no key was given twice.
    const isPlain = keys === context.keys && !context.hasUnknown;
    return { object, strictFaults: isPlain ? [] : this.#outcome(struct, tree).strictFaults };
  }

  /**
   * The same of a value: a patched object, or what YAML said. Nothing of it is shared with the result but raw JSON and
   * managed fields. What it shares with `known`, which was read already, is only copied.
   */
  fromValue(value: unknown, struct: string, known?: AnyObject): DecodedValue {
    const context = new Context(false, known);
    const tree = (): JsonNode => treeOfValue(value);
    const object = this.#readRoot(value, struct, { context, tree });
    if (!context.hasUnknown) return { object, strictFaults: [], unknownFields: [] };
    const { strictFaults, unknownFields } = this.#outcome(struct, tree);
    return { object, strictFaults, unknownFields };
  }

  #readRoot(value: unknown, struct: string, { context, tree }: Reading): AnyObject {
    const reader = this.#reader(struct);
    try {
      if (value !== null && !isObject(value)) throw context.mismatch(value, reader.goType);
      return readStruct(reader, value ?? {}, context);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const { message } = decodeAsGo(tree(), { kind: "struct", struct: reader }).error ?? error;
      const { mismatch } = error;
      throw new DecodeError(message, { cause: error, ...(mismatch === undefined ? {} : { mismatch }) });
    }
  }

  /** Throws DecodeError: of a key given twice the value that doesn't count may be of another type. */
  #outcome(struct: string, tree: () => JsonNode): GoOutcome {
    const outcome = decodeAsGo(tree(), { kind: "struct", struct: this.#reader(struct) });
    if (outcome.error !== undefined) throw outcome.error;
    return outcome;
  }

  #reader(name: string): StructReader {
    const known = this.#readers.get(name);
    if (known !== undefined) return known;
    const [plain = "", pkg = ""] = name.split(".").toReversed();
    const { fields } = this.#plans.plan(name);
    const reader: StructReader = {
      name: plain,
      goType: `${pkg}.${plain}`,
      names: new Set(fields.map(({ type }) => type.name)),
      shapes: new Map(),
      fields: [],
      orders: new KeyOrders(),
    };
    // Entered before its fields are made: structs may hold themselves.
    this.#readers.set(name, reader);
    reader.fields = fields.map((plan) => this.#field(plan, name));
    for (const { type } of fields) reader.shapes.set(type.name, this.#shape(type, name));
    return reader;
  }

  #field(plan: FieldPlan, struct: string): FieldReader {
    const { type } = plan;
    const goName = goNameOf(type, struct);
    const one = type.scalar === "string" && goName !== "string" ? namedStringReader(goName) : this.#one(type);
    const read = shaped(type, one, goTypeOf(type, goName));
    return { name: type.name, read: type.struct === managedFieldsEntry ? resetting(read) : read, plan };
  }

  #one(field: FieldType): Reader {
    if (field.struct !== undefined) return this.#structReader(field.struct);
    const { scalar } = field;
    if (scalar === undefined || scalar === "raw") return readRaw;
    if (scalar === "schemaOrArray") return this.#either(isArray, this.#schemas());
    if (scalar === "schemaOrBool") return this.#either((value) => typeof value === "boolean", readRaw);
    if (scalar === "schemaOrStrings") return this.#either(isArray, readStrings);
    return scalarReaders[scalar];
  }

  #shape(field: FieldType, struct: string): GoShape {
    const goName = goNameOf(field, struct);
    const one = this.#oneShape(field, goName);
    const goType = goTypeOf(field, goName);
    if (field.shape === "one") return one;
    if (field.shape === "list") return { kind: "list", goType, items: one };
    const list: GoShape = { kind: "list", goType: goType.slice("map[string]".length), items: one };
    return { kind: "map", goType, values: field.wrapped ? list : one };
  }

  #oneShape({ struct, scalar }: FieldType, goName: string): GoShape {
    if (struct !== undefined) return { kind: "struct", struct: this.#reader(struct) };
    if (scalar === undefined || scalar === "raw") return { kind: "raw" };
    const isNamed = scalar === "string" && goName !== "string";
    if (isNamed) return { kind: "scalar", read: namedStringReader(goName), readsItself: false };
    const strings: GoShape = { kind: "scalar", read: scalarReaders.string, readsItself: false };
    switch (scalar) {
      case "bytes":
        return { kind: "bytes" };
      case "schemaOrArray": {
        const map = this.#schemaShape();
        return { kind: "forms", map, list: { kind: "list", goType: `[]${schemaGoType}`, items: map } };
      }
      case "schemaOrBool":
        return { kind: "forms", map: this.#schemaShape(), isBool: true };
      case "schemaOrStrings":
        return {
          kind: "forms",
          map: this.#schemaShape(),
          list: { kind: "list", goType: "[]string", items: strings },
        };
      default:
        return { kind: "scalar", read: scalarReaders[scalar], readsItself: selfReading.has(scalar) };
    }
  }

  #schemaShape(): GoShape {
    return { kind: "struct", struct: this.#reader(schemaProps) };
  }

  #structReader(name: string): Reader {
    const reader = this.#reader(name);
    return (value, context) => {
      if (!isObject(value)) throw context.mismatch(value, reader.goType);
      return readStruct(reader, value, context);
    };
  }

  /** The other form where it is one, else a schema. */
  #either(isOther: (value: unknown) => boolean, other: Reader): Reader {
    return (value, context) =>
      isOther(value) ? other(value, context) : this.#structReader(schemaProps)(value, context);
  }

  /** Made late: the plan of a schema is under way when its own fields ask for this. */
  #schemas(): Reader {
    return (value, context) => readList(value as unknown[], this.#structReader(schemaProps), context, {});
  }
}

function goNameOf(field: FieldType, struct: string): string {
  if (field.struct !== undefined) return field.struct.split(".").slice(-2).join(".");
  if (field.scalar === undefined) return "";
  const named = goStringTypeOf.get(`${struct.slice(struct.lastIndexOf(".") + 1)}.${field.name}`);
  return field.scalar === "string" && named !== undefined ? named : goScalarNames[field.scalar];
}

function goTypeOf({ shape, wrapped, scalar }: FieldType, name: string): string {
  if (shape === "one") return name;
  if (shape === "list") return `[]${name}`;
  if (scalar === "quantity") return resourceList;
  return wrapped ? `map[string][]${name}` : `map[string]${name}`;
}

/** What a null among several stands for. */
function zeroOf({ scalar }: FieldType): unknown {
  if (scalar === undefined) return {};
  return scalar === "quantity" ? "0" : (zeroValues.get(scalar) ?? null);
}

function shaped(field: FieldType, one: Reader, goType: string): Reader {
  if (field.shape === "one") return one;
  const zero = zeroOf(field);
  if (field.shape === "list") return listReader(one, goType, zero);
  const value = field.wrapped ? listReader(one, goType.slice("map[string]".length), zero) : one;
  return (raw, context) => {
    if (!isObject(raw)) throw context.mismatch(raw, goType);
    return readMap(raw, value, field.wrapped ? [] : zero, context);
  };
}

function listReader(one: Reader, goType: string, zero: unknown): Reader {
  return (value, context) => {
    if (!isArray(value)) throw context.mismatch(value, goType);
    return readList(value, one, context, zero);
  };
}

function readStruct(reader: StructReader, raw: JsonObject, context: Context): AnyObject {
  const order = orderOf(reader, raw, context);
  if (order === undefined) return readAnyFields(reader, raw, context);
  return context.ownsValue && order.isSettled
    ? readInPlace(order, raw, context)
    : readFields(order.steps, {}, raw, context);
}

/** Undefined for what has a null or an unknown field. */
function orderOf(reader: StructReader, raw: JsonObject, context: Context): ReadOrder | undefined {
  const { names, orders } = reader;
  let order = orders.root;
  let keys = 0;
  for (const name in raw) {
    if (raw[name] === null || raw[name] === undefined) return undefined;
    let next = order.next(name);
    if (next === undefined) {
      if (!names.has(name)) return undefined;
      next = orders.after(order, name);
    }
    order = next;
    keys++;
  }
  context.keys += keys;
  return (order.made ??= makeOrder(reader, order.names()));
}

function makeOrder({ fields }: StructReader, given: readonly string[]): ReadOrder {
  const held = new Set(given);
  const steps = fields.filter(({ name, plan }) => held.has(name) || plan.fill() !== undefined);
  return {
    steps,
    isSettled: steps.length === given.length && steps.every(({ name }, at) => name === given[at]),
  };
}

/** The value itself, unless a field of it has to be another. */
function readInPlace({ steps }: ReadOrder, raw: JsonObject, context: Context): AnyObject {
  const { path } = context;
  for (let at = 0; at < steps.length; at++) {
    const { name, read, plan } = steps[at] as FieldReader;
    path.push(name);
    const value = raw[name];
    const result = read(value, context);
    path.pop();
    if (result === value && !plan.isOmitted(result)) continue;
    const object: AnyObject = {};
    for (const { name: before } of steps.slice(0, at)) object[before] = raw[before];
    if (!plan.isOmitted(result)) object[name] = result;
    return readFields(steps.slice(at + 1), object, raw, context);
  }
  return raw;
}

function readFields(
  steps: readonly FieldReader[],
  object: AnyObject,
  raw: JsonObject,
  context: Context,
): AnyObject {
  for (const step of steps) readField(step, object, raw, context);
  return object;
}

function readField(
  { name, read, plan }: FieldReader,
  object: AnyObject,
  raw: JsonObject,
  context: Context,
): void {
  const value = raw[name];
  if (value === undefined || value === null) {
    const filled = plan.fill();
    if (filled !== undefined) object[name] = filled;
    return;
  }
  const { known } = context;
  const before = known?.[name];
  const { struct } = plan.type;
  if (before === value && typeof value === "object" && struct !== objectMeta) {
    if (!plan.isOmitted(value)) object[name] = struct === managedFieldsEntry ? value : copyJson(value);
    return;
  }
  context.known = plan.type.shape === "one" && isObject(before) ? before : undefined;
  context.path.push(name);
  const result = read(value, context);
  context.path.pop();
  context.known = known;
  if (!plan.isOmitted(result)) object[name] = result;
}

function readAnyFields(reader: StructReader, raw: JsonObject, context: Context): AnyObject {
  context.keys += Object.keys(raw).length;
  const object = readFields(reader.fields, {}, raw, context);
  reportUnknown(reader, raw, context);
  return object;
}

function reportUnknown(reader: StructReader, raw: JsonObject, context: Context): void {
  for (const [key, value] of Object.entries(raw)) {
    if (reader.names.has(key)) continue;
    context.hasUnknown = true;
    context.keys += keysWithin(value);
  }
}

/** A null in a list or map is the zero value of its type in Go. */
function readList(values: readonly unknown[], one: Reader, context: Context, zero: unknown): unknown[] {
  const { path } = context;
  const list = context.ownsValue ? (values as unknown[]) : values.slice();
  for (let index = 0; index < list.length; index++) {
    const value = list[index];
    if (value === null && typeof zero !== "object") {
      list[index] = zero;
      continue;
    }
    path.push(index);
    list[index] = one(value ?? zero, context);
    path.pop();
  }
  return list;
}

function readMap(raw: JsonObject, one: Reader, zero: unknown, context: Context): JsonObject {
  const keys = Object.keys(raw);
  context.keys += keys.length;
  const isInOrder = isSorted(keys);
  if (!isInOrder) keys.sort();
  const object: JsonObject = context.ownsValue && isInOrder ? raw : {};
  for (const key of keys) {
    const value = raw[key];
    context.path.push(key);
    const read = value === null && typeof zero !== "object" ? zero : one(value ?? zero, context);
    context.path.pop();
    if (object === raw && read === value) continue;
    setValue(object, key, read);
  }
  return object;
}

/** As Go writes maps. What it begins with are the keys that JavaScript takes for numbers, and has before the others. */
function isSorted(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at++) {
    if ((keys[at - 1] as string) > (keys[at] as string)) return false;
  }
  return true;
}

function readRaw(value: unknown, context: Context): unknown {
  context.keys += keysWithin(value);
  return value;
}

function readStrings(value: unknown, context: Context): unknown {
  if (!isArray(value)) throw context.mismatch(value, "[]string");
  const wrong = value.find((item) => typeof item !== "string");
  if (wrong !== undefined) throw context.mismatch(wrong, "string");
  return value;
}

function isArray(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

/** Any JSON object: custom resources, whose schema is looked at elsewhere. Throws DecodeError. */
export function decodeAny(text: string): Decoded {
  const value = parseJson(text);
  if (value === null) return { object: {}, strictFaults: [] };
  const { keys } = survey(text);
  if (isObject(value) && keysWithin(value, text) === keys) return { object: value, strictFaults: [] };
  const any: GoShape = { kind: "map", goType: "map[string]interface {}", values: { kind: "any" } };
  const { error, strictFaults } = decodeAsGo(treeOfText(text), any);
  if (error !== undefined) throw error;
  return { object: value as AnyObject, strictFaults };
}

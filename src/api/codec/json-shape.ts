/**
 * JSON of no API type, but of a Go struct all the same: what old clients say in annotations. Read as Go reads it: names
 * fit in any case, null is nothing (the zero value in a list), and what the struct doesn't have is dropped.
 */
import { isNumber } from "#base/exact-json.ts";
import { parseQuantity, QuantityError } from "../meta/quantity.ts";
import { mismatchError } from "./context.ts";
import { DecodeError } from "./decode-error.ts";
import { parseJson } from "./json-text.ts";

/** Where a reader is. */
class Place {
  readonly path: (string | number)[] = [];
  /** Name of the innermost struct. */
  struct = "";

  mismatch(value: unknown, goType: string): DecodeError {
    const fields = this.path.filter((step) => typeof step === "string");
    return mismatchError({
      value,
      goType,
      isRead: false,
      number: String(value),
      struct: this.struct,
      fields,
    });
  }
}

type Scalar = "string" | "boolean";

export type Shape =
  | { readonly kind: Scalar | "quantity"; readonly goType: string }
  | { readonly kind: "integer"; readonly goType: string; readonly bits: 32 | 64 }
  | { readonly kind: "list"; readonly goType: string; readonly items: Shape }
  | { readonly kind: "map"; readonly goType: string; readonly items: Shape }
  | { readonly kind: "struct"; readonly goType: string; readonly fields: Readonly<Record<string, Shape>> };

export const string: Shape = { kind: "string", goType: "string" };
export const int32: Shape = { kind: "integer", goType: "int32", bits: 32 };
export const int64: Shape = { kind: "integer", goType: "int64", bits: 64 };
export const bool: Shape = { kind: "boolean", goType: "bool" };
/** As a text or a number. */
export const quantity: Shape = { kind: "quantity", goType: "resource.Quantity" };
export const named = (goType: string): Shape => ({ kind: "string", goType });
export const listOf = (items: Shape): Shape => ({ kind: "list", goType: `[]${items.goType}`, items });
export const mapOf = (items: Shape): Shape => ({ kind: "map", goType: `map[string]${items.goType}`, items });
/** `goType`: with its package, "core.Taint". `fields`: by their names in the API. */
export const structOf = (goType: string, fields: Readonly<Record<string, Shape>>): Shape => ({
  kind: "struct",
  goType,
  fields,
});

/** Undefined for null. Throws DecodeError, in Go's words, for what is no JSON or doesn't fit. */
export const readJson = (json: string, shape: Shape): unknown => valueOf(parseJson(json), shape, new Place());

/** Of an annotation, where it says anything. `fault` is told, in Go's words, why it can't be read; undefined then, too. */
export function readAnnotation(
  annotation: string | undefined,
  shape: Shape,
  fault: (why: string) => void,
): unknown {
  if (annotation === undefined || annotation === "") return undefined;
  try {
    return readJson(annotation, shape);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    fault(error.message);
    return undefined;
  }
}

function zeroOf({ kind }: Shape): unknown {
  switch (kind) {
    case "string":
      return "";
    case "boolean":
      return false;
    case "integer":
      return 0;
    case "quantity":
      return "0";
    case "list":
      return [];
    case "map":
    case "struct":
      return {};
  }
}

const isInteger = (value: unknown, bits: 32 | 64): boolean =>
  bits === 64
    ? typeof value === "bigint" || Number.isSafeInteger(value)
    : Number.isInteger(value) && Number(value) === (Number(value) | 0);

/** Throws DecodeError in the words of Go's own reader of quantities. */
function quantityText(value: string): string {
  try {
    parseQuantity(value);
    return value;
  } catch (error) {
    if (!(error instanceof QuantityError)) throw error;
    throw new DecodeError(error.message, { cause: error });
  }
}

function valueOf(value: unknown, shape: Shape, context: Place): unknown {
  if (value === null) return undefined;
  switch (shape.kind) {
    case "list":
      return itemsOf(value, shape, context);
    case "map":
    case "struct":
      return entriesOf(value, shape, context);
    case "quantity":
      if (isNumber(value)) return String(value);
      if (typeof value !== "string") throw context.mismatch(value, shape.goType);
      return quantityText(value);
    case "integer":
      if (!isInteger(value, shape.bits)) throw context.mismatch(value, shape.goType);
      return value;
    default:
      if (typeof value !== shape.kind) throw context.mismatch(value, shape.goType);
      return value;
  }
}

function itemsOf(value: unknown, shape: Shape & { kind: "list" }, context: Place): unknown[] {
  if (!Array.isArray(value)) throw context.mismatch(value, shape.goType);
  const { items } = shape;
  return value.map((item: unknown, index) => within(index, item, items, context) ?? zeroOf(items));
}

function entriesOf(
  value: unknown,
  shape: Shape & { kind: "map" | "struct" },
  context: Place,
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw context.mismatch(value, shape.goType);
  }
  const found: [name: string, value: unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (shape.kind === "map") {
      found.push([key, valueOf(item, shape.items, context) ?? zeroOf(shape.items)]);
      continue;
    }
    const name = Object.keys(shape.fields).find((field) => field.toLowerCase() === key.toLowerCase());
    const field = name === undefined ? undefined : shape.fields[name];
    if (name === undefined || field === undefined) continue;
    const before = context.struct;
    context.struct = shape.goType.slice(shape.goType.indexOf(".") + 1);
    const read = within(goNameOf(name), item, field, context);
    context.struct = before;
    if (read !== undefined) found.push([name, read]);
  }
  return Object.fromEntries(found);
}

function within(step: string | number, value: unknown, shape: Shape, context: Place): unknown {
  context.path.push(step);
  const read = valueOf(value, shape, context);
  context.path.pop();
  return read;
}

const goNameOf = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Messages of protobuf as lists of what is in them, for documents that are written once. */
import { isNumber } from "#base/exact-json.ts";
import { Writer } from "#api/codec/protobuf/writer.ts";
import type { Schema } from "./schemas.ts";

/** A field of a message by its number: a number is a double, a bigint an int64; absent values aren't written. */
export type Part = readonly [
  id: number,
  value: string | boolean | number | bigint | readonly Part[] | undefined,
];

export function encodeParts(parts: readonly Part[]): Buffer {
  const writer = new Writer();
  writeParts(writer, parts);
  return writer.take();
}

const varintType = 0;
const doubleType = 1;
const lengthType = 2;

function writeParts(writer: Writer, parts: readonly Part[]): void {
  for (const [id, value] of parts.toReversed()) {
    if (value !== undefined) writer.varint(id * 8 + writeValue(writer, value));
  }
}

/** How it was written, as a field's number tells. */
function writeValue(writer: Writer, value: NonNullable<Part[1]>): number {
  switch (typeof value) {
    case "boolean":
      writer.byte(value ? 1 : 0);
      return varintType;
    case "bigint":
      writer.signed(value);
      return varintType;
    case "number":
      writer.double(value);
      return doubleType;
    default: {
      const mark = writer.mark;
      if (typeof value === "string") writer.text(value);
      else writeParts(writer, value);
      writer.varint(writer.mark - mark);
      return lengthType;
    }
  }
}

// What is zero isn't written.
export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
export const flag = (value: unknown): true | undefined => (value === true ? true : undefined);
export const double = (value: unknown): number | undefined =>
  isNumber(value) && value !== 0 ? Number(value) : undefined;
export const integer = (value: unknown): bigint | undefined =>
  typeof value === "bigint"
    ? value
    : typeof value === "number" && value !== 0
      ? BigInt(Math.trunc(value))
      : undefined;
export const texts = (id: number, values: unknown): Part[] =>
  Array.isArray(values) ? (values as string[]).map((value): Part => [id, value]) : [];

/** A name and what goes by it, as every map of this format is kept. */
export const named = (
  id: number,
  values: Readonly<Record<string, unknown>>,
  part: (value: Schema) => Part[],
): Part[] =>
  Object.entries(values).map(([name, value]): Part => [
    id,
    [
      [1, name],
      [2, part(value as Schema)],
    ],
  ]);

/** Any value as gnostic keeps it: YAML text (JSON is YAML). */
const anyParts = (value: unknown): Part[] => [[2, JSON.stringify(value)]];
export const anything = (id: number, value: unknown): Part => [
  id,
  value === undefined ? undefined : anyParts(value),
];
export const anythings = (id: number, values: unknown): Part[] =>
  Array.isArray(values) ? values.map((value): Part => [id, anyParts(value)]) : [];

export const extensions = (id: number, schema: Schema): Part[] =>
  named(
    id,
    Object.fromEntries(
      Object.entries(schema).filter(([name, value]) => name.startsWith("x-") && value !== undefined),
    ),
    anyParts,
  );

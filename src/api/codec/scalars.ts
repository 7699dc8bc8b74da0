/** Scalars of the API as JSON holds them: what fits, what is written instead, what Go calls it. */
import { isNumber } from "#base/exact-json.ts";
import { parseGoDuration } from "../meta/duration.ts";
import {
  formatGoMicroTime,
  formatGoTime,
  parseGoTime,
  rfc3339,
  rfc3339Micro,
  TimeError,
  type GoTime,
  type TimeLayout,
} from "../meta/go-time.ts";
import { parseQuantity } from "../meta/quantity.ts";
import type { ScalarType } from "../schema/type-table.ts";
import type { ScalarContext } from "./context.ts";
import { DecodeError } from "./decode-error.ts";

export type ScalarReader = (value: unknown, context: ScalarContext) => unknown;

const int32Max = 2 ** 31 - 1;

function readString(value: unknown, context: ScalarContext): unknown {
  if (typeof value !== "string") throw context.mismatch(value, "string");
  return value;
}

/** Of a string that has a type of its own in Go. */
export const namedStringReader =
  (goType: string): ScalarReader =>
  (value, context) => {
    if (typeof value !== "string") throw context.mismatch(value, goType);
    return value;
  };

function readBool(value: unknown, context: ScalarContext): unknown {
  if (typeof value !== "boolean") throw context.mismatch(value, "bool");
  return value;
}

const isInt32 = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value <= int32Max && value >= -int32Max - 1;

function readInt32(value: unknown, context: ScalarContext): unknown {
  if (!isInt32(value) || !context.isWhole) throw context.mismatch(value, "int32");
  return value;
}

/** What is larger than a safe integer and yet a number was written with an exponent, or is no int64. */
function readInt64(value: unknown, context: ScalarContext): unknown {
  const isInt64 = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!isInt64 || !context.isWhole) throw context.mismatch(value, "int64");
  return value;
}

function readDouble(value: unknown, context: ScalarContext): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number" || !Number.isFinite(value)) throw context.mismatch(value, "float64");
  return value;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function readBytes(value: unknown, context: ScalarContext): unknown {
  if (Array.isArray(value)) return bytesOf(value, context);
  if (typeof value !== "string") throw context.mismatch(value, "[]uint8");
  if (base64.test(value)) return value;
  // Go takes line breaks inside; what it writes back has none.
  const plain = value.replace(/[\r\n]/g, "");
  if (base64.test(plain)) return plain;
  throw new DecodeError(`illegal base64 data at input byte ${base64FaultAt(value)}`);
}

const byteMax = 255;

/** A list of numbers is bytes to Go, too. */
const bytesOf = (items: readonly unknown[], context: ScalarContext): string =>
  Buffer.from(items.map((item) => readByte(item ?? 0, context))).toString("base64");

/** An item of such a list. */
export function readByte(value: unknown, context: ScalarContext): number {
  const isByte = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= byteMax;
  if (!isByte || !context.isWhole) throw context.mismatch(value, "uint8");
  return value;
}

/** upstream: Go's encoding/base64 decodeQuantum */
function base64FaultAt(text: string): number {
  let quantum = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\r" || char === "\n") continue;
    if (/^[A-Za-z0-9+/]$/.test(char)) quantum = (quantum + 1) % 4;
    else return char === "=" ? paddingFaultAt(text, at, quantum) : at;
  }
  return text.length - quantum;
}

function paddingFaultAt(text: string, at: number, quantum: number): number {
  if (quantum < 2) return at;
  let next = nextAt(text, at + 1);
  if (quantum === 2) {
    if (next === text.length) return next;
    if (text[next] !== "=") return next - 1;
    next = nextAt(text, next + 1);
  }
  return next;
}

/** Behind line breaks. */
function nextAt(text: string, from: number): number {
  let at = from;
  while (text[at] === "\r" || text[at] === "\n") at++;
  return at;
}

/** Of a number it is the text that counts. */
function readQuantity(value: unknown, context: ScalarContext): unknown {
  if (typeof value === "string") return parseQuantityText(value.trim());
  return parseQuantityText(isNumber(value) ? context.numberText(value) : JSON.stringify(value));
}

const plainQuantity = /^\d{1,15}(?:[mkMGT]|[KMGT]i)?$/;

function parseQuantityText(text: string): string {
  if (plainQuantity.test(text)) return text;
  try {
    parseQuantity(text);
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  return text;
}

function readIntOrString(value: unknown, context: ScalarContext): unknown {
  if (typeof value === "string") return value;
  if (isInt32(value) && context.isWhole) return value;
  throw context.mismatch(value, "int32", true);
}

const utcSeconds = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const utcMicros = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;

function timeOf(text: string, layout: TimeLayout): GoTime {
  try {
    return parseGoTime(text, layout);
  } catch (error) {
    throw error instanceof TimeError ? new DecodeError(error.message, { cause: error }) : error;
  }
}

/** Always UTC and whole seconds: what Go writes back. */
function readTime(value: unknown, context: ScalarContext): unknown {
  if (typeof value !== "string") throw context.mismatch(value, "string", true);
  return utcSeconds.test(value) ? value : formatGoTime(timeOf(value, rfc3339).seconds);
}

function readMicroTime(value: unknown, context: ScalarContext): unknown {
  if (typeof value !== "string") throw context.mismatch(value, "string", true);
  if (utcMicros.test(value)) return value;
  const { seconds, nanos } = timeOf(value, rfc3339Micro);
  return formatGoMicroTime(seconds, nanos);
}

function readDuration(value: unknown, context: ScalarContext): unknown {
  if (typeof value !== "string") throw context.mismatch(value, "string", true);
  try {
    parseGoDuration(value);
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  return value;
}

export const scalarReaders: Readonly<
  Record<Exclude<ScalarType, "raw" | "schemaOrArray" | "schemaOrBool" | "schemaOrStrings">, ScalarReader>
> = {
  string: readString,
  bool: readBool,
  int32: readInt32,
  int64: readInt64,
  double: readDouble,
  bytes: readBytes,
  quantity: readQuantity,
  intOrString: readIntOrString,
  time: readTime,
  microTime: readMicroTime,
  duration: readDuration,
};

/** What they refuse ends a decoding. */
export const selfReading: ReadonlySet<ScalarType> = new Set<ScalarType>([
  "quantity",
  "intOrString",
  "time",
  "microTime",
  "duration",
]);

export const goScalarNames: Readonly<Record<ScalarType, string>> = {
  string: "string",
  bool: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  time: "v1.Time",
  microTime: "v1.MicroTime",
  duration: "v1.Duration",
  raw: "runtime.RawExtension",
  schemaOrArray: "v1.JSONSchemaPropsOrArray",
  schemaOrBool: "v1.JSONSchemaPropsOrBool",
  schemaOrStrings: "v1.JSONSchemaPropsOrStringArray",
};

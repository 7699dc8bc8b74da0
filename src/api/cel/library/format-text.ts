/** string.format, in the locale en_US. upstream: cel-go ext/formatting.go */
import { toText } from "../conversions.ts";
import { formatDouble } from "../number-text.ts";
import {
  Duration,
  Fault,
  ListValue,
  MapValue,
  Timestamp,
  typeNameOf,
  TypeValue,
  Uint,
  type Value,
} from "../values.ts";
import { quote } from "./quote.ts";

export class FormatError extends Error {
  /** Of the argument that doesn't fit, where expressions are checked. */
  readonly offset: number | undefined;

  constructor(message: string, offset?: number) {
    super(message);
    this.offset = offset;
  }
}

const defaultPrecision = 6;
/** As cel-go bounds it since it was found that a large one takes all memory. */
const precisionMax = 1000;

export interface Clauses {
  /** How many arguments there are. */
  readonly size: number;
  /** Whether they are asked for before the end of the text is seen. */
  readonly asksFirst: boolean;
  format(verb: string, precision: number, index: number): string;
}

/** Throws FormatError. upstream: cel-go ext/formatting.go parseFormatString */
export function formatWith(text: string, clauses: Clauses): string {
  let built = "";
  let index = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char !== "%") {
      built += char;
    } else if (text[at + 1] === "%") {
      built += "%";
      at += 1;
    } else {
      const { verb, precision, length } = clauseAt(text.slice(at + 1), clauses, index);
      built += clauses.format(verb, precision, index);
      index += 1;
      at += length;
    }
  }
  return built;
}

interface ReadClause {
  readonly verb: string;
  readonly precision: number;
  readonly length: number;
}

function clauseAt(rest: string, { size, asksFirst }: Clauses, index: number): ReadClause {
  const isLacking = index >= size;
  if (rest === "" && !(isLacking && asksFirst)) throw new FormatError("unexpected end of string");
  if (isLacking) throw new FormatError(`index ${index} out of range`);
  const [written = "", digits, verb = ""] = /^(?:\.(\d*))?(.)?/su.exec(rest) ?? [];
  const precision = precisionOf(digits, verb);
  if (formats[verb] === undefined) throw unreadable(`unrecognized formatting clause "${verb}"`);
  return { verb, precision, length: written.length };
}

const unreadable = (why: string): FormatError => new FormatError(`could not parse formatting clause: ${why}`);

function precisionOf(digits: string | undefined, verb: string): number {
  if (digits === undefined) return defaultPrecision;
  const fault = "error while parsing precision: ";
  if (verb === "") throw unreadable(`${fault}could not find end of precision specifier`);
  if (digits === "") {
    throw unreadable(
      `${fault}error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax`,
    );
  }
  const precision = Number(digits);
  if (precision > precisionMax) {
    throw new FormatError(`precision of ${precision} exceeds the limit of ${precisionMax}`);
  }
  return precision;
}

export function formatText(text: string, args: ListValue): Value {
  try {
    return formatWith(text, { size: args.size, asksFirst: true, format: formatting(args) });
  } catch (error) {
    if (error instanceof FormatError) return new Fault(error.message);
    throw error;
  }
}

const formatting =
  (args: ListValue): Clauses["format"] =>
  (verb, precision, index) => {
    const arg = args.at(index);
    const formatted = formats[verb]?.(arg, precision);
    if (formatted === undefined) throw unfitting(verb, typeNameOf(arg));
    return formatted;
  };

export const unfitting = (verb: string, typeName: string, offset?: number): FormatError =>
  new FormatError(`error during formatting: ${complaints[verb] ?? ""}, was given ${typeName}`, offset);

const complaints: Readonly<Record<string, string>> = {
  s: "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps",
  d: "decimal clause can only be used on integers",
  f: "fixed-point clause can only be used on doubles",
  e: "scientific clause can only be used on doubles",
  b: "only integers and bools can be formatted as binary",
  x: "only integers, byte buffers, and strings can be formatted as hex",
  X: "only integers, byte buffers, and strings can be formatted as hex",
  o: "octal clause can only be used on integers",
};

/** undefined: not a value this clause takes. */
type Clause = (value: Value, precision: number) => string | undefined;

const wholeOf = (value: Value): bigint | undefined =>
  typeof value === "bigint" ? value : value instanceof Uint ? value.value : undefined;

const inBase =
  (base: number): Clause =>
  (value) =>
    wholeOf(value)?.toString(base);

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const hex: Clause = (value) => {
  if (typeof value === "string") return hexOf(new TextEncoder().encode(value));
  return value instanceof Uint8Array ? hexOf(value) : inBase(16)(value, 0);
};

/** Doubles, and the names of those that have no digits. */
function doubleOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (value === "NaN") return NaN;
  return value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : undefined;
}

const special = (value: number): string => (Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "-∞");

const fixed: Clause = (value, precision) => {
  const number = doubleOf(value);
  if (number === undefined) return undefined;
  if (!Number.isFinite(number)) return special(number);
  const [whole = "", fraction] = fixedText(number, precision).split(".");
  const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
};

/** toFixed knows 100 digits only, and none beyond 1e21. */
function fixedText(value: number, precision: number): string {
  const digits = Math.min(precision, 100);
  const text =
    Math.abs(value) < 1e21
      ? value.toFixed(digits)
      : `${BigInt(value)}${digits === 0 ? "" : `.${"0".repeat(digits)}`}`;
  return text + "0".repeat(precision - digits);
}

const superscripts = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];

const scientific: Clause = (value, precision) => {
  const number = doubleOf(value);
  if (number === undefined) return undefined;
  if (!Number.isFinite(number)) return special(number);
  const digits = Math.min(precision, 100);
  const [mantissa = "", exponent = "0"] = number.toExponential(digits).split("e");
  const power = Array.from(String(Math.abs(Number(exponent))).padStart(2, "0")).map(
    (digit) => superscripts[Number(digit)],
  );
  const sign = Number(exponent) < 0 ? "⁻" : "";
  return `${mantissa}${"0".repeat(precision - digits)}\u202f×\u202f10${sign}${power.join("")}`;
};

const asText: Clause = (value) => {
  if (value instanceof ListValue || value instanceof MapValue) return nested(value);
  if (value === null) return "null";
  const text = toText(value);
  return typeof text === "string" ? text : undefined;
};

const formats: Readonly<Record<string, Clause>> = {
  s: asText,
  d: (value) => wholeOf(value)?.toString(),
  f: fixed,
  e: scientific,
  b: (value) => (typeof value === "boolean" ? String(Number(value)) : inBase(2)(value, 0)),
  x: hex,
  X: (value, precision) => hex(value, precision)?.toUpperCase(),
  o: inBase(8),
};

/** Values within lists and maps are written as they are in CEL. */
function nested(value: Value): string {
  if (value instanceof ListValue) return `[${[...value.values()].map(nested).join(", ")}]`;
  if (value instanceof MapValue) {
    const pairs = [...value.keys()].map((key) => `${nested(key)}:${nested(value.find(key) ?? null)}`);
    return `{${pairs.toSorted().join(", ")}}`;
  }
  if (typeof value === "string") return quote(value);
  if (value instanceof Uint8Array) return `b${quote(Buffer.from(value).toString())}`;
  if (typeof value === "number") {
    return Number.isFinite(value) ? fixedText(value, defaultPrecision) : quote(formatDouble(value));
  }
  const text = asText(value, defaultPrecision);
  if (text === undefined) throw new FormatError(`no formatting function for ${typeNameOf(value)}`);
  if (value instanceof Timestamp) return `timestamp(${quote(text)})`;
  if (value instanceof Duration) return `duration(${quote(text)})`;
  return value instanceof TypeValue ? value.typeName : text;
}

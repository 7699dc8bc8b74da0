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

class FormatError extends Error {}

const defaultPrecision = 6;
/** As cel-go bounds it since it was found that a large one takes all memory. */
const precisionMax = 1000;

export function formatText(text: string, args: ListValue): Value {
  try {
    return new Formatter(text, args).run();
  } catch (error) {
    if (error instanceof FormatError) return new Fault(error.message);
    throw error;
  }
}

class Formatter {
  readonly #text: string;
  readonly #args: ListValue;
  #next = 0;

  constructor(text: string, args: ListValue) {
    this.#text = text;
    this.#args = args;
  }

  run(): string {
    let built = "";
    for (let at = 0; at < this.#text.length; at += 1) {
      if (this.#text[at] !== "%") {
        built += this.#text[at] ?? "";
        continue;
      }
      const [clause = "", precision, verb = ""] = /^%(\.\d+)?(.)?/s.exec(this.#text.slice(at)) ?? [];
      if (verb === "") throw new FormatError("unexpected end of string");
      built += verb === "%" && precision === undefined ? "%" : this.#clause(verb, precision);
      at += clause.length - 1;
    }
    return built;
  }

  #clause(verb: string, precisionText: string | undefined): string {
    const precision = precisionText === undefined ? defaultPrecision : Number(precisionText.slice(1));
    if (precision > precisionMax) {
      throw new FormatError(`precision of ${precision} exceeds the limit of ${precisionMax}`);
    }
    const format = clauses[verb];
    if (format === undefined) {
      throw new FormatError(
        `could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb)}`,
      );
    }
    if (this.#next >= this.#args.size) throw new FormatError(`index ${this.#next} out of range`);
    const arg = this.#args.at(this.#next);
    this.#next += 1;
    const formatted = format(arg, precision);
    if (formatted === undefined) {
      throw new FormatError(
        `error during formatting: ${complaints[verb] ?? ""}, was given ${typeNameOf(arg)}`,
      );
    }
    return formatted;
  }
}

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

const clauses: Readonly<Record<string, Clause>> = {
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

/** Whole numbers of any length, as Go's strconv reads them, with its words. upstream: Go's strconv (ParseInt, ParseUint) */
import { goQuote } from "./go-quote.ts";

/** More than any of 64 bits has, and quickly made a number: of more, the time grows faster than they do. */
const digitsMax = 21;

/** Undefined: not a whole number. One beyond all bounds isn't exact. */
export function wholeOf(text: string, isSigned: boolean): bigint | undefined {
  const [, sign, digits = ""] = (isSigned ? /^([+-]?)(\d+)$/ : /^()(\d+)$/).exec(text) ?? [];
  if (sign === undefined) return undefined;
  const value = BigInt(digits.replace(/^0+/, "").slice(0, digitsMax));
  return sign === "-" ? -value : value;
}

/** A text: why it is no int64. */
export function parseInt64(text: string): bigint | string {
  const value = wholeOf(text, true);
  return value !== undefined && BigInt.asIntN(64, value) === value ? value : refusal("Int", text, value);
}

/** A text: why it is no uint64. */
export function parseUint64(text: string): bigint | string {
  const value = wholeOf(text, false);
  return value !== undefined && BigInt.asUintN(64, value) === value ? value : refusal("Uint", text, value);
}

function refusal(type: "Int" | "Uint", text: string, value: bigint | undefined): string {
  const why = value === undefined ? "invalid syntax" : "value out of range";
  return `strconv.Parse${type}: parsing ${goQuote(text)}: ${why}`;
}

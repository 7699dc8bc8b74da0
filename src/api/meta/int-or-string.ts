/**
 * Values that are a number or a percentage of something.
 * upstream: apimachinery/pkg/util/intstr/intstr.go
 */
import { goQuote } from "./go-quote.ts";

export type IntOrString = number | string;

export class IntOrStringError extends Error {
  override readonly name = "IntOrStringError";
  readonly code = "INT_OR_STRING";
}

/** Of "25%" 25, of anything else undefined. */
export function percentOf(value: IntOrString): number | undefined {
  const [, digits] = /^(\d+)%$/.exec(String(value)) ?? [];
  return typeof value === "string" && digits !== undefined ? Number(digits) : undefined;
}

/** The number itself, or the percentage of `total`, rounded as asked. Throws IntOrStringError. */
export function scaledValue(value: IntOrString, total: number, round: "up" | "down"): number {
  if (typeof value === "number") return value;
  const percent = percentOf(value);
  if (percent === undefined) {
    throw new IntOrStringError(
      `invalid value for IntOrString: invalid type: ${
        value.endsWith("%") ? `invalid value ${goQuote(value.slice(0, -1))}` : "string is not a percentage"
      }`,
    );
  }
  const exact = (percent * total) / 100;
  return round === "up" ? Math.ceil(exact) : Math.floor(exact);
}

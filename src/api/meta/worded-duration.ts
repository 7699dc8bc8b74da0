/** Durations in words, "3 days". upstream: kube-openapi/pkg/validation/strfmt/duration.go */
import { endOf } from "#base/trim.ts";
import { DurationError, parseGoDuration } from "./duration.ts";
import { parseInt64 } from "./go-integer.ts";

const second = 1_000_000_000n;
const units: readonly (readonly [RegExp, bigint])[] = [
  [/^(?:ns|nano.*)$/i, 1n],
  [/^(?:us|µs|micro.*)$/i, 1000n],
  [/^(?:ms|milli.*)$/i, 1_000_000n],
  [/^(?:s|sec.*)$/i, second],
  [/^(?:m|min.*)$/i, 60n * second],
  [/^(?:h|hr|hour.*)$/i, 3600n * second],
  [/^(?:d|day.*)$/i, 86_400n * second],
  [/^(?:w|wk|week.*)$/i, 604_800n * second],
];

interface Amount {
  readonly digits: string;
  readonly word: string;
}

/** Where a number stands before letters, with or without space between. */
function amountsIn(text: string): Amount[] {
  let end = 0;
  const found: Amount[] = [];
  for (const { 0: word, index } of text.matchAll(/[A-Za-zµ]+/g)) {
    const before = text.slice(end, index);
    const space = endOf(before, /[\t\n\f\r ]/);
    const digits = endOf(before.slice(0, before.length - space.length), /\d/);
    if (digits !== "") found.push({ digits, word });
    end = index + word.length;
  }
  return found;
}

/** Nanoseconds of Go's durations, or of all numbers in a text that have a unit behind them; undefined where none has. */
export function parseWordedDuration(text: string): bigint | undefined {
  try {
    return parseGoDuration(text);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
  }
  let total: bigint | undefined;
  for (const { digits, word } of amountsIn(text)) {
    const amount = parseInt64(digits);
    if (typeof amount === "string") return undefined;
    const unit = units.find(([pattern]) => pattern.test(word))?.[1];
    if (unit !== undefined) total = BigInt.asIntN(64, (total ?? 0n) + amount * unit);
  }
  return total;
}

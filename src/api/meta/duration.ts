/**
 * Durations as Go writes them ("1h30m0s") and as tables show them ("5d2h").
 * upstream: Go's time package, apimachinery/pkg/util/duration/duration.go
 */
import { parseTime } from "#base/clock.ts";
import { quoteBytes } from "./go-quote.ts";

export class DurationError extends Error {
  override readonly name = "DurationError";
  readonly code = "DURATION";
}

const nanosPerUnit: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", 1_000_000_000n],
  ["m", 60_000_000_000n],
  ["h", 3_600_000_000_000n],
]);

const durationFault = (text: string, why = "invalid"): DurationError =>
  new DurationError(`time: ${why} duration ${quoteBytes(text)}`);

/** Of 64 bits; of what comes behind the point more means nothing, as hours have 13 digits of nanoseconds. */
const wholeDigitsMax = 19;
const fractionDigitsMax = 18;

function partNanos(text: string, [, whole = "", digits = "", unitName = ""]: readonly string[]): bigint {
  const fraction = digits.slice(0, fractionDigitsMax);
  if (whole === "" && fraction === "") throw durationFault(text);
  if (whole.replace(/^0+/, "").length > wholeDigitsMax) throw durationFault(text);
  if (unitName === "") throw durationFault(text, "missing unit in");
  const unit = nanosPerUnit.get(unitName);
  if (unit === undefined) throw durationFault(text, `unknown unit ${quoteBytes(unitName)} in`);
  const rest = fraction === "" ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
  return BigInt(whole === "" ? 0 : whole) * unit + rest;
}

/** Nanoseconds of "1h2m3.5s". Throws DurationError. */
export function parseGoDuration(text: string): bigint {
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return 0n;
  if (body === "") throw durationFault(text);
  let total = 0n;
  let at = 0;
  for (const match of body.matchAll(/(\d*)(?:\.(\d*))?([^\d.]*)/gy)) {
    if (match[0] === "") break;
    total += partNanos(text, match);
    at += match[0].length;
  }
  const nanos = text.startsWith("-") ? -total : total;
  if (at !== body.length || BigInt.asIntN(64, nanos) !== nanos) throw durationFault(text);
  return nanos;
}

/** The longest that fits into int64 nanoseconds. */
const durationSecondsMax = 9_223_372_036;

/** Milliseconds of so many seconds, as Go holds them in a time.Duration: a longer one has come round. */
export function secondsMs(seconds: number | bigint): number {
  if (seconds >= -durationSecondsMax && seconds <= durationSecondsMax) return Number(seconds) * 1000;
  return Number(BigInt.asIntN(64, BigInt(seconds) * 1_000_000_000n) / 1_000_000n);
}

export const goDurationMs = (text: string): number => Number(parseGoDuration(text) / 1_000_000n);

/** upstream's Duration.String(). */
export function formatGoDuration(nanos: bigint): string {
  if (nanos === 0n) return "0s";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${withFraction(size, 3)}µs`;
  if (size < 1_000_000_000n) return `${sign}${withFraction(size, 6)}ms`;
  const hours = size / 3_600_000_000_000n;
  const minutes = (size / 60_000_000_000n) % 60n;
  const seconds = `${withFraction(size % 60_000_000_000n, 9)}s`;
  if (hours > 0n) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

function withFraction(value: bigint, digits: number): string {
  const divisor = 10n ** BigInt(digits);
  const fraction = String(value % divisor)
    .padStart(digits, "0")
    .replace(/0+$/, "");
  return `${value / divisor}${fraction === "" ? "" : `.${fraction}`}`;
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;

/** Two units at most, coarser as it grows: the AGE of tables. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (ms < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (days < 8) return pair(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

/** How long ago a time of the API was; "<unknown>" for an absent one. */
export function ageSince(time: string | null | undefined, nowMs: number): string {
  return time === undefined || time === null || time === ""
    ? "<unknown>"
    : humanDuration(nowMs - parseTime(time));
}

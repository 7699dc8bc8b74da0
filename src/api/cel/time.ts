/** Timestamps and durations. upstream: cel-go common/types/{timestamp,duration}.go, Go's time package */
import { DurationError, parseGoDuration } from "../meta/duration.ts";
import { parseGoTime, rfc3339, TimeError, type TimeLayout } from "../meta/go-time.ts";
import { durationOr, timestampOr } from "./arithmetic.ts";
import { calendarDay, dayNumber, type CalendarDay } from "../meta/calendar.ts";
import { formatPlain } from "./number-text.ts";
import { Fault, type Duration, type Timestamp, type Value } from "./values.ts";

const nanosPerSecond = 1_000_000_000n;
const daySeconds = 86_400;

/** Undefined: not a duration of Go's. */
export function durationFromText(text: string): Value | undefined {
  try {
    return durationOr(parseGoDuration(text));
  } catch (error) {
    if (error instanceof DurationError) return undefined;
    throw error;
  }
}

/** In seconds: "90s", "0.25s". */
export function durationText({ nanos }: Duration): string {
  const seconds = Number(nanos / nanosPerSecond) + Number(nanos % nanosPerSecond) / 1e9;
  return `${formatPlain(seconds)}s`;
}

/** Undefined: not a time of RFC 3339, as Go reads it. */
export function timestampFromText(text: string): Value | undefined {
  const read = readTimestamp(text, rfc3339);
  return typeof read === "string" ? undefined : read;
}

/** What is wrong with it, in Go's words; a value otherwise, which may be a fault. */
export function readTimestamp(text: string, layout: TimeLayout): Value {
  try {
    const { seconds, nanos, offset } = parseGoTime(text, layout);
    return timestampOr(BigInt(seconds) * nanosPerSecond + BigInt(nanos), offset);
  } catch (error) {
    if (error instanceof TimeError) return error.message;
    throw error;
  }
}

/** Whole seconds and what is left, never negative. */
function splitNanos(nanos: bigint): { seconds: bigint; rest: bigint } {
  const rest = ((nanos % nanosPerSecond) + nanosPerSecond) % nanosPerSecond;
  return { seconds: (nanos - rest) / nanosPerSecond, rest };
}

/** What a clock shows so many seconds after 1970. */
interface Shown extends CalendarDay {
  readonly days: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

function shownAt(seconds: number): Shown {
  const days = Math.floor(seconds / daySeconds);
  const ofDay = seconds - days * daySeconds;
  const [hour, minute] = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60];
  return { ...calendarDay(days), days, hour, minute, second: ofDay % 60 };
}

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");

export function timestampText({ nanos, offsetSeconds }: Timestamp): string {
  const { seconds, rest } = splitNanos(nanos);
  const { year, month, day, hour, minute, second } = shownAt(Number(seconds) + offsetSeconds);
  const fraction = rest === 0n ? "" : `.${String(rest).padStart(9, "0").replace(/0+$/, "")}`;
  const date = `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}${fraction}${zoneText(offsetSeconds)}`;
}

function zoneText(offsetSeconds: number): string {
  if (offsetSeconds === 0) return "Z";
  const minutes = Math.abs(offsetSeconds) / 60;
  return `${offsetSeconds < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** Seconds east of UTC at that moment; undefined: no such zone. */
function zoneOffset(zone: string, epochMs: number): number | undefined {
  if (zone === "UTC" || zone === "") return 0;
  const [, sign, hours, minutes] = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone) ?? [];
  if (hours !== undefined) return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
  try {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    const name = format.formatToParts(epochMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, zoneSign, h, m, s = "0"] = /GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?/.exec(name) ?? [];
    if (h === undefined) return 0;
    return (zoneSign === "-" ? -1 : 1) * (Number(h) * 3600 + Number(m) * 60 + Number(s));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const fields: Readonly<Record<string, (shown: Shown, rest: bigint) => number>> = {
  getFullYear: ({ year }) => year,
  getMonth: ({ month }) => month - 1,
  getDate: ({ day }) => day,
  getDayOfMonth: ({ day }) => day - 1,
  // 1970 began on a Thursday.
  getDayOfWeek: ({ days }) => (((days + 4) % 7) + 7) % 7,
  getDayOfYear: ({ days, year }) => days - dayNumber({ year, month: 1, day: 1 }),
  getHours: ({ hour }) => hour,
  getMinutes: ({ minute }) => minute,
  getSeconds: ({ second }) => second,
  getMilliseconds: (_shown, rest) => Number(rest / 1_000_000n),
};

export const timestampFields: readonly string[] = Object.keys(fields);

/** What a clock in that zone (UTC if none is named) shows. */
export function timestampField(name: string, { nanos }: Timestamp, zone = "UTC"): Value {
  const { seconds, rest } = splitNanos(nanos);
  const offset = zoneOffset(zone, Number(seconds) * 1000);
  if (offset === undefined) return new Fault(`unknown time zone ${zone}`);
  return BigInt(fields[name]?.(shownAt(Number(seconds) + offset), rest) ?? 0);
}

const durationUnits: Readonly<Record<string, bigint>> = {
  getHours: 3600n * nanosPerSecond,
  getMinutes: 60n * nanosPerSecond,
  getSeconds: nanosPerSecond,
  getMilliseconds: 1_000_000n,
};

/** The whole duration in that unit, rounded towards zero. */
export const durationField = (name: string, { nanos }: Duration): Value =>
  nanos / (durationUnits[name] ?? 1n);

export const secondsOf = ({ nanos }: Timestamp): bigint => splitNanos(nanos).seconds;

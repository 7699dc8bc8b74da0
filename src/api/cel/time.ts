/** Timestamps and durations. upstream: cel-go common/types/{timestamp,duration}.go, Go's time package */
import { jsonEqual } from "../patch/json-value.ts";
import { durationOr, timestampOr } from "./arithmetic.ts";
import { calendarDay, dayNumber, type CalendarDay } from "./calendar.ts";
import { formatPlain } from "./number-text.ts";
import { Fault, type Duration, type Timestamp, type Value } from "./values.ts";

const nanosPerSecond = 1_000_000_000n;
const daySeconds = 86_400;

const unitNanos: ReadonlyMap<string, bigint> = new Map([
  ["ns", 1n],
  ["us", 1_000n],
  ["µs", 1_000n],
  ["μs", 1_000n],
  ["ms", 1_000_000n],
  ["s", nanosPerSecond],
  ["m", 60n * nanosPerSecond],
  ["h", 3600n * nanosPerSecond],
]);

/** Of 64 bits; of what comes behind the point more means nothing, as hours have 13 digits of nanoseconds. */
const wholeDigitsMax = 19;
const fractionDigitsMax = 18;

/** "1h30m", "-1.5s"; undefined: not a duration of Go's. */
export function parseDurationNanos(text: string): bigint | undefined {
  const [, sign = "", body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0n;
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let nanos = 0n;
  for (const [, whole = "", digits = "", unit = ""] of body.matchAll(
    /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const size = unitNanos.get(unit) ?? 0n;
    if (whole.replace(/^0+/, "").length > wholeDigitsMax) return undefined;
    nanos += BigInt(whole === "" ? "0" : whole) * size;
    const fraction = digits.slice(0, fractionDigitsMax);
    if (fraction !== "") nanos += (BigInt(fraction) * size) / 10n ** BigInt(fraction.length);
  }
  return sign === "-" ? -nanos : nanos;
}

export function durationFromText(text: string): Value {
  const nanos = parseDurationNanos(text);
  return nanos === undefined
    ? new Fault(`time: invalid duration ${JSON.stringify(text)}`)
    : durationOr(nanos);
}

/** In seconds: "90s", "0.25s". */
export function durationText({ nanos }: Duration): string {
  const seconds = Number(nanos / nanosPerSecond) + Number(nanos % nanosPerSecond) / 1e9;
  return `${formatPlain(seconds)}s`;
}

const rfc3339 =
  /^(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})T(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})(?:[.,](?<fraction>\d+))?(?:Z|(?<sign>[+-])(?<zoneHours>\d{2}):(?<zoneMinutes>\d{2}))$/;

function badTimestamp(text: string): Fault {
  const quoted = JSON.stringify(text);
  return new Fault(`parsing time ${quoted} as "2006-01-02T15:04:05Z07:00": cannot parse ${quoted} as "2006"`);
}

export function timestampFromText(text: string): Value {
  const parts = rfc3339.exec(text)?.groups;
  if (parts === undefined) return badTimestamp(text);
  const { year, month, day, hour, minute, second, fraction = "", sign } = parts;
  const { zoneHours = "0", zoneMinutes = "0" } = parts;
  const date = { year: Number(year), month: Number(month), day: Number(day) };
  const days = dayNumber(date);
  const isReal = jsonEqual(calendarDay(days), date);
  const clock = [Number(hour), Number(minute), Number(second)] as const;
  if (!isReal || clock[0] > 23 || clock[1] > 59 || clock[2] > 59 || Number(zoneMinutes) > 59) {
    return badTimestamp(text);
  }
  const offset = (sign === "-" ? -1 : 1) * (Number(zoneHours) * 3600 + Number(zoneMinutes) * 60);
  const nanos = BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  const seconds = days * daySeconds + clock[0] * 3600 + clock[1] * 60 + clock[2] - offset;
  return timestampOr(BigInt(seconds) * nanosPerSecond + nanos, offset);
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

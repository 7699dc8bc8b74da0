/**
 * Whether a text is a schedule, with the messages of the library upstream uses (robfig/cron, standard parser).
 * upstream: pkg/apis/batch/validation/validation.go (validateScheduleFormat)
 */
import { goQuote } from "../meta/go-quote.ts";
import { goDurationMs, DurationError } from "../meta/duration.ts";

interface CronField {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly CronField[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];
const descriptors = new Set([
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);

class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

function fail(message: string): never {
  throw new ScheduleError(message);
}

function numberOf(text: string, { names, min }: CronField): number {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + min;
  if (!/^[+-]?\d+$/.test(text)) {
    fail(`failed to parse int from ${text}: strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  }
  const value = Number(text);
  return value < 0 ? fail(`negative number (${value}) not allowed: ${text}`) : value;
}

function rangeOf(text: string, field: CronField, whole: string, stepped: boolean): readonly [number, number] {
  if (text === "*" || text === "?") return [field.min, field.max];
  const bounds = text.split("-");
  if (bounds.length > 2) fail(`too many hyphens: ${whole}`);
  const low = numberOf(bounds[0] ?? "", field);
  const high = bounds[1];
  if (high !== undefined) return [low, numberOf(high, field)];
  return [low, stepped ? field.max : low];
}

function checkPart(text: string, field: CronField): void {
  const [range = "", step, ...more] = text.split("/");
  if (more.length > 0) fail(`too many slashes: ${text}`);
  const [low, high] = rangeOf(range, field, text, step !== undefined);
  const every = step === undefined ? 1 : numberOf(step, { ...field, names: [] });
  if (low < field.min) fail(`beginning of range (${low}) below minimum (${field.min}): ${text}`);
  if (high > field.max) fail(`end of range (${high}) above maximum (${field.max}): ${text}`);
  if (low > high) fail(`beginning of range (${low}) beyond end of range (${high}): ${text}`);
  if (every === 0) fail(`step of range should be a positive number: ${text}`);
}

function checkDescriptor(text: string): void {
  if (descriptors.has(text)) return;
  const every = "@every ";
  if (!text.startsWith(every)) fail(`unrecognized descriptor: ${text}`);
  try {
    goDurationMs(text.slice(every.length));
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    fail(`failed to parse duration ${text}: ${error.message}`);
  }
}

function check(schedule: string): void {
  if (schedule === "") fail("empty spec string");
  if (schedule.startsWith("@")) {
    checkDescriptor(schedule);
    return;
  }
  const texts = schedule.split(/\s+/).filter((text) => text !== "");
  if (texts.length !== fields.length) {
    fail(`expected exactly 5 fields, found ${texts.length}: [${texts.join(" ")}]`);
  }
  for (const [index, field] of fields.entries()) {
    for (const part of (texts[index] ?? "").split(",").filter((text) => text !== "")) checkPart(part, field);
  }
}

/** No name of a zone, nor of an area, begins otherwise; offsets ("+01") are zones to JavaScript alone. */
const zonePart = /^[A-Z][A-Za-z.\-_0-9+]{0,13}$/;

/** Names are of files, and as strict about case as these. */
export function isTimeZone(name: string): boolean {
  const parts = name.split("/");
  if (!parts.every((part) => zonePart.test(part))) return false;
  try {
    const known = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    return known === name || known.toLowerCase() !== name.toLowerCase();
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** "TZ=UTC …" */
function withoutZone(schedule: string): string {
  const [prefix, zone = ""] = /^(?:CRON_)?TZ=(\S*) /.exec(schedule) ?? [];
  if (prefix === undefined) return schedule;
  // An empty one is UTC to Go.
  if (zone !== "" && !isTimeZone(zone)) fail(`provided bad location ${zone}: unknown time zone ${zone}`);
  return schedule.slice(prefix.length);
}

export function scheduleFault(schedule: string): string | undefined {
  try {
    check(withoutZone(schedule));
    return undefined;
  } catch (error) {
    if (error instanceof ScheduleError) return error.message;
    throw error;
  }
}

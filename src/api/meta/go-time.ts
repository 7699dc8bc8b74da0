/** Times as Go reads them, in the layouts of the API, with Go's words for what is wrong. upstream: Go's time/format.go */

import { toRfc3339 } from "#base/clock.ts";
import { dayNumber } from "./calendar.ts";
import { quoteBytes } from "./go-quote.ts";

const daySeconds = 86_400;

export class TimeError extends Error {
  override readonly name = "TimeError";
  readonly code = "TIME";
}

export interface GoTime {
  /** Since 1970, whole ones. */
  readonly seconds: number;
  readonly nanos: number;
  /** Seconds that its zone is ahead of UTC. */
  readonly offset: number;
}

export const rfc3339 = "2006-01-02T15:04:05Z07:00";
/** What must have six digits of a fraction or more, of which six count. */
export const rfc3339Micro = "2006-01-02T15:04:05.000000Z07:00";
/** Without a zone: UTC. */
export const localTime = "2006-01-02T15:04:05";
export const fullDate = "2006-01-02";
export type TimeLayout = typeof rfc3339 | typeof rfc3339Micro | typeof localTime | typeof fullDate;

const nanosPerSecond = 1_000_000_000;
const microDigits = 6;
const nanoDigits = 9;

/** Of seconds, on both sides of 1970; Go's times go on. */
const instantMax = 8_640_000_000_000;

/** In UTC, as RFC 3339 but for years that need more than four digits. Throws TimeError. */
export function formatGoTime(seconds: number): string {
  if (Math.abs(seconds) > instantMax) throw new TimeError(`time out of range: ${seconds}`);
  return toRfc3339(seconds * 1000)
    .replace(/^\+0*/, "")
    .replace(/^-0*(?=\d{4})/, "-");
}

/** Of what formatGoTime wrote, whatever the year. */
export function secondsOf(text: string): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (
    /^(-?\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)/.exec(text) ?? []
  )
    .slice(1)
    .map(Number);
  return dayNumber({ year, month, day }) * daySeconds + (hour * 60 + minute) * 60 + second;
}

/** The same with six digits of a fraction, for what may have more or less than a second of nanoseconds. */
export function formatGoMicroTime(seconds: number, nanos: number): string {
  const more = Math.floor(nanos / nanosPerSecond);
  const micros = Math.floor((nanos - more * nanosPerSecond) / 1000);
  return formatGoTime(seconds + more).replace("Z", `.${String(micros).padStart(microDigits, "0")}Z`);
}

/** Throws TimeError. */
export const parseGoTime = (text: string, layout: TimeLayout): GoTime => new Reader(text, layout).time();

class Reader {
  readonly #text: string;
  readonly #layout: TimeLayout;
  #at = 0;

  constructor(text: string, layout: TimeLayout) {
    this.#text = text;
    this.#layout = layout;
  }

  time(): GoTime {
    const year = this.#number(/\d{4}/y, "2006");
    this.#literal("-");
    const month = this.#number(/\d\d/y, "01", ["month", 1, 12]);
    this.#literal("-");
    const day = this.#number(/\d\d/y, "02");
    const { ofDay, nanos, offset } = this.#layout === fullDate ? midnight : this.#timeOfDay();
    if (this.#at < this.#text.length) throw this.#fault(`extra text: ${quoteBytes(this.#rest)}`);
    if (day < 1 || day > daysIn(year, month)) throw this.#fault("day out of range");
    return { seconds: dayNumber({ year, month, day }) * daySeconds + ofDay - offset, nanos, offset };
  }

  #timeOfDay(): TimeOfDay {
    this.#literal("T");
    const hour = this.#number(/\d\d?/y, "15", ["hour", 0, 23]);
    this.#literal(":");
    const minute = this.#number(/\d\d/y, "04", ["minute", 0, 59]);
    this.#literal(":");
    const second = this.#number(/\d\d/y, "05", ["second", 0, 59]);
    const nanos = this.#layout === rfc3339Micro ? this.#micros() : this.#anyFraction();
    const offset = this.#layout === localTime ? 0 : this.#zone();
    return { ofDay: (hour * 60 + minute) * 60 + second, nanos, offset };
  }

  get #rest(): string {
    return this.#text.slice(this.#at);
  }

  #fault(why: string): TimeError {
    return new TimeError(`parsing time ${quoteBytes(this.#text)}: ${why}`);
  }

  #mismatch(element: string): TimeError {
    const where = `parsing time ${quoteBytes(this.#text)} as ${quoteBytes(this.#layout)}`;
    return new TimeError(`${where}: cannot parse ${quoteBytes(this.#rest)} as ${quoteBytes(element)}`);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #literal(text: string): void {
    if (!this.#text.startsWith(text, this.#at)) throw this.#mismatch(text);
    this.#at += text.length;
  }

  #number(pattern: RegExp, element: string, [name, min, max]: Range = ["", 0, Infinity]): number {
    const digits = this.#take(pattern);
    if (digits === undefined) throw this.#mismatch(element);
    const value = Number(digits);
    if (value < min || value > max) throw this.#fault(`${name} out of range`);
    return value;
  }

  #anyFraction(): number {
    return nanosOf(this.#take(/[.,]\d+/y) ?? "");
  }

  #micros(): number {
    const digits = this.#take(/[.,]\d{6}/y);
    if (digits === undefined) throw this.#mismatch(`.${"0".repeat(microDigits)}`);
    return nanosOf(digits);
  }

  /** Go takes 24 hours and 60 minutes. */
  #zone(): number {
    if (this.#take(/Z/y) !== undefined) return 0;
    const [, sign = "", hours = "", minutes = ""] =
      /^([^])([^]{2}):([^]{2})/.exec(this.#rest.slice(0, 6)) ?? [];
    const [hour, minute] = [twoDigits(hours), twoDigits(minutes)];
    if (hour > 24) throw this.#fault("time zone offset hour out of range");
    if (!Number.isNaN(hour) && minute > 60) throw this.#fault("time zone offset minute out of range");
    if (Number.isNaN(hour + minute) || !"+-".includes(sign)) throw this.#mismatch("Z07:00");
    this.#at += 6;
    return (sign === "-" ? -1 : 1) * (hour * 60 + minute) * 60;
  }
}

/** In seconds. */
interface TimeOfDay {
  readonly ofDay: number;
  readonly nanos: number;
  readonly offset: number;
}

const midnight: TimeOfDay = { ofDay: 0, nanos: 0, offset: 0 };

type Range = readonly [name: string, min: number, max: number];

const twoDigits = (text: string): number => (/^\d\d$/.test(text) ? Number(text) : Number.NaN);

const nanosOf = (fraction: string): number =>
  Number(fraction.slice(1, 1 + nanoDigits).padEnd(nanoDigits, "0"));

function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

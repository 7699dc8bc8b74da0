/**
 * Docker's log stream made into CRI log lines. Each of its entries begins with its time; an entry without a newline
 * at the end is a piece of a longer line. Pure: which lines a file has already is handed in.
 */
import type { LogStream } from "../cri-log.ts";
import { Demultiplexer } from "./multiplex.ts";

/** The end of what a log file has: the last line's time, and how many lines have it. */
export interface LogPosition {
  /** RFC 3339 with nanoseconds, as Docker and CRI both write it. */
  readonly time: string;
  readonly count: number;
}

const newline = 10;
const space = 32;

/** Reads the position from the last bytes of a CRI log file; undefined when they hold no whole line. */
export function lastPosition(tail: string): LogPosition | undefined {
  const lines = tail.split("\n").slice(0, -1);
  const times = lines.map((line) => line.slice(0, line.indexOf(" ")));
  const time = times.at(-1);
  if (time === undefined || !/^\d{4}-\d\d-\d\dT/.test(time)) return undefined;
  let count = 0;
  while (times.at(-1 - count) === time) count += 1;
  return { time, count };
}

/** "1767225600.000000001", the form of Docker's `since`; it includes that very moment. */
export function sinceOf(position: LogPosition, parseTime: (text: string) => number): string {
  const seconds = Math.floor(parseTime(position.time) / 1000);
  const nanos = /\.(\d+)/.exec(position.time)?.[1] ?? "";
  return `${seconds}.${nanos.padEnd(9, "0").slice(0, 9)}`;
}

export class LogEntries {
  readonly #demultiplexer: Demultiplexer | undefined;
  #raw: Buffer = Buffer.alloc(0);
  #known: LogPosition | undefined;

  /** `known` is what the file has: entries up to there come again and are left out. */
  constructor(tty: boolean, known: LogPosition | undefined) {
    this.#demultiplexer = tty ? undefined : new Demultiplexer();
    this.#known = known;
  }

  /** The log lines of the next bytes. */
  push(chunk: Buffer): Buffer {
    const lines =
      this.#demultiplexer === undefined
        ? this.#rawLines(chunk)
        : this.#demultiplexer.push(chunk).map(({ stream, data }) => this.#line(stream, data));
    return Buffer.concat(lines);
  }

  /** A terminal's stream has no frames: an entry ends where its line ends. */
  #rawLines(chunk: Buffer): Buffer[] {
    let data = Buffer.concat([this.#raw, chunk]);
    const lines: Buffer[] = [];
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline)) {
      lines.push(this.#line("stdout", data.subarray(0, end + 1)));
      data = data.subarray(end + 1);
    }
    this.#raw = Buffer.from(data);
    return lines;
  }

  /** What a terminal's stream left without a newline at its end. */
  end(): Buffer {
    return this.#raw.length === 0
      ? Buffer.alloc(0)
      : this.#line("stdout", Buffer.concat([this.#raw, Buffer.from("\n")]));
  }

  #line(stream: LogStream, entry: Buffer): Buffer {
    const at = entry.indexOf(space);
    const time = entry.subarray(0, at).toString();
    if (at < 0 || this.#isKnown(time)) return Buffer.alloc(0);
    const isWhole = entry.at(-1) === newline;
    const text = entry.subarray(at + 1, isWhole ? -1 : undefined);
    return Buffer.concat([Buffer.from(`${time} ${stream} ${isWhole ? "F" : "P"} `), text, Buffer.from("\n")]);
  }

  #isKnown(time: string): boolean {
    const known = this.#known;
    if (known === undefined) return false;
    if (time > known.time) this.#known = undefined;
    else if (time === known.time && known.count > 0) this.#known = { ...known, count: known.count - 1 };
    else if (time === known.time) return false;
    return time <= known.time;
  }
}

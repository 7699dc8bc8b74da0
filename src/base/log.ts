/** Log lines: one line, one event, fields not prose. */
import { toRfc3339Micro, type Clock } from "./clock.ts";
import { isWrittenBigint } from "./exact-json.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line; `component` is printed first. */
  child(fields: LogFields): Logger;
}

const order: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

export function createLogger(options: LogOptions, base: LogFields = {}): Logger {
  const print = options.format === "json" ? jsonLine : textLine;
  const emit = (level: LogLevel, event: string, fields: LogFields | undefined): void => {
    if (order[level] < order[options.level]) return;
    const time = toRfc3339Micro(options.clock.now());
    options.write(print(time, level, event, { ...base, ...fields }));
  };
  return {
    debug: (event, fields) => {
      emit("debug", event, fields);
    },
    info: (event, fields) => {
      emit("info", event, fields);
    },
    warn: (event, fields) => {
      emit("warn", event, fields);
    },
    error: (event, fields) => {
      emit("error", event, fields);
    },
    child: (fields) => createLogger(options, { ...base, ...fields }),
  };
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function plain(value: unknown): unknown {
  if (value instanceof Error) return errorText(value);
  if (typeof value === "bigint") return value.toString();
  if (isWrittenBigint(value)) return value.rawJSON;
  return value;
}

function jsonLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, event, ...fields }, (_key, value: unknown) => plain(value))}\n`;
}

function textLine(time: string, level: LogLevel, event: string, fields: LogFields): string {
  let line = `${time.slice(0, 23)}Z ${level.toUpperCase().padEnd(5)} `;
  if (typeof fields["component"] === "string") line += `${fields["component"]}: `;
  line += event;
  for (const [name, value] of Object.entries(fields)) {
    if (name === "component" || value === undefined) continue;
    const printed = plain(value);
    const text = typeof printed === "string" ? printed : JSON.stringify(printed);
    line += ` ${name}=${/[\s"=]/.test(text) || text === "" ? JSON.stringify(text) : text}`;
  }
  return `${line}\n`;
}

/** The message of an error and of every cause below it that says something more. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Cleaning up failed too: the first failure is the one to know.
  if (error instanceof SuppressedError) {
    return `${errorText(error.suppressed)}; then ${errorText(error.error)}`;
  }
  const own = error.message === "" ? error.name : error.message;
  const cause = error.cause === undefined ? "" : errorText(error.cause);
  return own.includes(cause) ? own : `${own}: ${cause}`;
}

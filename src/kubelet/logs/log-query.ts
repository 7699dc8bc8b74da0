/** What a reader of logs asks for, and the records that answer it. upstream: pkg/kubelet/kuberuntime/logs/logs.go */
import { parseTime } from "#base/clock.ts";
import { parseLogLine } from "./log-line.ts";

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  /** Milliseconds since the epoch: nothing older. */
  readonly sinceMs: number | undefined;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
}

const newline = Buffer.from("\n");

/** Turns records into what the reader sees, up to the limit. */
export class LogFormatter {
  readonly #query: LogQuery;
  #leftBytes: number;
  /** Of the end that was asked for: what is written meanwhile isn't it, but for who follows. */
  #leftRecords: number;
  #isLineStart = true;

  constructor(query: LogQuery) {
    this.#query = query;
    this.#leftBytes = query.limitBytes ?? Number.POSITIVE_INFINITY;
    this.#leftRecords = query.follow
      ? Number.POSITIVE_INFINITY
      : (query.tailLines ?? Number.POSITIVE_INFINITY);
  }

  /** The reader has got all it may. */
  get isFull(): boolean {
    return this.#leftBytes <= 0 || this.#leftRecords <= 0;
  }

  /** `line` is one line of the file, without its newline. Undefined: nothing to show. */
  format(line: Buffer): Buffer | undefined {
    const record = parseLogLine(line);
    if (record === undefined || this.isFull) return undefined;
    const { sinceMs, timestamps } = this.#query;
    this.#leftRecords--;
    if (sinceMs !== undefined && parseTime(record.time.toString()) < sinceMs) return undefined;
    const parts: Buffer[] = [];
    if (timestamps && this.#isLineStart) parts.push(record.time, Buffer.from(" "));
    parts.push(record.text);
    if (!record.isPartial) parts.push(newline);
    this.#isLineStart = !record.isPartial;
    const text = Buffer.concat(parts);
    const shown = text.subarray(0, Math.min(text.length, this.#leftBytes));
    this.#leftBytes -= shown.length;
    return shown;
  }
}

/** Faults name the field as upstream's validation does. */
export function parseLogQuery(
  params: URLSearchParams,
  nowMs: number,
): { readonly query: LogQuery } | { readonly fault: string } {
  const flag = (name: string): boolean => ["true", "1"].includes(params.get(name) ?? "");
  const number = (name: string): number | undefined => {
    const text = params.get(name) ?? "";
    return text === "" ? undefined : Number(text);
  };
  const tailLines = number("tailLines");
  const limitBytes = number("limitBytes");
  const sinceSeconds = number("sinceSeconds");
  const sinceTime = params.get("sinceTime") ?? "";
  const fault =
    numberFault("tailLines", tailLines, 0) ??
    numberFault("limitBytes", limitBytes, 1) ??
    numberFault("sinceSeconds", sinceSeconds, 1);
  if (fault !== undefined) return { fault };
  if (sinceSeconds !== undefined && sinceTime !== "") {
    return { fault: "at most one of `sinceTime` or `sinceSeconds` may be specified" };
  }
  const sinceTimeMs = sinceTime === "" ? undefined : parseTime(sinceTime);
  if (Number.isNaN(sinceTimeMs)) return { fault: `sinceTime: Invalid value: ${sinceTime}` };
  return {
    query: {
      follow: flag("follow"),
      previous: flag("previous"),
      timestamps: flag("timestamps"),
      sinceMs: sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000,
      tailLines,
      limitBytes,
    },
  };
}

function numberFault(name: string, value: number | undefined, min: number): string | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min)) return undefined;
  const wanted = min === 0 ? "greater than or equal to 0" : "greater than 0";
  return `${name}: Invalid value: must be ${wanted}`;
}

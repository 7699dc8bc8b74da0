/**
 * A document that is asked for again and again: whether the client has it already, and which part of it is wanted.
 * Several parts at once are answered with the whole. upstream: Go's net/http ServeContent
 */
import { httpDate, parseHttpDate } from "#base/clock.ts";
import type { ApiCall, RawAnswer } from "#apiserver/request/call.ts";

export interface Content {
  readonly body: Buffer;
  /** Quoted; absent: it goes by its time alone. */
  readonly etag?: string;
  /** Milliseconds since 1970 at which it was made. */
  readonly modified: number;
  readonly contentType: string;
}

/** 200, 206, 304, 412 or 416; `more` are headers that all of them have. */
export function contentAnswer(call: ApiCall, content: Content, more: RawAnswer["headers"]): RawAnswer {
  const headers = { ...more, ...(content.etag === undefined ? {} : { etag: content.etag }) };
  const dated = { ...headers, "last-modified": httpDate(content.modified) };
  const typed = { ...dated, "content-type": content.contentType };
  if (asksForOther(call, content)) return { kind: "raw", status: 412, headers: typed, body: "" };
  if (hasIt(call, content)) {
    if (!isReading(call)) return { kind: "raw", status: 412, headers: typed, body: "" };
    return { kind: "raw", status: 304, headers: content.etag === undefined ? dated : headers, body: "" };
  }
  const ranged = { ...typed, "accept-ranges": "bytes" };
  const { body } = content;
  const range = isSame(call, content) ? rangeOf(call.header("range"), body.length) : undefined;
  if (range === undefined) return { kind: "raw", status: 200, headers: ranged, body };
  if (range === "invalid" || range === "beyond") return unsatisfied(range, body.length, more);
  const part = { ...ranged, "content-range": `bytes ${range.start}-${range.end - 1}/${body.length}` };
  return { kind: "raw", status: 206, headers: part, body: body.subarray(range.start, range.end) };
}

function unsatisfied(range: "invalid" | "beyond", size: number, more: RawAnswer["headers"]): RawAnswer {
  const isBeyond = range === "beyond";
  const headers = {
    ...(more["vary"] === undefined ? {} : { vary: more["vary"] }),
    ...(isBeyond ? { "content-range": `bytes */${size}` } : {}),
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return {
    kind: "raw",
    status: 416,
    headers,
    body: isBeyond ? "invalid range: failed to overlap\n" : "invalid range\n",
  };
}

const isReading = ({ method }: ApiCall): boolean => method === "GET" || method === "HEAD";

/** HTTP's times are of whole seconds. */
const second = (ms: number): number => ms - (ms % 1000);

const tags = (header: string): string[] => header.match(/(?:W\/)?"[^"]*"|\*/g) ?? [];
const strong = (tag: string): string => tag.replace(/^W\//, "");

function asksForOther(call: ApiCall, { etag = "", modified }: Content): boolean {
  const match = call.header("if-match");
  if (match !== "") return !tags(match).some((tag) => tag === "*" || tag === etag);
  const since = parseHttpDate(call.header("if-unmodified-since"));
  return since !== undefined && second(modified) > since;
}

function hasIt(call: ApiCall, { etag = "", modified }: Content): boolean {
  const none = call.header("if-none-match");
  if (none !== "") return tags(none).some((tag) => tag === "*" || strong(tag) === etag);
  const since = parseHttpDate(call.header("if-modified-since"));
  return since !== undefined && isReading(call) && second(modified) <= since;
}

/** Whether a part may be of this document: it is still what the client has another part of. */
function isSame(call: ApiCall, { etag, modified }: Content): boolean {
  const condition = call.header("if-range");
  if (condition === "" || !isReading(call)) return true;
  if (condition.startsWith('"') || condition.startsWith("W/")) return condition === etag;
  return second(modified) === parseHttpDate(condition);
}

interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Undefined: the whole. */
function rangeOf(header: string, size: number): Range | "invalid" | "beyond" | undefined {
  if (header === "") return undefined;
  if (!header.startsWith("bytes=")) return "invalid";
  const parts = header
    .slice("bytes=".length)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const ranges = parts.map((part) => partOf(part, size));
  if (ranges.includes("invalid")) return "invalid";
  const known = ranges.filter((range) => range !== "beyond");
  if (known.length === 0 && ranges.length > 0) return size === 0 ? undefined : "beyond";
  const [only] = known as Range[];
  return known.length === 1 ? only : undefined;
}

function partOf(part: string, size: number): Range | "invalid" | "beyond" {
  const [, first = "", last = ""] = /^(\d*)\s*-\s*(\d*)$/.exec(part) ?? [];
  if (first === "" && last === "") return "invalid";
  if (first === "") return { start: Math.max(size - Number(last), 0), end: size };
  const start = Number(first);
  if (start >= size) return "beyond";
  if (last !== "" && Number(last) < start) return "invalid";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

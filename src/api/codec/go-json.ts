/**
 * JSON as Go's encoding/json writes it: what could be taken for markup, or for a line's end in a script, is escaped, and
 * maps are by key, numbers among them. Who parses it sees no difference; who compares or hashes bytes does.
 */
import { isList, setValue, type JsonMap } from "../patch/json-value.ts";

const escapes: Readonly<Record<string, string>> = {
  "<": String.raw`\u003c`,
  ">": String.raw`\u003e`,
  "&": String.raw`\u0026`,
  "\u2028": String.raw`\u2028`,
  "\u2029": String.raw`\u2029`,
};

/** Each search is one pass of the machine's fastest; most texts have none of them, and those of one-byte texts not the last two. */
const hasSpecial = (json: string): boolean =>
  json.includes("<") ||
  json.includes(">") ||
  json.includes("&") ||
  json.includes("\u2028") ||
  json.includes("\u2029");

/** `json` is JSON already: these characters are in strings only. */
export const escapedJson = (json: string): string =>
  hasSpecial(json) ? json.replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char) : json;

/** `indent`: of what people read. */
export const goJson = (value: unknown, indent?: number | string): string =>
  escapedJson(unescapedJson(value, indent));

/**
 * An object with keys that JavaScript takes for numbers has one of them first, whatever came first. No field of a struct
 * begins so: it is a map. Within strings the quote would be escaped.
 */
const numberFirst = /\{\s*"[0-9]/;

/** The same with nothing escaped yet: for what is put together of several. */
export function unescapedJson(value: unknown, indent?: number | string): string {
  const json = JSON.stringify(value, undefined, indent);
  if (!numberFirst.test(json)) return json;
  const step = typeof indent === "number" ? " ".repeat(indent) : (indent ?? "");
  return writtenInOrder(value, step, "\n");
}

function writtenInOrder(value: unknown, step: string, line: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const inner = step === "" ? "" : line + step;
  if (isList(value)) {
    const items = value.map((item) => inner + writtenInOrder(item, step, inner));
    return enclosed("[]", items, step === "" ? "" : line);
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  if (/^[0-9]/.test(fields[0]?.[0] ?? "")) fields.sort(([a], [b]) => compareKeys(a, b));
  const colon = step === "" ? ":" : ": ";
  const texts = fields.map(
    ([key, field]) => `${inner}${JSON.stringify(key)}${colon}${writtenInOrder(field, step, inner)}`,
  );
  return enclosed("{}", texts, step === "" ? "" : line);
}

const enclosed = (brackets: string, parts: readonly string[], line: string): string =>
  parts.length === 0 ? brackets : `${brackets[0]}${parts.join(",")}${line}${brackets[1]}`;

/** By bytes of UTF-8, which is by code points: where JavaScript's own order differs, a surrogate is met. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const unlike = a.charCodeAt(at) - b.charCodeAt(at);
    if (unlike !== 0) return isSurrogate(a, at) === isSurrogate(b, at) ? unlike : isSurrogate(a, at) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xf800) === 0xd800;

/** A copy in which objects of any depth have their keys in order, as far as JavaScript keeps an order: as Go writes what has no type. */
export function inKeyOrder<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  return (isList(value) ? value.map(inKeyOrder) : mapInKeyOrder(value as JsonMap)) as T;
}

function mapInKeyOrder(map: JsonMap): JsonMap {
  const sorted: Record<string, unknown> = {};
  for (const key of Object.keys(map).toSorted(compareKeys)) setValue(sorted, key, inKeyOrder(map[key]));
  return sorted;
}

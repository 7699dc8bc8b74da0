/** Strings, version 2. Positions count code points. upstream: cel-go ext/strings.go */
import { PartSearch, splitText } from "#base/text-search.ts";
import type { Implementation, Library } from "../functions.ts";
import { ArrayList, charsOf, Fault, ListValue, noSuchOverload, type Value } from "../values.ts";
import { formatText } from "./format-text.ts";
import { quote } from "./quote.ts";

/** What is a space to Go: U+0085 too, and U+FEFF not. upstream: strings.TrimSpace */
const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

function trimmed(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && space.test(text.charAt(from))) from += 1;
  while (from < to && space.test(text.charAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

const outOfRange = (index: bigint): Fault => new Fault(`index out of range: ${index}`);

/** Code units. What a few calls could make of small texts would not fit into memory. */
const textMax = 32 * 1024 * 1024;
const tooLong = new Fault(`a string may not be longer than ${textMax}`);

/** A method of a string; what isn't a string comes not this far. */
const method =
  (run: (text: string, args: readonly Value[]) => Value): Implementation =>
  ([text = null, ...args]) =>
    typeof text === "string" ? run(text, args) : noSuchOverload;

function charAt(text: string, [index]: readonly Value[]): Value {
  if (typeof index !== "bigint") return noSuchOverload;
  const chars = charsOf(text);
  if (index < 0n || index > BigInt(chars.length)) return outOfRange(index);
  return chars[Number(index)] ?? "";
}

/** The last place at or before `last`, found from behind. */
function lastAt(chars: readonly string[], part: readonly string[], last: number): bigint {
  if (last < 0) return -1n;
  const end = last + part.length;
  const at = new PartSearch(part.toReversed()).in(chars.slice(0, end).toReversed());
  return at < 0 ? -1n : BigInt(end - at - part.length);
}

function indexOf(text: string, [part, offset = 0n]: readonly Value[]): Value {
  if (typeof part !== "string" || typeof offset !== "bigint") return noSuchOverload;
  if (part === "") return offset;
  const chars = charsOf(text);
  if (offset < 0n) return outOfRange(offset);
  if (offset >= BigInt(chars.length)) return -1n;
  return BigInt(new PartSearch(charsOf(part)).in(chars, Number(offset)));
}

function lastIndexOf(text: string, [part, offset]: readonly Value[]): Value {
  if (typeof part !== "string") return noSuchOverload;
  const [chars, wanted] = [charsOf(text), charsOf(part)];
  const last = chars.length - wanted.length;
  if (offset === undefined) return part === "" ? BigInt(chars.length) : lastAt(chars, wanted, last);
  if (typeof offset !== "bigint") return noSuchOverload;
  if (part === "") return offset;
  if (offset < 0n) return outOfRange(offset);
  if (offset >= BigInt(chars.length)) return -1n;
  return lastAt(chars, wanted, Math.min(Number(offset), last));
}

function replace(text: string, [from, to, count = -1n]: readonly Value[]): Value {
  if (typeof from !== "string" || typeof to !== "string" || typeof count !== "bigint") return noSuchOverload;
  const max = count < 0n ? Infinity : Number(count);
  if (max === 0) return text;
  const parts = from === "" ? ["", ...charsOf(text)] : splitText(text, from);
  if (text.length + Math.min(max, parts.length) * to.length > textMax) return tooLong;
  if (from === "") {
    const ends = parts.length;
    return parts.map((part, index) => part + (index < max && index < ends ? to : "")).join("");
  }
  let joined = parts[0] ?? "";
  for (const [index, part] of parts.slice(1).entries()) joined += (index < max ? to : from) + part;
  return joined;
}

function split(text: string, [separator, count = -1n]: readonly Value[]): Value {
  if (typeof separator !== "string" || typeof count !== "bigint") return noSuchOverload;
  if (count === 0n) return new ArrayList([]);
  const parts = separator === "" ? charsOf(text) : splitText(text, separator);
  const max = count < 0n ? parts.length : Number(count);
  if (parts.length <= max) return new ArrayList(parts);
  return new ArrayList([...parts.slice(0, max - 1), parts.slice(max - 1).join(separator)]);
}

function substring(text: string, [start, end]: readonly Value[]): Value {
  const chars = charsOf(text);
  const length = BigInt(chars.length);
  const stop = end ?? length;
  if (typeof start !== "bigint" || typeof stop !== "bigint") return noSuchOverload;
  if (start > stop) {
    return end === undefined
      ? outOfRange(start)
      : new Fault(`invalid substring range. start: ${start}, end: ${stop}`);
  }
  if (start < 0n || start > length) return outOfRange(start);
  if (stop < 0n || stop > length) return outOfRange(stop);
  return chars.slice(Number(start), Number(stop)).join("");
}

function join([list = null, separator = ""]: readonly Value[]): Value {
  if (!(list instanceof ListValue) || typeof separator !== "string") return noSuchOverload;
  const parts: string[] = [];
  let length = 0;
  for (const item of list.values()) {
    if (typeof item !== "string") return noSuchOverload;
    parts.push(item);
    length += item.length + separator.length;
    if (length > textMax) return tooLong;
  }
  return parts.join(separator);
}

export const stringsLibrary: Library = [
  { name: "charAt", overloads: ["string_char_at_int: string.(int) -> string"], run: method(charAt) },
  {
    name: "indexOf",
    overloads: [
      "string_index_of_string: string.(string) -> int",
      "string_index_of_string_int: string.(string, int) -> int",
    ],
    run: method(indexOf),
  },
  {
    name: "lastIndexOf",
    overloads: [
      "string_last_index_of_string: string.(string) -> int",
      "string_last_index_of_string_int: string.(string, int) -> int",
    ],
    run: method(lastIndexOf),
  },
  {
    name: "lowerAscii",
    overloads: ["string_lower_ascii: string.() -> string"],
    run: method((text) => text.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase())),
  },
  {
    name: "upperAscii",
    overloads: ["string_upper_ascii: string.() -> string"],
    run: method((text) => text.replaceAll(/[a-z]+/g, (part) => part.toUpperCase())),
  },
  {
    name: "replace",
    overloads: [
      "string_replace_string_string: string.(string, string) -> string",
      "string_replace_string_string_int: string.(string, string, int) -> string",
    ],
    run: method(replace),
  },
  {
    name: "split",
    overloads: [
      "string_split_string: string.(string) -> list<string>",
      "string_split_string_int: string.(string, int) -> list<string>",
    ],
    run: method(split),
  },
  {
    name: "substring",
    overloads: [
      "string_substring_int: string.(int) -> string",
      "string_substring_int_int: string.(int, int) -> string",
    ],
    run: method(substring),
  },
  {
    name: "trim",
    overloads: ["string_trim: string.() -> string"],
    run: method(trimmed),
  },
  {
    name: "join",
    overloads: ["list_join: list<string>.() -> string", "list_join_string: list<string>.(string) -> string"],
    run: join,
  },
  {
    name: "format",
    overloads: ["string_format: string.(list<dyn>) -> string"],
    run: method((text, [args]) => (args instanceof ListValue ? formatText(text, args) : noSuchOverload)),
  },
  {
    name: "strings.quote",
    overloads: ["strings_quote: (string) -> string"],
    run: ([text]) => (typeof text === "string" ? quote(text) : noSuchOverload),
  },
];

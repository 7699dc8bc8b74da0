/**
 * One step of a field path, as FieldsV1 writes it: "f:name" a field, "k:{…}" an item of a list by its keys, "v:…" an item
 * of a set by its value, "i:0" an item by its place. upstream: structured-merge-diff/v6/fieldpath/{element,serialize-pe}.go
 */
import { isNumber, parseExact } from "#base/exact-json.ts";
import { isMap } from "../json-value.ts";

export const fieldKey = (name: string): string => `f:${name}`;
export const valueKey = (value: unknown): string => `v:${goJson(value)}`;
/** The same of an item with one key. */
export const itemKeyOf = (name: string, value: unknown): string => `k:{"${name}":${goJson(value)}}`;
/** Of an item's keys; the names come sorted. */
export const itemKey = (keys: Readonly<Record<string, unknown>>): string => `k:${goJson(keys)}`;

/** The name in a field's key; undefined for the others. */
export const fieldNameOf = (key: string): string | undefined =>
  key.startsWith("f:") ? key.slice(2) : undefined;

const escapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

const plainText = /^[\w\-./:@ ]*$/;

/** Written in JSON as it is, by Go and by us. */
export const isPlainText = (text: string): boolean => plainText.test(text);

/** As Go writes JSON: what might matter in HTML is escaped. */
function goJson(value: unknown): string {
  if (typeof value === "string" && isPlainText(value)) return `"${value}"`;
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (char) => escapes[char] ?? char);
}

const ranks: Readonly<Record<string, number>> = { ".": 0, f: 1, k: 2, v: 3, i: 4 };

/** Fields by name, then items by keys, values and places; numbers count as numbers. "." (the node itself) comes first. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const kind = a.charAt(0);
  const rank = (ranks[kind] ?? 5) - (ranks[b.charAt(0)] ?? 5);
  if (rank !== 0) return rank;
  if (kind === "i") return Number(a.slice(2)) - Number(b.slice(2));
  if (kind === "f" || kind === ".") return compareTexts(a, b);
  const [left, right] = [parsed(a), parsed(b)];
  return kind === "k" && isMap(left) && isMap(right) ? compareItems(left, right) : compareValues(left, right);
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type Keys = Readonly<Record<string, unknown>>;

function compareItems(a: Keys, b: Keys): number {
  const [left, right] = [Object.entries(a), Object.entries(b)];
  for (const [index, [name, value]] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const order = compareTexts(name, other[0]) || compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

const typeRanks: Readonly<Record<string, number>> = {
  number: 0,
  bigint: 0,
  string: 1,
  boolean: 2,
  object: 3,
};

function compareValues(a: unknown, b: unknown): number {
  const rank = (typeRanks[typeof a] ?? 4) - (typeRanks[typeof b] ?? 4);
  if (rank !== 0) return rank;
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "string" && typeof b === "string") return compareTexts(a, b);
  return compareTexts(JSON.stringify(a), JSON.stringify(b));
}

const parsed = (key: string): unknown => parseExact(key.slice(2));

/** The same step in the one form that we write; undefined for a kind of step that this version doesn't know. Throws SyntaxError. */
export function canonicalKey(key: string): string | undefined {
  const kind = key.slice(0, 2);
  if (key.length < 2) throw new SyntaxError(`key must be 2 characters long: ${key}`);
  if (key.charAt(1) !== ":") throw new SyntaxError(`missing colon: ${key}`);
  switch (kind) {
    case "f:":
      return key;
    case "v:":
      return valueKey(parsed(key));
    case "k:": {
      const keys = parsed(key);
      if (!isMap(keys)) throw new SyntaxError(`not an object: ${key}`);
      return itemKey(Object.fromEntries(Object.entries(keys).toSorted(([a], [b]) => compareTexts(a, b))));
    }
    case "i:": {
      const index = Number(key.slice(2));
      if (!Number.isInteger(index)) throw new SyntaxError(`not an index: ${key}`);
      return `i:${index}`;
    }
    default:
      return undefined;
  }
}

/** As messages name it: `.name`, `[name="nginx"]`, `[="x"]`, `[0]`. */
export function keyText(key: string): string {
  switch (key.charAt(0)) {
    case "f":
      return `.${key.slice(2)}`;
    case "i":
      return `[${key.slice(2)}]`;
    case "v":
      return `[=${valueText(parsed(key))}]`;
    default: {
      const pairs = Object.entries(parsed(key) as Keys).map(([name, value]) => `${name}=${valueText(value)}`);
      return `[${pairs.join(",")}]`;
    }
  }
}

export const pathText = (path: readonly string[]): string => path.map(keyText).join("");

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(",")}]`;
  if (!isMap(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, each]) => `${name}=${valueText(each)}`)
    .join(";")}}`;
}

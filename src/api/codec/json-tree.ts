/**
 * JSON as it was written: what stands where, in which order, each key as often as it was given, numbers with their own
 * text. For what a value no longer tells; reading one is slow. What is no JSON is refused in Go's words.
 * upstream: sigs.k8s.io/json scanner.go
 */
import { int64Of } from "#base/exact-json.ts";
import { goEscapes, isPrintable } from "../meta/go-quote.ts";
import { DecodeError } from "./decode-error.ts";
import { compareKeys } from "./go-json.ts";

/** Of a scalar its text. */
export type JsonNode = string | JsonMap | readonly JsonNode[];

export class JsonMap {
  readonly entries: readonly (readonly [key: string, node: JsonNode])[];
  #byKey: ReadonlyMap<string, JsonNode> | undefined;

  constructor(entries: JsonMap["entries"]) {
    this.entries = entries;
  }

  /** Of a key given twice the last. */
  get(key: string): JsonNode | undefined {
    return (this.#byKey ??= new Map(this.entries)).get(key);
  }
}

export type JsonStep = string | number;

/** Deeper values are refused: our stack is the bound, Go's is 10,000. */
export const depthMax = 1000;

/** Throws DecodeError for what is no JSON. */
export const treeOfText = (text: string): JsonNode => new TreeReader(text).run();

/** As Go writes what came by way of a map: keys are in order. */
export function treeOfValue(value: unknown): JsonNode {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return value.map(treeOfValue);
  return new JsonMap(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .toSorted(([a], [b]) => compareKeys(a, b))
      .map(([key, inner]) => [key, treeOfValue(inner)]),
  );
}

export function nodeAt(root: JsonNode, path: readonly JsonStep[]): JsonNode | undefined {
  let node: JsonNode | undefined = root;
  for (const step of path) {
    if (node instanceof JsonMap) node = node.get(String(step));
    else node = typeof node === "object" ? node[Number(step)] : undefined;
  }
  return node;
}

/** What a scalar's text says. */
export function scalarOf(text: string): unknown {
  return int64Of(text) === undefined || Number.isSafeInteger(Number(text))
    ? (JSON.parse(text) as unknown)
    : BigInt(text);
}

/** The first of its kind, as it was written. */
export function findNumber(node: JsonNode, isWanted: (text: string) => boolean): string | undefined {
  if (typeof node === "string") return isNumberText(node) && isWanted(node) ? node : undefined;
  const inner = node instanceof JsonMap ? node.entries.map(([, value]) => value) : node;
  for (const each of inner) {
    const found = findNumber(each, isWanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const isNumberText = (text: string): boolean => /^[-\d]/.test(text);

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const plainText = /[ !#-[\]-\uffff]*/y;
const spaces = " \t\r\n";
const escapes = '"\\/bfnrt';

class TreeReader {
  readonly #text: string;
  #depth = 0;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonNode {
    const node = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail("after top-level value");
    return node;
  }

  /** At the end Go takes one more look, as if there were a space: what could stand before one is cut off, no more. */
  #fail(where: string, isSpaceTaken = true): never {
    const char = this.#text[this.#at];
    if (char === undefined && isSpaceTaken) throw new DecodeError("unexpected end of JSON input");
    throw new DecodeError(`invalid character ${shown(char ?? " ")} ${where}`);
  }

  #space(): void {
    while (this.#at < this.#text.length && spaces.includes(this.#text.charAt(this.#at))) this.#at++;
  }

  #value(): JsonNode {
    this.#space();
    const char = this.#text.charAt(this.#at);
    if (char === "{") return this.#object();
    if (char === "[") return this.#array();
    if (char === '"') return this.#string();
    if (char === "-" || (char >= "0" && char <= "9")) return this.#number();
    if (char === "t") return this.#literal("true");
    if (char === "f") return this.#literal("false");
    if (char === "n") return this.#literal("null");
    return this.#fail("looking for beginning of value");
  }

  #open(end: string): boolean {
    if (++this.#depth > depthMax) this.#fail("exceeded max depth");
    this.#at++;
    this.#space();
    return this.#text[this.#at] !== end || this.#close();
  }

  /** False: nothing more comes. */
  #close(): false {
    this.#depth--;
    this.#at++;
    return false;
  }

  #object(): JsonMap {
    const entries: [string, JsonNode][] = [];
    let hasMore = this.#open("}");
    while (hasMore) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
      const key = (JSON.parse(this.#string()) as string).toWellFormed();
      this.#space();
      if (this.#text[this.#at] !== ":") this.#fail("after object key");
      this.#at++;
      entries.push([key, this.#value()]);
      hasMore = this.#more("}", "after object key:value pair");
    }
    return new JsonMap(entries);
  }

  #array(): JsonNode[] {
    const items: JsonNode[] = [];
    let hasMore = this.#open("]");
    while (hasMore) {
      items.push(this.#value());
      hasMore = this.#more("]", "after array element");
    }
    return items;
  }

  #more(end: string, where: string): boolean {
    this.#space();
    const char = this.#text[this.#at];
    if (char === end) return this.#close();
    if (char !== ",") this.#fail(where);
    this.#at++;
    return true;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      plainText.lastIndex = this.#at;
      plainText.test(this.#text);
      this.#at = plainText.lastIndex;
      const char = this.#text[this.#at];
      if (char !== '"' && char !== "\\") this.#fail("in string literal");
      this.#at++;
      if (char === '"') return this.#text.slice(start, this.#at);
      this.#escape();
    }
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || (char !== "u" && !escapes.includes(char))) {
      this.#fail("in string escape code", false);
    }
    this.#at++;
    for (let left = char === "u" ? 4 : 0; left > 0; left--) {
      if (!/^[0-9a-fA-F]/.test(this.#text.charAt(this.#at))) {
        this.#fail("in \\u hexadecimal character escape", false);
      }
      this.#at++;
    }
  }

  #number(): string {
    const start = this.#at;
    number.lastIndex = start;
    if (!number.test(this.#text)) {
      this.#at++;
      this.#fail("in numeric literal", false);
    }
    this.#at = number.lastIndex;
    const text = this.#text.slice(start, this.#at);
    const next = this.#text.charAt(this.#at);
    if (next === "." && /^-?\d+$/.test(text)) {
      this.#at++;
      this.#fail("after decimal point in numeric literal", false);
    }
    if (/[eE]/.test(next) && !/[eE]/.test(text)) {
      this.#at++;
      if (/^[-+]/.test(this.#text.charAt(this.#at))) this.#at++;
      this.#fail("in exponent of numeric literal", false);
    }
    return text;
  }

  #literal(word: string): string {
    for (const char of word) {
      if (this.#text[this.#at] !== char) this.#fail(`in literal ${word} (expecting '${char}')`, false);
      this.#at++;
    }
    return word;
  }
}

/** Of what is no ASCII Go sees the first byte of UTF-8, and takes it for a character. */
function shown(char: string): string {
  if (char === "'") return String.raw`'\''`;
  if (char === '"') return `'"'`;
  const byte = char <= "\x7f" ? char : String.fromCharCode(Buffer.from(leading(char))[0] ?? 0);
  const known = goEscapes.get(byte);
  if (known !== undefined) return `'${known}'`;
  if (isPrintable(byte)) return `'${byte}'`;
  const hex = byte.charCodeAt(0).toString(16);
  return byte <= "\x7f" ? `'\\x${hex.padStart(2, "0")}'` : `'\\u${hex.padStart(4, "0")}'`;
}

/** Any character of the plane that a high surrogate speaks of. */
const leading = (char: string): string => (char >= "\ud800" && char <= "\udbff" ? `${char}\udc00` : char);

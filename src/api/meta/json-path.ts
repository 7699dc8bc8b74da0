/**
 * The JSONPath of printer columns: fields, indices, slices, filters, wildcards, recursion.
 * upstream: client-go/util/jsonpath/{parser,jsonpath}.go
 */
import { parseExact } from "#base/exact-json.ts";
import { compareKeys, goJson } from "../codec/go-json.ts";
import { goText, isMap } from "../patch/json-value.ts";

type Find = (values: readonly unknown[], looks: Looks) => unknown[];

export class JsonPathError extends Error {
  override readonly name = "JsonPathError";
  readonly code = "JSON_PATH";
}

/** "..a..a..a" finds more in one object of a few hundred maps than there is memory, and no column wants a thousandth. */
const looksMax = 100_000;

/** Filters within filters: each is read once more for each that it stands in, and no column has two. */
const nestedMax = 100;

/** How many values may still be looked at, in all steps together. */
class Looks {
  #left = looksMax;

  /** Throws JsonPathError. */
  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0) throw new JsonPathError("it finds too much");
  }
}

export interface JsonPath {
  /** In order; none where something on the way is missing or isn't what the path takes it for, or where there are too many. */
  find(value: unknown): readonly unknown[];
}

/** `text` without braces: ".spec.conditions[?(@.type=="Ready")].status". Throws JsonPathError. */
export function parseJsonPath(text: string): JsonPath {
  const walk = walkOf(text);
  return {
    find: (value) => {
      try {
        return walk(value, new Looks());
      } catch (error) {
        if (error instanceof JsonPathError) return [];
        throw error;
      }
    },
  };
}

/** Throws JsonPathError now, and later for values that the path doesn't fit. */
function walkOf(text: string, depth = 0): (value: unknown, looks: Looks) => unknown[] {
  if (depth > nestedMax) throw new JsonPathError(`filters may stand in at most ${nestedMax} others`);
  const steps = new Parser(text, depth).steps();
  return (value, looks) => {
    let values = [value];
    for (const step of steps) {
      looks.take(values.length + 1);
      values = step(values, looks);
    }
    return values;
  };
}

/** As Go prints a result: text as it is, lists and maps as JSON. */
export function printResult(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === null) return "<no value>";
  return typeof value === "object" ? goJson(value) : goText(value);
}

const operators = ["==", "!=", "<=", ">=", "<", ">"] as const;
type Operator = (typeof operators)[number];

class Parser {
  readonly #text: string;
  /** In how many filters the text stands. */
  readonly #depth: number;
  #at = 0;

  constructor(text: string, depth: number) {
    this.#text = text.trim();
    this.#depth = depth;
  }

  steps(): Find[] {
    const steps: Find[] = [];
    if (/^[@$]/.test(this.#text)) this.#at = 1;
    while (this.#at < this.#text.length) steps.push(this.#step());
    return steps;
  }

  #step(): Find {
    if (this.#take("..")) return recursive(this.#name());
    if (this.#take("[")) return this.#bracket();
    if (this.#take(".")) {
      if (this.#text[this.#at] === "[") return this.#step();
      if (this.#at >= this.#text.length) return (values) => [...values];
      return fieldStep(this.#name());
    }
    if (this.#at === 0) return fieldStep(this.#name());
    throw new JsonPathError(`unrecognized character in action: ${JSON.stringify(this.#text[this.#at])}`);
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Up to the next dot or bracket; a backslash takes the next character as it is. */
  #name(): string {
    let name = "";
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at] ?? "";
      if (char === "\\") {
        this.#at += 1;
        name += this.#text[this.#at] ?? "";
      } else if (".[]{}()|, \t".includes(char)) break;
      else name += char;
    }
    return name;
  }

  #bracket(): Find {
    const content = this.#untilClosed();
    if (content.startsWith("?(")) {
      return filterStep(content.slice(2, content.lastIndexOf(")")).trim(), this.#depth + 1);
    }
    if (content === "*") return everyChild;
    const quoted = /^(?:'([^']*)'|"([^"]*)")$/.exec(content);
    if (quoted !== null) return fieldStep(quoted[1] ?? quoted[2] ?? "");
    const parts = content.split(",").map((part) => part.trim());
    if (parts.every((part) => /^-?\d*(?::-?\d*){0,2}$/.test(part) && part !== "")) {
      const finds = parts.map(sliceStep);
      return (values, looks) => finds.flatMap((find) => find(values, looks));
    }
    if (parts.every((part) => /^'[^']*'$/.test(part))) {
      const finds = parts.map((part) => fieldStep(part.slice(1, -1)));
      return (values, looks) => finds.flatMap((find) => find(values, looks));
    }
    throw new JsonPathError(`invalid array index ${content}`);
  }

  /** The content of brackets that are open already. */
  #untilClosed(): string {
    const start = this.#at;
    let depth = 1;
    let quote = "";
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at] ?? "";
      if (quote !== "") {
        if (char === quote) quote = "";
      } else if (char === '"' || char === "'") quote = char;
      else if (char === "[") depth += 1;
      else if (char === "]" && --depth === 0) return this.#text.slice(start, this.#at++).trim();
    }
    throw new JsonPathError("unterminated array");
  }
}

const childrenOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];

const everyChild: Find = (values) => values.flatMap(childrenOf);

function fieldStep(name: string): Find {
  if (name === "") return (values) => [...values];
  if (name === "*") return everyChild;
  return (values) =>
    values.flatMap((value) => (isMap(value) && Object.hasOwn(value, name) ? [value[name]] : []));
}

function recursive(name: string): Find {
  const step = fieldStep(name);
  return (values, looks) => {
    const found: unknown[] = [];
    const look = (value: unknown): void => {
      looks.take(1);
      found.push(value);
      for (const child of childrenOf(value)) look(child);
    };
    for (const value of values) look(value);
    return step(found, looks);
  };
}

/** "1", "-1", "0:2", ":", "::2". Beyond the list there is nothing to find, and no other list counts then. */
function sliceStep(text: string): Find {
  const [first = "", last, step = "1"] = text.split(":");
  const stride = Number(step === "" ? "1" : step);
  return (values, looks) => {
    const found: unknown[] = [];
    for (const value of values) {
      looks.take(1);
      if (value === null) continue;
      if (!Array.isArray(value)) throw new JsonPathError("it is not array or slice");
      const { length } = value;
      const start = Number(first) < 0 ? Number(first) + length : Number(first);
      const end = last === undefined ? start + 1 : endOf(last, length);
      if (start === end) return found;
      if (start < 0 || start >= length || end < 0 || end > length || start > end || stride <= 0) {
        throw new JsonPathError(`array index out of bounds: index ${start}, length ${length}`);
      }
      looks.take(Math.ceil((end - start) / stride));
      for (let at = start; at < end; at += stride) found.push(value[at]);
    }
    return found;
  };
}

function endOf(text: string, length: number): number {
  if (text === "") return length;
  return Number(text) < 0 ? Number(text) + length : Number(text);
}

function itemsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new JsonPathError("it is not array or slice and cannot be filtered");
  return value;
}

/** `depth`: in how many filters it stands, itself among them. */
function filterStep(text: string, depth: number): Find {
  const operator = operators.find((each) => splitAt(text, each) !== undefined);
  if (operator === undefined) {
    const exists = operand(text, depth);
    return (values, looks) => values.flatMap(itemsOf).filter((item) => exists(item, looks).length > 0);
  }
  const [left = "", right = ""] = splitAt(text, operator) ?? [];
  const leftOf = operand(left, depth);
  const rightOf = operand(right, depth);
  return (values, looks) =>
    values.flatMap(itemsOf).filter((item) => {
      const [lefts, rights] = [leftOf(item, looks), rightOf(item, looks)];
      if (lefts.length === 0 || rights.length === 0) return false;
      if (lefts.length > 1 || rights.length > 1) {
        throw new JsonPathError("can only compare one element at a time");
      }
      return compare(lefts[0], rights[0], operator);
    });
}

/** At the operator outside quotes. */
function splitAt(text: string, operator: Operator): [left: string, right: string] | undefined {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (text.startsWith(operator, at)) {
      return [text.slice(0, at).trim(), text.slice(at + operator.length).trim()];
    }
  }
  return undefined;
}

function operand(text: string, depth: number): (item: unknown, looks: Looks) => readonly unknown[] {
  const quoted = /^(?:'([^']*)'|"([^"]*)")$/.exec(text);
  if (quoted !== null) {
    const value = quoted[1] ?? quoted[2] ?? "";
    return () => [value];
  }
  if (text === "true" || text === "false") return () => [text === "true"];
  if (/^-?(?:0|[1-9]\d*)(\.\d+)?$/.test(text)) return () => [parseExact(text)];
  if (!text.startsWith("@")) throw new JsonPathError(`unrecognized identifier ${text}`);
  return walkOf(text.slice(1), depth);
}

function compare(a: unknown, b: unknown, operator: Operator): boolean {
  const kind = kindOf(a);
  if (kind !== kindOf(b)) throw new JsonPathError("incompatible types for comparison");
  if (operator === "==" || operator === "!=") return (a === b) === (operator === "==");
  if (kind === "bool") throw new JsonPathError("invalid type for comparison");
  const [left, right] = [a as string, b as string];
  if (left === right) return operator.endsWith("=");
  const isLess = kind === "string" ? compareKeys(left, right) < 0 : left < right;
  return operator.startsWith(isLess ? "<" : ">");
}

/** What Go compares with its like only. */
function kindOf(value: unknown): "bool" | "int" | "float" | "string" {
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "string":
      return "string";
    case "bigint":
      return "int";
    case "number":
      return Number.isInteger(value) ? "int" : "float";
    default:
      throw new JsonPathError("invalid type for comparison");
  }
}

/**
 * JSON text to a value, whose integers are exact. JSON.parse does the work; only where it can't say enough (a key given twice, the wording of a
 * syntax error) the text is read again, slowly.
 */
import { parseExact } from "#base/exact-json.ts";
import { DecodeError, strictFaultsMax } from "./decode-error.ts";

const quote = 34;
const point = 46;
const zero = 48;
const nine = 57;
const colon = 58;
const upperE = 69;
const lowerE = 101;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;
const tooDeep = "exceeded max depth";
/** Deeper values are refused: our stack is the bound, Go's is 10,000. */
const depthMax = 1000;

/**
 * How many keys the objects of a value have. Without recursion: it may be nested deeper than our stack. With the `text` that
 * it was read from, throws DecodeError for a number too large for a float64, as Go does; JSON.parse makes it infinite.
 */
export function keysWithin(root: unknown, text?: string): number {
  let keys = 0;
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (text !== undefined && (value === Infinity || value === -Infinity)) throw overflowIn(text);
    if (typeof value !== "object" || value === null) continue;
    const inner = Object.values(value);
    if (!Array.isArray(value)) keys += inner.length;
    for (const each of inner) left.push(each);
  }
  return keys;
}

/** In the words about the first such number. */
function overflowIn(text: string): DecodeError {
  let first: string | undefined;
  new SlowReader(text, {
    onNumber: (_path, number) => {
      if (first === undefined && !Number.isFinite(Number(number))) first = number;
    },
  }).run();
  return new DecodeError(`json: cannot unmarshal number ${first ?? ""} into Go value of type float64`);
}

interface Survey {
  /** How many keys its objects have, keys given twice counted twice. */
  readonly keys: number;
  /** There are numbers with a point or an exponent: no integers, whatever they amount to. */
  readonly hasFractions: boolean;
}

/** Of a valid text. Throws DecodeError when it is too deep. */
export function survey(text: string): Survey {
  let keys = 0;
  let hasFractions = false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === colon) keys++;
    else if (char === openBrace || char === openBracket) {
      if (++depth > depthMax) throw new DecodeError(tooDeep);
    } else if (char === closeBrace || char === closeBracket) depth--;
    else if (char === quote) {
      at = text.indexOf('"', at + 1);
      while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
    } else if (char === point) hasFractions = true;
    else if ((char === lowerE || char === upperE) && isDigit(text.charCodeAt(at - 1))) hasFractions = true;
  }
  return { keys, hasFractions };
}

const isDigit = (code: number): boolean => code >= zero && code <= nine;

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

/** Throws DecodeError with Go's words. */
export function parseJson(text: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    new SlowReader(text, {}).run();
    // Ours was content where JSON.parse was not: at least its own words.
    throw new DecodeError(error instanceof Error ? error.message : "invalid JSON", { cause: error });
  }
}

/** Paths of the keys given twice, as upstream prints them: "spec.containers[0].name". */
export function duplicateKeys(text: string): string[] {
  const found: string[] = [];
  new SlowReader(text, {
    onDuplicate: (path) => {
      if (found.length < strictFaultsMax) found.push(pathText(path));
    },
  }).run();
  return found;
}

type Step = string | number;

/** "spec.containers[0].foo" */
export function pathText(path: readonly Step[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** By keys and indices, as the values themselves: whole paths could be as long as the text, each of them. */
export type NumberTexts = ReadonlyMap<Step, string | NumberTexts>;

/** The numbers of a valid text as they were written. */
export function numberTexts(text: string): NumberTexts {
  const tree = new NumberTree();
  new SlowReader(text, {
    onNumber: (path, number) => {
      tree.add(path, number);
    },
    onLeave: (path) => {
      tree.leave(path);
    },
  }).run();
  return tree.root;
}

type Branch = Map<Step, string | NumberTexts>;

/** Grows where numbers are, and nowhere else. */
class NumberTree {
  readonly root: Branch = new Map();
  /** The branches on the way to where the reader is, as far as they have been needed. */
  readonly #branches: Branch[] = [this.root];

  add(path: readonly Step[], text: string): void {
    const last = path.at(-1);
    if (last === undefined) return;
    let branch = this.#branches.at(-1) ?? this.root;
    for (const step of path.slice(this.#branches.length - 1, -1)) {
      const next: Branch = new Map();
      branch.set(step, next);
      this.#branches.push(next);
      branch = next;
    }
    branch.set(last, text);
  }

  leave({ length }: readonly Step[]): void {
    this.#branches.splice(length + 1);
  }
}

interface Hooks {
  readonly onDuplicate?: (path: readonly Step[]) => void;
  readonly onNumber?: (path: readonly Step[], text: string) => void;
  /** `path`: where it has come back to. */
  readonly onLeave?: (path: readonly Step[]) => void;
}

const literals: readonly string[] = ["true", "false", "null"];
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escapes = '"\\/bfnrt';

class SlowReader {
  readonly #text: string;
  readonly #hooks: Hooks;
  readonly #path: Step[] = [];
  #at = 0;

  constructor(text: string, hooks: Hooks) {
    this.#text = text;
    this.#hooks = hooks;
  }

  run(): void {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail("after top-level value");
  }

  #fail(where: string): never {
    const char = this.#text[this.#at];
    if (char === undefined) throw new DecodeError("unexpected end of JSON input");
    const shown = char === "'" ? `'\\''` : char === '"' ? `'"'` : `'${JSON.stringify(char).slice(1, -1)}'`;
    throw new DecodeError(`invalid character ${shown} ${where}`);
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #value(): void {
    this.#space();
    const char = this.#text[this.#at] ?? "";
    if (char === "{") this.#object();
    else if (char === "[") this.#array();
    else if (char === '"') this.#string();
    else if (char === "-" || (char >= "0" && char <= "9")) this.#number();
    else this.#literal();
  }

  #open(): void {
    if (this.#path.length >= depthMax) throw new DecodeError(tooDeep);
    this.#at++;
  }

  /** What is there under a key or an index. */
  #inner(step: Step): void {
    this.#path.push(step);
    this.#value();
    this.#path.pop();
    this.#hooks.onLeave?.(this.#path);
  }

  #object(): void {
    this.#open();
    const seen = new Set<string>();
    this.#space();
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
      const key = this.#string();
      if (seen.has(key)) this.#hooks.onDuplicate?.([...this.#path, key]);
      seen.add(key);
      this.#space();
      if (this.#text[this.#at] !== ":") this.#fail("after object key");
      this.#at++;
      this.#inner(key);
      this.#space();
      const end = this.#text[this.#at];
      if (end !== "," && end !== "}") this.#fail("after object key:value pair");
      this.#at++;
      if (end === "}") return;
    }
  }

  #array(): void {
    this.#open();
    this.#space();
    if (this.#text[this.#at] === "]") {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#inner(index);
      this.#space();
      const end = this.#text[this.#at];
      if (end !== "," && end !== "]") this.#fail("after array element");
      this.#at++;
      if (end === "]") return;
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined || char < " ") this.#fail("in string literal");
      this.#at++;
      if (char === '"') return JSON.parse(this.#text.slice(start, this.#at)) as string;
      if (char === "\\") this.#escape();
    }
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || (char !== "u" && !escapes.includes(char))) this.#fail("in string escape code");
    this.#at++;
    for (let left = char === "u" ? 4 : 0; left > 0; left--) {
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape");
      this.#at++;
    }
  }

  #number(): void {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) {
      this.#at++;
      this.#fail("in numeric literal");
    }
    this.#at += match[0].length;
    this.#hooks.onNumber?.(this.#path, match[0]);
  }

  #literal(): void {
    const word = literals.find((each) => each.startsWith(this.#text[this.#at] ?? "-"));
    if (word === undefined) this.#fail("looking for beginning of value");
    for (const char of word) {
      if (this.#text[this.#at] !== char && char !== word[0]) {
        this.#fail(`in literal ${word} (expecting '${char}')`);
      }
      this.#at++;
    }
  }
}

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
      if (found.length < strictFaultsMax) found.push(path);
    },
  }).run();
  return found;
}

/** The numbers of a valid text as they were written, by such paths. */
export function numberTexts(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  new SlowReader(text, { onNumber: (path, number) => found.set(path, number) }).run();
  return found;
}

interface Hooks {
  readonly onDuplicate?: (path: string) => void;
  readonly onNumber?: (path: string, text: string) => void;
}

const literals: readonly string[] = ["true", "false", "null"];
const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escapes = '"\\/bfnrt';

class SlowReader {
  readonly #text: string;
  readonly #hooks: Hooks;
  #at = 0;
  #depth = 0;

  constructor(text: string, hooks: Hooks) {
    this.#text = text;
    this.#hooks = hooks;
  }

  run(): void {
    this.#value("");
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

  #value(path: string): void {
    this.#space();
    const char = this.#text[this.#at] ?? "";
    if (char === "{") this.#nested(() => this.#object(path));
    else if (char === "[") this.#nested(() => this.#array(path));
    else if (char === '"') this.#string();
    else if (char === "-" || (char >= "0" && char <= "9")) this.#number(path);
    else this.#literal();
  }

  #nested(read: () => void): void {
    if (++this.#depth > depthMax) throw new DecodeError(tooDeep);
    this.#at++;
    read();
    this.#depth--;
  }

  #object(path: string): void {
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
      const inner = path === "" ? key : `${path}.${key}`;
      if (seen.has(key)) this.#hooks.onDuplicate?.(inner);
      seen.add(key);
      this.#space();
      if (this.#text[this.#at] !== ":") this.#fail("after object key");
      this.#at++;
      this.#value(inner);
      this.#space();
      const end = this.#text[this.#at];
      if (end !== "," && end !== "}") this.#fail("after object key:value pair");
      this.#at++;
      if (end === "}") return;
    }
  }

  #array(path: string): void {
    this.#space();
    if (this.#text[this.#at] === "]") {
      this.#at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.#value(`${path}[${index}]`);
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

  #number(path: string): void {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text);
    if (match === null) {
      this.#at++;
      this.#fail("in numeric literal");
    }
    this.#at += match[0].length;
    this.#hooks.onNumber?.(path, match[0]);
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

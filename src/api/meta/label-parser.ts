/**
 * The text form of label selectors: "a=b,c in (d,e),!f".
 * upstream: apimachinery/pkg/labels/selector.go (lexer and parser)
 */
import {
  LabelSelector,
  requirement,
  SelectorError,
  type Requirement,
  type SelectorOperator,
} from "./labels.ts";

type TokenKind =
  | "word"
  | "end"
  | "error"
  | "("
  | ")"
  | ","
  | "!"
  | "="
  | "=="
  | "!="
  | ">"
  | "<"
  | "in"
  | "notin";

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const symbols: ReadonlySet<string> = new Set(["(", ")", ",", "!", "=", "==", "!=", ">", "<"]);
const isSpecial = (char: string): boolean => "=!(),><".includes(char);
const isSpace = (char: string): boolean => " \t\r\n".includes(char);

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (isSpace(char)) {
      at += 1;
      continue;
    }
    let end = at + 1;
    if (isSpecial(char)) {
      while (end < text.length && symbols.has(text.slice(at, end + 1))) end += 1;
      tokens.push({ kind: text.slice(at, end) as TokenKind, text: text.slice(at, end) });
    } else {
      while (end < text.length && !isSpecial(text.charAt(end)) && !isSpace(text.charAt(end))) end += 1;
      const word = text.slice(at, end);
      tokens.push({ kind: word === "in" || word === "notin" ? word : "word", text: word });
    }
    at = end;
  }
  return tokens;
}

const operators: ReadonlyMap<TokenKind, SelectorOperator> = new Map([
  ["=", "="],
  ["==", "=="],
  ["!=", "!="],
  ["in", "in"],
  ["notin", "notin"],
  [">", "gt"],
  ["<", "lt"],
]);

const endToken: Token = { kind: "end", text: "" };

function fail(found: Token, expected: string): never {
  throw new SelectorError(`found '${found.text}', expected: ${expected}`);
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  /** Where a value is expected, "in" and "notin" are ordinary words. */
  #peek(): Token {
    const token = this.#tokens[this.#at] ?? endToken;
    return token.kind === "in" || token.kind === "notin" ? { kind: "word", text: token.text } : token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === "end") return requirements;
      if (token.kind !== "word" && token.kind !== "!") fail(token, "!, identifier, or 'end of string'");
      requirements.push(this.#requirement());
      const after = this.#take();
      if (after.kind === "end") return requirements;
      if (after.kind !== ",") fail(after, "',' or 'end of string'");
      const next = this.#peek();
      if (next.kind !== "word" && next.kind !== "!") fail(next, "identifier after ','");
    }
  }

  #requirement(): Requirement {
    try {
      return this.#readRequirement();
    } catch (error) {
      if (!(error instanceof SelectorError)) throw error;
      throw new SelectorError(`unable to parse requirement: ${error.message}`, { cause: error });
    }
  }

  #readRequirement(): Requirement {
    let key = this.#take();
    const negated = key.kind === "!";
    if (negated) key = this.#take();
    if (key.kind !== "word") fail(key, "identifier");
    // Checks the key before anything after it is looked at.
    const exists = requirement(key.text, negated ? "!" : "exists");
    const next = this.#peek();
    if (negated || next.kind === "end" || next.kind === ",") return exists;
    const operator = this.#operator();
    const values = operator === "in" || operator === "notin" ? this.#list() : this.#value();
    return requirement(key.text, operator, values);
  }

  #operator(): SelectorOperator {
    const token = this.#tokens[this.#at] ?? endToken;
    this.#at += 1;
    const operator = operators.get(token.kind);
    return operator ?? fail(token, "in, notin, =, ==, !=, gt, lt");
  }

  #value(): readonly string[] {
    const next = this.#peek();
    if (next.kind === "end" || next.kind === ",") return [""];
    const token = this.#take();
    return token.kind === "word" ? [token.text] : fail(token, "identifier");
  }

  #list(): readonly string[] {
    const open = this.#take();
    if (open.kind !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.kind === ")") {
      this.#take();
      return [];
    }
    if (first.kind !== "word" && first.kind !== ",") fail(first, "',', ')' or identifier");
    const values = this.#listItems();
    this.#take();
    return values;
  }

  /** Up to, not including, the closing parenthesis. A missing item counts as the empty value. */
  #listItems(): readonly string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.#take();
      if (token.kind === "word") {
        values.push(token.text);
        const next = this.#peek();
        if (next.kind === ")") return values;
        if (next.kind !== ",") fail(next, "',' or ')'");
      } else if (token.kind === ",") {
        if (values.length === 0) values.push("");
        const next = this.#peek();
        if (next.kind === ")") return [...values, ""];
        if (next.kind === ",") {
          this.#take();
          values.push("");
        }
      } else fail(token, "',', or identifier");
    }
  }
}

/** Throws SelectorError. Empty text matches everything. */
export function parseLabelSelector(text: string): LabelSelector {
  return new LabelSelector(new Parser(text).parse());
}

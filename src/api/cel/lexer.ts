/** Words of CEL. upstream: cel-go parser/gen/CEL.g4, parser/unescape.go */
import type { Issues } from "./source.ts";

export type TokenKind =
  | "ident"
  | "escaped"
  | "int"
  | "uint"
  | "float"
  | "string"
  | "bytes"
  | "op"
  | "keyword"
  | "eof";

export interface Token {
  readonly kind: TokenKind;
  /** As written; "<EOF>" at the end. */
  readonly text: string;
  readonly offset: number;
}

const operators = "== != <= >= && || < > [ ] { } ( ) . , - ! ? : + * / %".split(" ");
const keywords = new Set(["in", "true", "false", "null"]);

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ["float", /(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)/y],
  ["uint", /(?:0x[0-9a-fA-F]+|\d+)[uU]/y],
  ["int", /(?:0x[0-9a-fA-F]+|\d+)/y],
  ["escaped", /`[a-zA-Z0-9_.\-/ ]+`/y],
];

const prefix = /(?<bytes>[bB])?(?<raw>[rR])?(?<quote>"""|'''|"|')/y;
const identifier = /[a-zA-Z_]\w*/y;
const blank = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;

export class Lexer {
  readonly #source: string;
  readonly #issues: Issues;
  #at = 0;
  /** Offsets are counted in code points, `#at` in UTF-16. */
  #surplus = 0;

  constructor(source: string, issues: Issues) {
    this.#source = source;
    this.#issues = issues;
  }

  tokens(): Token[] {
    const found: Token[] = [];
    for (;;) {
      const token = this.#next();
      if (token !== undefined) found.push(token);
      if (token?.kind === "eof") return found;
    }
  }

  #next(): Token | undefined {
    this.#take(blank);
    if (this.#at >= this.#source.length) return this.#token("eof", "<EOF>", 0);
    const literal = this.#string();
    if (literal !== undefined) return literal;
    for (const [kind, pattern] of patterns) {
      const text = this.#peek(pattern);
      if (text !== undefined) return this.#token(kind, text, text.length);
    }
    const word = this.#peek(identifier);
    if (word !== undefined) return this.#token(keywords.has(word) ? "keyword" : "ident", word, word.length);
    const operator = operators.find((each) => this.#source.startsWith(each, this.#at));
    if (operator !== undefined) return this.#token("op", operator, operator.length);
    const bad = this.#source.slice(this.#at, this.#at + 1 + (this.#isPair(this.#at) ? 1 : 0));
    const shown =
      this.#source.startsWith(`${bad} `, this.#at) && (bad === "|" || bad === "&") ? `${bad} ` : bad;
    this.#issues.report(this.#offset(), `Syntax error: token recognition error at: '${shown}'`);
    this.#move(bad.length);
    return undefined;
  }

  #string(): Token | undefined {
    prefix.lastIndex = this.#at;
    const match = prefix.exec(this.#source);
    const { bytes, raw, quote } = match?.groups ?? {};
    if (match === null || quote === undefined) return undefined;
    const start = this.#at + match[0].length;
    const end = this.#endOfString(start, quote, raw !== undefined);
    if (end === undefined) {
      this.#issues.report(
        this.#offset(),
        `Syntax error: token recognition error at: '${this.#source.slice(this.#at)}'`,
      );
      this.#move(this.#source.length - this.#at);
      return this.#token("eof", "<EOF>", 0);
    }
    const text = this.#source.slice(this.#at, end);
    return this.#token(bytes === undefined ? "string" : "bytes", text, text.length);
  }

  #endOfString(start: number, quote: string, raw: boolean): number | undefined {
    for (let at = start; at < this.#source.length; at += 1) {
      if (this.#source.startsWith(quote, at)) return at + quote.length;
      const char = this.#source[at];
      if (char === "\\" && !raw) at += 1;
      if (quote.length === 1 && (char === "\n" || char === "\r")) return undefined;
    }
    return undefined;
  }

  #peek(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #take(pattern: RegExp): void {
    this.#move(this.#peek(pattern)?.length ?? 0);
  }

  #token(kind: TokenKind, text: string, length: number): Token {
    const token = { kind, text, offset: this.#offset() };
    this.#move(length);
    return token;
  }

  #offset(): number {
    return this.#at - this.#surplus;
  }

  #isPair(at: number): boolean {
    return (this.#source.codePointAt(at) ?? 0) > 0xffff;
  }

  #move(length: number): void {
    const end = this.#at + length;
    while (this.#at < end) {
      const isPair = this.#isPair(this.#at);
      this.#at += isPair ? 2 : 1;
      if (isPair) this.#surplus += 1;
    }
  }
}

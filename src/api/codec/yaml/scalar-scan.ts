/** The texts of YAML's scalars as they are written. upstream: go.yaml.in/yaml/v2 scannerc.go */
import { isBlank, isBlankOrEnd, isBreak, isBreakOrEnd, space, tab, type Cursor } from "./cursor.ts";

const colon = 58;
const hash = 35;
const backslash = 92;
const singleQuote = 39;
const doubleQuote = 34;
/** In a flow, `,?[]{}` end a plain scalar. */
const flowEnds: ReadonlySet<number> = new Set([44, 63, 91, 93, 123, 125]);

/** Spaces and line ends between words: one line end is a space, more are one less. */
class Gap {
  isLines = false;
  #blanks = "";
  #first = "";
  #rest = "";

  blank(text: string): void {
    if (!this.isLines) this.#blanks += text;
  }

  line(text: string): void {
    if (this.isLines) this.#rest += text;
    else this.#first = text;
    this.isLines = true;
  }

  /** A line end that was escaped. */
  escapedLine(): void {
    this.isLines = true;
  }

  taken(): string {
    const text = !this.isLines
      ? this.#blanks
      : this.#first === "\n"
        ? this.#rest === ""
          ? " "
          : this.#rest
        : this.#first + this.#rest;
    this.#blanks = "";
    this.#first = "";
    this.#rest = "";
    this.isLines = false;
    return text;
  }
}

export interface PlainPlace {
  readonly isFlow: boolean;
  /** Of the block that it is in. */
  readonly indent: number;
}

/** `endsLine`: line ends follow, so that a key may begin. */
export function scanPlain(
  cursor: Cursor,
  { isFlow, indent }: PlainPlace,
): { readonly value: string; readonly endsLine: boolean } {
  const gap = new Gap();
  let value = "";
  while (!cursor.isDocumentMark() && cursor.code() !== hash) {
    const length = plainLength(cursor, isFlow);
    if (length > 0) value += gap.taken() + cursor.take(length);
    const code = cursor.code();
    if (!isBlank(code) && !isBreak(code)) break;
    skipGap(cursor, gap, indent + 1);
    if (!isFlow && cursor.column <= indent) break;
  }
  return { value, endsLine: gap.isLines };
}

function plainLength({ text, at }: Cursor, isFlow: boolean): number {
  for (let end = at; ; end++) {
    const code = text.charCodeAt(end);
    const isEnd =
      isBlankOrEnd(code) ||
      (code === colon && isBlankOrEnd(text.charCodeAt(end + 1))) ||
      (isFlow && flowEnds.has(code));
    if (isEnd) return end - at;
  }
}

/** `indent`: tabs before it are refused; 0: none are. */
function skipGap(cursor: Cursor, gap: Gap, indent = 0): void {
  for (;;) {
    const code = cursor.code();
    if (isBlank(code)) {
      if (gap.isLines && code === tab && cursor.column < indent) {
        cursor.fail("found a tab character that violates indentation");
      }
      gap.blank(cursor.take());
    } else if (isBreak(code)) gap.line(cursor.readLine());
    else return;
  }
}

export function scanQuoted(cursor: Cursor): string {
  const quote = cursor.code();
  cursor.skip();
  let value = "";
  for (;;) {
    if (cursor.isDocumentMark()) cursor.fail("found unexpected document indicator");
    if (cursor.code() === 0) cursor.fail("found unexpected end of stream");
    const gap = new Gap();
    value += quote === singleQuote ? singleQuotedWords(cursor) : doubleQuotedWords(cursor, gap);
    if (cursor.code() === quote) break;
    skipGap(cursor, gap);
    value += gap.taken();
  }
  cursor.skip();
  return value;
}

function singleQuotedWords(cursor: Cursor): string {
  let value = "";
  for (;;) {
    let end = cursor.at;
    let code = cursor.text.charCodeAt(end);
    while (code !== singleQuote && !isBlankOrEnd(code)) code = cursor.text.charCodeAt(++end);
    value += cursor.take(end - cursor.at);
    if (code !== singleQuote || cursor.code(1) !== singleQuote) return value;
    cursor.skip(2);
    value += "'";
  }
}

function doubleQuotedWords(cursor: Cursor, gap: Gap): string {
  let value = "";
  for (;;) {
    let end = cursor.at;
    let code = cursor.text.charCodeAt(end);
    while (code !== doubleQuote && code !== backslash && !isBlankOrEnd(code)) {
      code = cursor.text.charCodeAt(++end);
    }
    value += cursor.take(end - cursor.at);
    if (code !== backslash) return value;
    if (isBreak(cursor.code(1))) {
      cursor.skip();
      cursor.readLine();
      gap.escapedLine();
      return value;
    }
    value += escape(cursor);
  }
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\u0007"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\u001b"],
  [" ", " "],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["N", "\u0085"],
  ["_", "\u00a0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
]);
const codeLengths: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

function escape(cursor: Cursor): string {
  const char = cursor.text.charAt(cursor.at + 1);
  const known = escapes.get(char);
  const length = codeLengths.get(char);
  if (known === undefined && length === undefined) cursor.fail("found unknown escape character");
  cursor.skip(2);
  if (length === undefined) return known ?? "";
  const digits = cursor.text.slice(cursor.at, cursor.at + length);
  if (!/^[0-9a-fA-F]+$/.test(digits)) cursor.fail("did not find expected hexdecimal number");
  const code = Number.parseInt(digits, 16);
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) {
    cursor.fail("found invalid Unicode character escape code");
  }
  cursor.skip(length);
  return String.fromCodePoint(code);
}

interface BlockHeader {
  readonly chomp: string;
  readonly increment: number;
}

/** `outer`: the indentation of the block that it is in. */
export function scanBlock(cursor: Cursor, outer: number): string {
  const isLiteral = cursor.take() === "|";
  const { chomp, increment } = blockHeader(cursor);
  const lines = new BlockLines(cursor, outer);
  if (increment > 0) lines.indent = Math.max(outer, 0) + increment;
  let breaks = lines.breaks();
  let value = "";
  let lead = "";
  let wasBlank = false;
  while (cursor.column === lines.indent && cursor.code() !== 0) {
    const startsBlank = isBlank(cursor.code());
    const isFolded = !isLiteral && !wasBlank && !startsBlank && lead.startsWith("\n");
    value += (isFolded ? (breaks === "" ? " " : "") : lead) + breaks;
    wasBlank = startsBlank;
    const start = cursor.at;
    cursor.skipToLineEnd();
    value += cursor.text.slice(start, cursor.at);
    lead = isBreak(cursor.code()) ? cursor.readLine() : "";
    breaks = lines.breaks();
  }
  if (chomp !== "-") value += lead;
  return chomp === "+" ? value + breaks : value;
}

function blockHeader(cursor: Cursor): BlockHeader {
  let chomp = cursor.match(/[-+]?/y);
  const digit = cursor.match(/[1-9]?/y);
  if (digit === "" && cursor.code() === 48) cursor.fail("found an indentation indicator equal to 0");
  if (chomp === "" && digit !== "") chomp = cursor.match(/[-+]?/y);
  cursor.skipBlanks();
  cursor.skipComment();
  if (!isBreakOrEnd(cursor.code())) cursor.fail("did not find expected comment or line break");
  if (isBreak(cursor.code())) cursor.readLine();
  return { chomp, increment: Number(digit) };
}

class BlockLines {
  /** 0: the first line that isn't empty says it. */
  indent = 0;
  readonly #cursor: Cursor;
  readonly #outer: number;

  constructor(cursor: Cursor, outer: number) {
    this.#cursor = cursor;
    this.#outer = outer;
  }

  /** Past what indents the next line; the line ends before it. */
  breaks(): string {
    const cursor = this.#cursor;
    let breaks = "";
    let deepest = 0;
    for (;;) {
      while ((this.indent === 0 || cursor.column < this.indent) && cursor.code() === space) cursor.skip();
      deepest = Math.max(deepest, cursor.column);
      if ((this.indent === 0 || cursor.column < this.indent) && cursor.code() === tab) {
        cursor.fail("found a tab character where an indentation space is expected");
      }
      if (!isBreak(cursor.code())) break;
      breaks += cursor.readLine();
    }
    if (this.indent === 0) this.indent = Math.max(deepest, this.#outer + 1, 1);
    return breaks;
  }
}

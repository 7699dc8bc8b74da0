/** Where the reader of a YAML stream is: characters, lines, columns, and the words for what can't be read there. */
import { DecodeError } from "../decode-error.ts";
import type { YamlSource } from "./source.ts";

export const tab = 9;
export const lineFeed = 10;
export const carriageReturn = 13;
export const space = 32;
const nextLine = 0x85;
const lineSeparator = 0x2028;
const paragraphSeparator = 0x2029;

/** Beyond the last character there are zeros, of which no text has one: nobody looks further than this. */
const lookahead = 12;

export const isBreak = (code: number): boolean =>
  code === lineFeed ||
  code === carriageReturn ||
  code === nextLine ||
  code === lineSeparator ||
  code === paragraphSeparator;
export const isBreakOrEnd = (code: number): boolean => code === 0 || isBreak(code);
export const isBlank = (code: number): boolean => code === space || code === tab;
export const isBlankOrEnd = (code: number): boolean => isBlank(code) || isBreakOrEnd(code);

export const wordPattern = /[0-9A-Za-z_-]*/y;

/** `line`: 0 for none. */
export const yamlError = (problem: string, line: number): DecodeError =>
  new DecodeError(`yaml: ${line === 0 ? "" : `line ${line}: `}${problem}`);

/** So far goyaml looks at least: "--- ". */
const widestMark = 4;

export class Cursor {
  readonly text: string;
  at = 0;
  line = 0;
  readonly #fault: string | undefined;
  readonly #end: number;
  readonly #hasPairs: boolean;
  #lineStart = 0;
  /** Of two units there is one character. */
  #pairs = 0;
  #pairsBeforeLine = 0;

  constructor({ text, fault }: YamlSource) {
    this.text = text + "\0".repeat(lookahead);
    this.#end = text.length;
    this.#fault = fault;
    this.#hasPairs = /[\ud800-\udbff]/.test(text);
  }

  /** In characters. */
  get column(): number {
    return this.at - this.#lineStart - (this.#pairs - this.#pairsBeforeLine);
  }

  get index(): number {
    return this.at - this.#pairs;
  }

  code(ahead = 0): number {
    return this.text.charCodeAt(this.at + ahead);
  }

  /** `count` units within the line. */
  skip(count = 1): void {
    const end = this.at + count;
    if (this.#hasPairs) {
      for (let at = this.at; at < end; at++) {
        if ((this.text.charCodeAt(at) & 0xfc00) === 0xdc00) this.#pairs++;
      }
    }
    this.at = end;
  }

  take(count = 1): string {
    const start = this.at;
    this.skip(count);
    return this.text.slice(start, this.at);
  }

  /** What matches from here on; `pattern`: sticky. */
  match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.skip(found.length);
    return found;
  }

  /** Past a line's end, and what it stands for. */
  readLine(): string {
    const code = this.code();
    const isPair = code === carriageReturn && this.code(1) === lineFeed;
    this.at += isPair ? 2 : 1;
    this.line++;
    this.#startLine();
    return code === lineSeparator || code === paragraphSeparator ? String.fromCharCode(code) : "\n";
  }

  /** At the end of the stream a line begins. */
  endLine(): void {
    if (this.column === 0) return;
    this.line++;
    this.#startLine();
  }

  #startLine(): void {
    this.#lineStart = this.at;
    this.#pairsBeforeLine = this.#pairs;
  }

  skipBlanks(): void {
    while (isBlank(this.code())) this.skip();
  }

  skipToLineEnd(): void {
    let end = this.at;
    while (!isBreakOrEnd(this.text.charCodeAt(end))) end++;
    this.skip(end - this.at);
  }

  skipComment(): void {
    if (this.code() === 35) this.skipToLineEnd();
  }

  /** "---" or "..." by itself. */
  isDocumentMark(): boolean {
    if (this.column !== 0) return false;
    const code = this.code();
    const isMark = (code === 45 || code === 46) && this.code(1) === code && this.code(2) === code;
    return isMark && isBlankOrEnd(this.code(3));
  }

  /** What a scanner says, which counts lines from 1. */
  fail(problem: string): never {
    this.checkReadable();
    throw yamlError(problem, this.line === 0 ? 0 : this.line + 1);
  }

  /** Throws where a character that can't be read is near. */
  checkReadable(): void {
    if (this.#fault !== undefined && this.at + widestMark > this.#end) throw yamlError(this.#fault, 0);
  }
}

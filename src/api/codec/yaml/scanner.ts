/**
 * A YAML stream as tokens. Whether something is a key is only known at the colon behind it: until then its token waits in
 * a queue. How far it looks ahead is goyaml's, so that the first fault is, too.
 * upstream: go.yaml.in/yaml/v2 scannerc.go
 */
import { isBlank, isBlankOrEnd, isBreak, space, tab, type Cursor } from "./cursor.ts";
import { scanBlock, scanPlain, scanQuoted } from "./scalar-scan.ts";
import { scanAnchor, scanDirective, scanTag, type Directive, type Tag } from "./tag-scan.ts";

export type TokenType =
  | "stream end"
  | "document start"
  | "document end"
  | "block sequence"
  | "block mapping"
  | "block end"
  | "flow sequence"
  | "flow sequence end"
  | "flow mapping"
  | "flow mapping end"
  | "entry"
  | "flow entry"
  | "key"
  | "value";

export type Token =
  | { readonly type: TokenType; readonly line: number }
  | { readonly type: "directive"; readonly line: number; readonly directive: Directive }
  | { readonly type: "alias" | "anchor"; readonly line: number; readonly name: string }
  | { readonly type: "tag"; readonly line: number; readonly tag: Tag }
  | { readonly type: "scalar"; readonly line: number; readonly value: string; readonly isPlain: boolean };

interface SimpleKey {
  isPossible: boolean;
  /** Its token isn't handed out before its colon is found, or none can be. */
  isAwaited: boolean;
  /** It begins its line, where nothing but a key may be. */
  readonly isRequired: boolean;
  readonly tokenNumber: number;
  readonly line: number;
  readonly column: number;
  readonly index: number;
}

const noKey = (tokenNumber: number): SimpleKey => ({
  isPossible: false,
  isAwaited: false,
  isRequired: false,
  tokenNumber,
  line: 0,
  column: 0,
  index: 0,
});

/** In characters: a key without a question mark isn't longer. */
const simpleKeyMax = 1024;

const hash = 35;
const dash = 45;
const question = 63;
const colon = 58;
/** `[`, `{`; `]`, `}`. */
const flowStarts: ReadonlyMap<number, TokenType> = new Map([
  [91, "flow sequence"],
  [123, "flow mapping"],
]);
const flowEnds: ReadonlyMap<number, TokenType> = new Map([
  [93, "flow sequence end"],
  [125, "flow mapping end"],
]);
/** What no plain scalar begins with. */
const indicators = new Set(Array.from("-?:,[]{}#&*!|>'\"%@`", (char) => char.charCodeAt(0)));

export class YamlScanner {
  readonly cursor: Cursor;
  readonly #depthMax: number;
  #queue: Token[] = [];
  #head = 0;
  /** How many tokens have been taken. */
  #taken = 0;
  #isReady = false;
  #flowLevel = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  #mayBeKey = true;
  /** One of each level of flows, by the numbers of their tokens. */
  readonly #keys: SimpleKey[] = [noKey(0)];

  constructor(cursor: Cursor, depthMax: number) {
    this.cursor = cursor;
    this.#depthMax = depthMax;
  }

  /** Throws DecodeError. */
  peek(): Token {
    if (!this.#isReady) this.#fill();
    return this.#queue[this.#head] as Token;
  }

  take(): void {
    this.#isReady = false;
    this.#taken++;
    this.#head++;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
  }

  #fill(): void {
    for (;;) {
      if (this.#head < this.#queue.length) {
        const key = this.#headKey();
        if (key?.isAwaited !== true || !this.#isStillPossible(key)) break;
      }
      this.#scan();
    }
    this.#isReady = true;
  }

  /** That the next token may be. */
  #headKey(): SimpleKey | undefined {
    let from = 0;
    let to = this.#keys.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#keys[middle] as SimpleKey).tokenNumber < this.#taken) from = middle + 1;
      else to = middle;
    }
    const key = this.#keys[from];
    return key?.tokenNumber === this.#taken ? key : undefined;
  }

  #add(token: Token): void {
    this.#queue.push(token);
  }

  #insert(tokenNumber: number, token: Token): void {
    this.#queue.splice(this.#head + tokenNumber - this.#taken, 0, token);
  }

  #addHere(type: TokenType): void {
    this.#add({ type, line: this.cursor.line });
  }

  #scan(): void {
    const { cursor } = this;
    this.#skipToToken();
    this.#unroll(cursor.column);
    const code = cursor.code();
    if (code === 0) this.#end();
    else if (cursor.column === 0 && code === 37) this.#directive();
    else if (cursor.isDocumentMark()) this.#documentMark(code === dash ? "document start" : "document end");
    else if (!this.#indicator(code)) this.#scalar(code);
    // Goyaml has looked for more.
    if (cursor.code() === 0) cursor.checkReadable();
  }

  #skipToToken(): void {
    const { cursor } = this;
    if (cursor.at === 0 && cursor.code() === 0xfeff) cursor.skip();
    for (;;) {
      let code = cursor.code();
      while (code === space || (code === tab && (this.#flowLevel > 0 || !this.#mayBeKey))) {
        cursor.skip();
        code = cursor.code();
      }
      if (code === hash) cursor.skipToLineEnd();
      if (!isBreak(cursor.code())) return;
      cursor.readLine();
      if (this.#flowLevel === 0) this.#mayBeKey = true;
    }
  }

  /** False: a scalar begins here. */
  #indicator(code: number): boolean {
    const start = flowStarts.get(code);
    const end = flowEnds.get(code);
    if (start !== undefined) this.#flowStart(start);
    else if (end !== undefined) this.#flowEnd(end);
    else if (code === 44) this.#flowEntry();
    else return this.#blockIndicator(code) || this.#property(code);
    return true;
  }

  #blockIndicator(code: number): boolean {
    const isApart = isBlankOrEnd(this.cursor.code(1));
    const isFlow = this.#flowLevel > 0;
    if (code === dash && isApart) this.#entry();
    else if (code === question && (isFlow || isApart)) this.#key();
    else if (code === colon && (isFlow || isApart)) this.#value();
    else return false;
    return true;
  }

  #property(code: number): boolean {
    const { cursor } = this;
    const { line } = cursor;
    switch (code) {
      case 42:
      case 38:
        this.#saveKey();
        this.#mayBeKey = false;
        this.#add({ type: code === 42 ? "alias" : "anchor", line, name: scanAnchor(cursor) });
        return true;
      case 33:
        this.#saveKey();
        this.#mayBeKey = false;
        this.#add({ type: "tag", line, tag: scanTag(cursor) });
        return true;
      default:
        return false;
    }
  }

  #scalar(code: number): void {
    const isBlock = (code === 124 || code === 62) && this.#flowLevel === 0;
    const isQuoted = code === 39 || code === 34;
    const { cursor } = this;
    const { line } = cursor;
    if (isBlock) {
      this.#dropKey();
      this.#mayBeKey = true;
      this.#add({ type: "scalar", line, value: scanBlock(cursor, this.#indent), isPlain: false });
    } else if (isQuoted) {
      this.#saveKey();
      this.#mayBeKey = false;
      this.#add({ type: "scalar", line, value: scanQuoted(cursor), isPlain: false });
    } else if (this.#beginsPlain(code)) this.#plain();
    else cursor.fail("found character that cannot start any token");
  }

  #beginsPlain(code: number): boolean {
    const next = this.cursor.code(1);
    if (!isBlankOrEnd(code) && !indicators.has(code)) return true;
    if (code === dash) return !isBlank(next);
    return this.#flowLevel === 0 && (code === question || code === colon) && !isBlankOrEnd(next);
  }

  #plain(): void {
    const { cursor } = this;
    const { line } = cursor;
    this.#saveKey();
    this.#mayBeKey = false;
    const place = { isFlow: this.#flowLevel > 0, indent: this.#indent };
    const { value, endsLine } = scanPlain(cursor, place);
    if (endsLine) this.#mayBeKey = true;
    this.#add({ type: "scalar", line, value, isPlain: true });
  }

  #end(): void {
    const { cursor } = this;
    cursor.checkReadable();
    cursor.endLine();
    this.#unroll(-1);
    this.#dropKey();
    this.#mayBeKey = false;
    this.#addHere("stream end");
  }

  #directive(): void {
    const { line } = this.cursor;
    this.#unroll(-1);
    this.#dropKey();
    this.#mayBeKey = false;
    this.#add({ type: "directive", line, directive: scanDirective(this.cursor) });
  }

  #documentMark(type: TokenType): void {
    this.#unroll(-1);
    this.#dropKey();
    this.#mayBeKey = false;
    this.#addHere(type);
    this.cursor.skip(3);
  }

  #flowStart(type: TokenType): void {
    this.#saveKey();
    this.#keys.push(noKey(this.#nextNumber));
    if (++this.#flowLevel > this.#depthMax) this.#tooDeep();
    this.#mayBeKey = true;
    this.#addHere(type);
    this.cursor.skip();
  }

  #flowEnd(type: TokenType): void {
    this.#dropKey();
    if (this.#flowLevel > 0) {
      this.#flowLevel--;
      // Goyaml forgets the key that this flow itself may be, unless it had keys: it then looks no further for its colon.
      const last = this.#keys.pop();
      const outer = this.#keys.at(-1);
      if (outer !== undefined && outer.tokenNumber === last?.tokenNumber) outer.isAwaited = false;
    }
    this.#mayBeKey = false;
    this.#addHere(type);
    this.cursor.skip();
  }

  #flowEntry(): void {
    this.#dropKey();
    this.#mayBeKey = true;
    this.#addHere("flow entry");
    this.cursor.skip();
  }

  #entry(): void {
    const { cursor } = this;
    if (this.#flowLevel === 0) {
      if (!this.#mayBeKey) cursor.fail("block sequence entries are not allowed in this context");
      this.#roll(cursor.column, { type: "block sequence", line: cursor.line });
    }
    this.#dropKey();
    this.#mayBeKey = true;
    this.#addHere("entry");
    cursor.skip();
  }

  #key(): void {
    const { cursor } = this;
    if (this.#flowLevel === 0) {
      if (!this.#mayBeKey) cursor.fail("mapping keys are not allowed in this context");
      this.#roll(cursor.column, { type: "block mapping", line: cursor.line });
    }
    this.#dropKey();
    this.#mayBeKey = this.#flowLevel === 0;
    this.#addHere("key");
    cursor.skip();
  }

  #value(): void {
    const { cursor } = this;
    const key = this.#keys.at(-1);
    if (key !== undefined && this.#isStillPossible(key)) {
      const { line, column, tokenNumber } = key;
      this.#insert(tokenNumber, { type: "key", line });
      this.#roll(column, { type: "block mapping", line }, tokenNumber);
      key.isPossible = false;
      key.isAwaited = false;
      this.#mayBeKey = false;
    } else {
      if (this.#flowLevel === 0) {
        if (!this.#mayBeKey) cursor.fail("mapping values are not allowed in this context");
        this.#roll(cursor.column, { type: "block mapping", line: cursor.line });
      }
      this.#mayBeKey = this.#flowLevel === 0;
    }
    this.#addHere("value");
    cursor.skip();
  }

  /** A block begins where its first line is further in. `before`: the number of the token that it stands before. */
  #roll(column: number, token: Token, before?: number): void {
    if (this.#flowLevel > 0 || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    if (this.#indents.length > this.#depthMax) this.#tooDeep();
    if (before === undefined) this.#add(token);
    else this.#insert(before, token);
  }

  /** Blocks end where a line is further out. */
  #unroll(column: number): void {
    if (this.#flowLevel > 0) return;
    while (this.#indent > column) {
      this.#addHere("block end");
      this.#indent = this.#indents.pop() ?? -1;
    }
  }

  #tooDeep(): never {
    return this.cursor.fail(`exceeded max depth of ${this.#depthMax}`);
  }

  #isStillPossible(key: SimpleKey): boolean {
    if (!key.isPossible) return false;
    const { line, index } = this.cursor;
    if (key.line >= line && key.index + simpleKeyMax >= index) return true;
    if (key.isRequired) this.cursor.fail("could not find expected ':'");
    key.isPossible = false;
    return false;
  }

  /** Of the token that is added next. */
  get #nextNumber(): number {
    return this.#taken + this.#queue.length - this.#head;
  }

  #saveKey(): void {
    if (!this.#mayBeKey) return;
    const { line, column, index } = this.cursor;
    this.#dropKey();
    const key: SimpleKey = {
      isPossible: true,
      isAwaited: true,
      isRequired: this.#flowLevel === 0 && this.#indent === column,
      tokenNumber: this.#nextNumber,
      line,
      column,
      index,
    };
    this.#keys[this.#keys.length - 1] = key;
  }

  #dropKey(): void {
    const key = this.#keys.at(-1);
    if (key?.isPossible !== true) return;
    if (key.isRequired) this.cursor.fail("could not find expected ':'");
    key.isPossible = false;
    key.isAwaited = false;
  }
}

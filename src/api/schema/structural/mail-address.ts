/** One address of mail, as headers have them: RFC 5322 as Go's net/mail reads it. */
import { isIP } from "node:net";

/** Whether the text is one address: "a@example.com", "A Name <a@example.com>", "Group: a@example.com;". */
export function isMailAddress(text: string): boolean {
  const reader = new Reader(text);
  return reader.address(true) === 1 && reader.comments() && reader.isAtEnd;
}

/** What may stand in a name or before the @. What isn't ASCII may. */
const atom = /[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~\u{80}-\u{10ffff}]/u;
const quotable = /[\t !-~\u{80}-\u{10ffff}]/u;
const domainText = /[!-Z^-~\u{80}-\u{10ffff}]/u;
const knownCharsets = new Set(["iso-8859-1", "us-ascii", "utf-8"]);

/** Each step that finds nothing leaves the place where it was, unless nothing can come of it any more. */
class Reader {
  readonly #runes: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#runes = Array.from(text);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#runes.length;
  }

  /** How many addresses it is; undefined: it is none. Groups are in no other group. */
  address(mayBeGroup: boolean): number | undefined {
    this.#spaces();
    if (this.isAtEnd) return undefined;
    if (this.#plain()) {
      this.#spaces();
      return this.#peek !== "(" || this.#nameComment() ? 1 : undefined;
    }
    if (this.#peek !== "<" && !this.#phrase()) return undefined;
    this.#spaces();
    if (mayBeGroup && this.#take(":")) return this.#group();
    return this.#take("<") && this.#plain() && this.#take(">") ? 1 : undefined;
  }

  /** False: one has no end. */
  comments(): boolean {
    this.#spaces();
    while (this.#take("(")) {
      if (this.#comment() === undefined) return false;
      this.#spaces();
    }
    return true;
  }

  get #peek(): string | undefined {
    return this.#runes[this.#at];
  }

  #take(rune: string): boolean {
    if (this.#peek !== rune) return false;
    this.#at++;
    return true;
  }

  #spaces(): void {
    while (this.#peek === " " || this.#peek === "\t") this.#at++;
  }

  /** local@domain */
  #plain(): boolean {
    const start = this.#at;
    this.#spaces();
    const isLocal = this.#peek === '"' ? (this.#quoted() ?? "") !== "" : this.#dotted();
    if (isLocal && this.#take("@") && this.#domain()) return true;
    this.#at = start;
    return false;
  }

  #domain(): boolean {
    this.#spaces();
    if (!this.#take("[")) return this.#dotted();
    const literal = this.#run(domainText);
    return this.#take("]") && isIP(literal) !== 0 && !literal.includes("%");
  }

  #run(allowed: RegExp): string {
    const start = this.#at;
    while (this.#peek !== undefined && allowed.test(this.#peek)) this.#at++;
    return this.#runes.slice(start, this.#at).join("");
  }

  #dotted(): boolean {
    const text = this.#run(atom);
    return text !== "" && !text.startsWith(".") && !text.endsWith(".") && !text.includes("..");
  }

  #quoted(): string | undefined {
    const start = this.#at++;
    let text = "";
    for (let rune = this.#peek; rune !== undefined && rune !== '"'; rune = this.#peek) {
      if (rune === "\\") this.#at++;
      const own = this.#peek;
      if (own === undefined || !quotable.test(own)) break;
      text += own;
      this.#at++;
    }
    if (this.#take('"')) return text;
    this.#at = start;
    return undefined;
  }

  /** Words, of which the first must be one. */
  #phrase(): boolean {
    for (let count = 0; ; count++) {
      if (count > 0 && !this.comments()) return false;
      this.#spaces();
      if (this.isAtEnd || !this.#word()) return count > 0;
    }
  }

  #word(): boolean {
    if (this.#peek === '"') return this.#quoted() !== undefined;
    const word = this.#run(atom);
    return word !== "" && isReadable(word);
  }

  #nameComment(): boolean {
    this.#at++;
    return (this.#comment() ?? "=?x?b??=").split(/[ \t]+/).every(isReadable);
  }

  /** Without the parentheses around it; the first has been read. Undefined: it has no end. */
  #comment(): string | undefined {
    const text: string[] = [];
    for (let depth = 1; !this.isAtEnd; this.#at++) {
      if (this.#peek === "\\" && this.#at + 1 < this.#runes.length) this.#at++;
      else if (this.#peek === "(") depth++;
      else if (this.#peek === ")") depth--;
      if (depth === 0) {
        this.#at++;
        return text.join("");
      }
      text.push(this.#peek ?? "");
    }
    return undefined;
  }

  #group(): number | undefined {
    this.#spaces();
    if (this.#take(";")) return this.comments() ? 0 : undefined;
    for (let count = 1; ; count++) {
      if (this.address(false) === undefined || !this.comments()) return undefined;
      if (this.#take(";")) return this.comments() ? count : undefined;
      if (!this.#take(",")) return undefined;
    }
  }
}

/** An encoded word (RFC 2047) must be in a set of characters that Go knows; what only looks like one is a word. */
function isReadable(word: string): boolean {
  const [, charset = "", encoding = "", content = ""] = /^=\?([^?]+)\?([bq])\?([^?]*)\?=$/i.exec(word) ?? [];
  if (charset === "" || knownCharsets.has(charset.toLowerCase())) return true;
  const isWell =
    encoding.toLowerCase() === "b"
      ? content.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(content)
      : /^(?:=[0-9A-Fa-f]{2}|[ -<>-~])*$/.test(content);
  return !isWell;
}

/**
 * Regular expressions in RE2's syntax and with its promise: time linear in the text. The engine is handed in, for it is
 * large and few processes ever need it.
 */
import { Fault, type Value } from "./values.ts";

/** The part of re2js that is used. */
export interface Re2 {
  compile(pattern: string): Re2Pattern;
}

interface Re2Pattern {
  matcher(text: string): Re2Matcher;
}

interface Re2Matcher {
  find(): boolean;
  group(): string | null;
}

/** In characters, of all that are kept: patterns are mostly the same few again and again, but what is made of one takes hundreds of times as much. */
const keptMax = 64 * 1024;

export class RegexCompiler {
  readonly #re2: Re2;
  readonly #kept = new Map<string, Re2Pattern | Fault>();
  #keptLength = 0;

  constructor(re2: Re2) {
    this.#re2 = re2;
  }

  /** What is wrong with a pattern, in Go's words. */
  faultOf(pattern: string): string | undefined {
    const compiled = this.#compiled(pattern);
    return compiled instanceof Fault ? compiled.message : undefined;
  }

  /** Whether it is found anywhere in the text. */
  matches(text: string, pattern: string): Value {
    const compiled = this.#compiled(pattern);
    return compiled instanceof Fault ? compiled : compiled.matcher(text).find();
  }

  /** The first `limit` pieces that match; all if it is negative. */
  findAll(text: string, pattern: string, limit: number): readonly string[] | Fault {
    const compiled = this.#compiled(pattern);
    if (compiled instanceof Fault) return compiled;
    const matcher = compiled.matcher(text);
    const found: string[] = [];
    const max = limit < 0 ? Infinity : limit;
    for (let count = 0; count < max && matcher.find(); count += 1) found.push(matcher.group() ?? "");
    return found;
  }

  #compiled(pattern: string): Re2Pattern | Fault {
    const known = this.#kept.get(pattern);
    if (known !== undefined) return known;
    const made = this.#compile(pattern);
    this.#keep(pattern, made);
    return made;
  }

  /** Those that were there first go first. */
  #keep(pattern: string, made: Re2Pattern | Fault): void {
    if (pattern.length > keptMax) return;
    this.#kept.set(pattern, made);
    this.#keptLength += pattern.length;
    for (const [first] of this.#kept) {
      if (this.#keptLength <= keptMax) return;
      this.#kept.delete(first);
      this.#keptLength -= first.length;
    }
  }

  #compile(pattern: string): Re2Pattern | Fault {
    try {
      return this.#re2.compile(pattern);
    } catch (error) {
      return new Fault(error instanceof Error ? error.message : "error parsing regexp");
    }
  }
}

/** What is wrong with an expression, and where: in the form of cel-go, which clients see. upstream: cel-go common/{errors,source}.go */
import { charsOf } from "./values.ts";

export interface Issue {
  /** In code points from the expression's start. */
  readonly offset: number;
  readonly message: string;
}

const issuesMax = 100;

/** Of what is wrong with the whole of it. */
export const nowhere = -1;

export class Issues {
  readonly #found: Issue[] = [];

  report(offset: number, message: string): void {
    this.#found.push({ offset, message });
  }

  get count(): number {
    return this.#found.length;
  }

  /** "ERROR: <input>:1:5: undefined field 'x'\n | self.x\n | ....^", one below the other, by place. */
  text(source: string): string {
    const lines = source.split("\n").map(charsOf);
    const placed = this.#found.map(({ offset, message }) => ({ ...placeOf(offset, lines), message }));
    const sorted = placed.toSorted((a, b) => a.line - b.line || a.column - b.column);
    const shown = sorted.slice(0, issuesMax).map(({ line, column, message }) => {
      if (line === nowhere) return `ERROR: <input>:-1:0: ${message}`;
      const snippet = lines[line]?.join("") ?? "";
      const dots = (lines[line] ?? []).slice(0, column).map((char) => (isWide(char) ? "．" : "."));
      return `ERROR: <input>:${line + 1}:${column + 1}: ${message}\n | ${snippet.replaceAll("\t", " ")}\n | ${dots.join("")}^`;
    });
    const rest = sorted.length - shown.length;
    return rest > 0 ? `${shown.join("\n")}\n${rest} more errors were truncated` : shown.join("\n");
  }
}

const isWide = (char: string): boolean => new TextEncoder().encode(char).length > 1;

function placeOf(offset: number, lines: readonly (readonly string[])[]): { line: number; column: number } {
  if (offset === nowhere) return { line: nowhere, column: 0 };
  let rest = offset;
  for (const [line, { length }] of lines.entries()) {
    if (rest <= length) return { line, column: rest };
    rest -= length + 1;
  }
  return { line: lines.length - 1, column: lines.at(-1)?.length ?? 0 };
}

/** An expression that can't be compiled; the message is what `Issues.text` says, or the fault of a pattern in it. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly code = "CEL_COMPILE";
  /** The message, after what it was that failed. */
  readonly detail: string;

  constructor(message: string, step = "compilation") {
    super(message);
    this.detail = `${step} failed: ${message}`;
  }
}

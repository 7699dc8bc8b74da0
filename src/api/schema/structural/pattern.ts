/** Patterns in RE2's syntax and with its promise: time linear in the text, whatever the pattern. */
import { RE2JS, RE2JSException } from "re2js";

/** Compiles as Go does, which lets several groups have one name. Throws RE2JSException with Go's words. */
export function compileRe2(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const isRepeated =
      error instanceof RE2JSException && error.message.includes("duplicate capture group name");
    if (isRepeated) return RE2JS.compile(withoutNames(pattern));
    throw error;
  }
}

/** What is quoted, escaped or within a class is passed over. */
const parts = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\\[^]|\[:\^?\w+:\]|[^\\\]])*(?:\]|$)|\(\?P?<\w+>/g;

const withoutNames = (pattern: string): string =>
  pattern.replaceAll(parts, (part) => (part.startsWith("(?") ? "(" : part));

/** Matches anywhere in the text. Throws for a pattern that patternFault refuses. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const compiled = compileRe2(pattern);
  return (text) => compiled.test(text);
}

/** Go's words for what is wrong with it. */
export function patternFault(pattern: string): string | undefined {
  try {
    compileRe2(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message;
    throw error;
  }
}

/** Patterns in RE2's syntax and with its promise: time linear in the text, whatever the pattern. */
import { RE2JS, RE2JSException } from "re2js";

/** Matches anywhere in the text. Throws for a pattern that patternFault refuses. */
export function compilePattern(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.test(text);
}

/** Go's words for what is wrong with it. */
export function patternFault(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RE2JSException) return error.message;
    throw error;
  }
}

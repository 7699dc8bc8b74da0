/** Patterns in RE2's syntax and with its promise: time linear in the text, whatever the pattern. */
import { RE2JS, RE2JSException, RE2JSSyntaxException } from "re2js";

/** Each named class is looked for up to the pattern's end; so many characters are a tenth of a second. */
const classCharsMax = 10_000_000;
/** Each is hundreds of ranges; so many are a second. */
const categoriesMax = 1000;

/** Go has limits of its own, which the library hasn't; these are lower, as nobody else is served meanwhile. */
function isTooLarge(pattern: string): boolean {
  const classes = pattern.split("[:").length - 1;
  if (classes * pattern.length > classCharsMax) return true;
  return pattern.length > categoriesMax && pattern.split(/\\[pP]/).length > categoriesMax;
}

/** Compiles as Go does, which lets several groups have one name. Throws RE2JSException with Go's words. */
export function compileRe2(pattern: string): RE2JS {
  if (isTooLarge(pattern)) throw new RE2JSSyntaxException("expression too large");
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const isRepeated =
      error instanceof RE2JSException && error.message.includes("duplicate capture group name");
    if (isRepeated) return RE2JS.compile(withoutNames(pattern));
    throw error;
  }
}

/** What is passed over as it stands is quoted or escaped; a class is passed over up to its end. */
const parts = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?|\(\?P?<\w+>/g;
const inClass = /\\[^]|\[:\^?\w+:\]|\]/g;

/** One pass: a class that has no end, or only a backslash there, isn't looked for twice. */
function withoutNames(pattern: string): string {
  let result = "";
  let from = 0;
  for (let part = nextOf(parts, pattern, from); part !== null; part = nextOf(parts, pattern, from)) {
    const [text] = part;
    result += pattern.slice(from, part.index) + (text.startsWith("(?") ? "(" : text);
    from = part.index + text.length;
    if (!text.startsWith("[")) continue;
    const end = endOfClass(pattern, from);
    result += pattern.slice(from, end);
    from = end;
  }
  return result + pattern.slice(from);
}

function endOfClass(pattern: string, from: number): number {
  let at = from;
  for (let part = nextOf(inClass, pattern, at); part !== null; part = nextOf(inClass, pattern, at)) {
    at = part.index + part[0].length;
    if (part[0] === "]") return at;
  }
  return pattern.length;
}

function nextOf(wanted: RegExp, text: string, from: number): RegExpExecArray | null {
  wanted.lastIndex = from;
  return wanted.exec(text);
}

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

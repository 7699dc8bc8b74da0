/**
 * JSON text to a value, whose integers are exact. JSON.parse does the work; only where it can't say enough (a key given twice, the wording of a
 * syntax error) the text is read again, slowly.
 */
import { parseExact } from "#base/exact-json.ts";
import { DecodeError } from "./decode-error.ts";
import { depthMax, findNumber, treeOfText } from "./json-tree.ts";

const quote = 34;
const point = 46;
const zero = 48;
const nine = 57;
const colon = 58;
const upperE = 69;
const lowerE = 101;
const backslash = 92;
const openBrace = 123;
const closeBrace = 125;
const openBracket = 91;
const closeBracket = 93;

/**
 * How many keys the objects of a value have. Without recursion: it may be nested deeper than our stack. With the `text` that
 * it was read from, throws DecodeError for a number too large for a float64, as Go does; JSON.parse makes it infinite.
 */
export function keysWithin(root: unknown, text?: string): number {
  let keys = 0;
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (text !== undefined && (value === Infinity || value === -Infinity)) throw overflowIn(text);
    if (typeof value !== "object" || value === null) continue;
    const inner = Object.values(value);
    if (!Array.isArray(value)) keys += inner.length;
    for (const each of inner) left.push(each);
  }
  return keys;
}

/** In the words about the first such number. */
function overflowIn(text: string): DecodeError {
  const number = findNumber(treeOfText(text), (each) => !Number.isFinite(Number(each)));
  return new DecodeError(`json: cannot unmarshal number ${number ?? ""} into Go value of type float64`);
}

interface Survey {
  /** How many keys its objects have, keys given twice counted twice. */
  readonly keys: number;
  /** There are numbers with a point or an exponent: no integers, whatever they amount to. */
  readonly hasFractions: boolean;
}

/** Of a valid text. Throws DecodeError when it is too deep. */
export function survey(text: string): Survey {
  let keys = 0;
  let hasFractions = false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === colon) keys++;
    else if (char === openBrace || char === openBracket) {
      if (++depth > depthMax) {
        throw new DecodeError(`invalid character '${text.charAt(at)}' exceeded max depth`);
      }
    } else if (char === closeBrace || char === closeBracket) depth--;
    else if (char === quote) {
      at = text.indexOf('"', at + 1);
      while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
    } else if (char === point) hasFractions = true;
    else if ((char === lowerE || char === upperE) && isDigit(text.charCodeAt(at - 1))) hasFractions = true;
  }
  return { keys, hasFractions };
}

const isDigit = (code: number): boolean => code >= zero && code <= nine;

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === backslash) first--;
  return (at - first) % 2 === 1;
}

/** Throws DecodeError with Go's words. */
export function parseJson(text: string): unknown {
  try {
    return parseExact(wellFormed(text));
  } catch (error) {
    treeOfText(text);
    // Ours was content where JSON.parse was not: at least its own words.
    throw new DecodeError(error instanceof Error ? error.message : "invalid JSON", { cause: error });
  }
}

const hex2 = "[0-9a-fA-F]{2}";
const escapes = new RegExp(
  `\\\\(?:u[dD][89abAB]${hex2}\\\\u[dD][c-fC-F]${hex2}|u[dD][89a-fA-F]${hex2}|[^])`,
  "g",
);
const loneLength = String.raw`\ud800`.length;

/** Half a pair of surrogates is no character: Go reads one that says so. */
const wellFormed = (text: string): string =>
  text.includes(String.raw`\ud`) || text.includes(String.raw`\uD`)
    ? text.replace(escapes, (escape) => (escape.length === loneLength ? String.raw`\ufffd` : escape))
    : text;

/**
 * JSON with Go's integers: one that no double can say exactly, but an int64 can, is a bigint; every other number is a
 * number, which JavaScript writes as Go writes a float64. upstream: sigs.k8s.io/json UnmarshalCaseSensitivePreserveInts
 *
 * JSON.parse and JSON.stringify do the work. A bigint in a value can only come from here or from who wants one, so that
 * here is said, once and for all, how JSON.stringify writes it: nowhere can a forgotten call fail on one.
 */

// The standard has left it to programs how a bigint is written; that of integers beyond a double is theirs to say once.
// oxlint-disable-next-line no-extend-native
Object.defineProperty(BigInt.prototype, "toJSON", {
  value(this: bigint): unknown {
    return (JSON as unknown as JsonOfRawText).rawJSON(this.toString());
  },
  configurable: true,
  writable: true,
});

/** What the language has, and its library of types doesn't. */
interface JsonOfRawText {
  readonly rawJSON: (text: string) => unknown;
  readonly isRawJSON: (value: unknown) => value is { readonly rawJSON: string };
}

/**
 * What a replacer of JSON.stringify is handed in place of a bigint: JSON's own object, which must stay as it is. A
 * replacer that takes objects apart has to ask.
 */
export const isWrittenBigint = (value: unknown): value is { readonly rawJSON: string } =>
  (JSON as unknown as JsonOfRawText).isRawJSON(value);

/** A number, be it a bigint. */
export const isNumber = (value: unknown): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint";

/** Of an integer beyond what a double holds. */
const digitsMin = 16;
const zero = 48;
const nine = 57;

/** Throws SyntaxError, as JSON.parse does. */
export function parseExact(text: string): unknown {
  return mayHoldLargeInteger(text)
    ? (JSON.parse as ParseWithSource)(text, (_key, value, { source }) => exact(value, source))
    : JSON.parse(text);
}

type ParseWithSource = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

const exact = (value: unknown, source: string | undefined): unknown =>
  typeof value === "number" && !Number.isSafeInteger(value) && source !== undefined
    ? (int64Of(source) ?? value)
    : value;

/** With more digits it is none of 64 bits, and to find out its value takes a time that grows faster than the text. */
const integer = /^-?\d{1,19}$/;

/** A bigint for what is the text of an int64, as JSON writes it; undefined for all else. */
export function int64Of(text: string): bigint | undefined {
  if (!integer.test(text)) return undefined;
  const value = BigInt(text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** An int64 as values hold it. */
export const plainInt64 = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

/** For who computes with it: beyond a double not the exact one. */
export const numberOf = <T extends undefined>(value: number | bigint | T): number | T =>
  value === undefined ? value : Number(value);

/** One more, as Go counts: after the largest comes the smallest. */
export const nextInt64 = (value: number | bigint): number | bigint =>
  plainInt64(BigInt.asIntN(64, BigInt(value) + 1n));

/**
 * Whether there is a run of so many digits that is no part of a fraction, a word or an ordinary text. Every such run
 * covers one of the places looked at, of which there are few: most texts are told by a sixteenth of their characters.
 */
function mayHoldLargeInteger(text: string): boolean {
  for (let at = digitsMin - 1; at < text.length; at += digitsMin) {
    if (!isDigit(text, at)) continue;
    let start = at;
    while (isDigit(text, start - 1)) start--;
    let end = at + 1;
    while (isDigit(text, end)) end++;
    if (end - start >= digitsMin && mayBegin(text, start) && mayEnd(text, end)) return true;
    // What is within this run needn't be looked at again.
    at = end - 1;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= zero && code <= nine;
}

const mayBegin = (text: string, at: number): boolean =>
  at === 0 || ":-,[ \n\t\r".includes(text.charAt(at - 1));
const mayEnd = (text: string, at: number): boolean =>
  at === text.length || ",]} \n\t\r".includes(text.charAt(at));

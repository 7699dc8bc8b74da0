/** The values of written literals. upstream: cel-go parser/unescape.go */
import { intMax, intMin, Uint, uintMax, type Value } from "./values.ts";

export class LiteralError extends Error {
  override readonly name = "LiteralError";
}

const simple: Readonly<Record<string, string>> = {
  a: "\u0007",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "`": "`",
  "?": "?",
};

const hexLengths: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

interface Parts {
  readonly isRaw: boolean;
  readonly body: string;
}

function partsOf(text: string): Parts {
  const { raw, quote = "" } = /^[bB]?(?<raw>[rR])?(?<quote>"""|'''|"|')/.exec(text)?.groups ?? {};
  const start = text.indexOf(quote) + quote.length;
  return {
    isRaw: raw !== undefined,
    body: text.slice(start, text.length - quote.length).replaceAll(/\r\n?/g, "\n"),
  };
}

/** A code point, or (octal and \\x) what is a byte in a bytes literal. */
interface Unit {
  readonly unit: number;
  readonly isByte: boolean;
  /** Code units of the source. */
  readonly length: number;
}

function* unitsOf({ isRaw, body }: Parts): Generator<Unit> {
  for (let at = 0; at < body.length;) {
    const code = body.codePointAt(at) ?? 0;
    const unit =
      isRaw || code !== 0x5c
        ? { unit: code, isByte: false, length: code > 0xffff ? 2 : 1 }
        : escapeAt(body, at);
    yield unit;
    at += unit.length;
  }
}

function escapeAt(body: string, at: number): Unit {
  const next = body[at + 1] ?? "";
  const plain = simple[next];
  if (plain !== undefined) return { unit: plain.charCodeAt(0), isByte: false, length: 2 };
  const hexLength = hexLengths[next];
  const [start, length] = hexLength === undefined ? [at + 1, 3] : [at + 2, hexLength];
  const digits = body.slice(start, start + length);
  const isWhole =
    hexLength === undefined
      ? /^[0-3][0-7]{2}$/.test(digits)
      : digits.length === length && /^[0-9a-fA-F]+$/.test(digits);
  if (!isWhole) throw new LiteralError("unable to unescape string");
  const unit = Number.parseInt(digits, hexLength === undefined ? 8 : 16);
  const isByte = next !== "u" && next !== "U";
  if (unit > 0x10ffff || (!isByte && unit >= 0xd800 && unit < 0xe000)) {
    throw new LiteralError("invalid unicode code point");
  }
  return { unit, isByte, length: start + length - at };
}

export function stringOf(text: string): string {
  let found = "";
  for (const { unit } of unitsOf(partsOf(text))) found += String.fromCodePoint(unit);
  return found;
}

export function bytesOf(text: string): Uint8Array {
  const encoder = new TextEncoder();
  const found: number[] = [];
  for (const { unit, isByte } of unitsOf(partsOf(text))) {
    if (isByte) found.push(unit);
    else found.push(...encoder.encode(String.fromCodePoint(unit)));
  }
  return Uint8Array.from(found);
}

export function intOf(text: string): Value {
  const value = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
  if (value < intMin || value > intMax) throw new LiteralError("invalid int literal");
  return value;
}

export function uintOf(text: string): Value {
  const value = BigInt(text.slice(0, -1));
  if (value > uintMax) throw new LiteralError("invalid uint literal");
  return new Uint(value);
}

export function floatOf(text: string): Value {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new LiteralError("invalid double literal");
  return value;
}

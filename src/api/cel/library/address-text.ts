/**
 * Addresses and networks as Go reads them, with what it says of those it doesn't take.
 * upstream: net/netip (ParseAddr, ParsePrefix)
 */
import { quote } from "./quote.ts";

/** 4 or 16 bytes. */
export type Bytes = readonly number[];

export interface ReadAddress {
  readonly bytes: Bytes;
  /** Of the IPv6 address, after "%". */
  readonly zone: string;
}

export class AddressFault extends Error {}

const refusal = (text: string, why: string, rest = ""): AddressFault =>
  new AddressFault(`ParseAddr(${quote(text)}): ${why}${rest === "" ? "" : ` (at ${quote(rest)})`}`);

/** What comes first of "." and ":" tells the family. */
export function readAddress(text: string): ReadAddress {
  switch (/[.:%]/.exec(text)?.[0]) {
    case ".":
      return { bytes: fourBytes(text, text), zone: "" };
    case ":":
      return readSix(text);
    case "%":
      throw refusal(text, "missing IPv6 address");
    default:
      throw refusal(text, "unable to parse IP");
  }
}

/** Of a part of the text, that an IPv6 address can end with. */
function fourBytes(whole: string, part: string): number[] {
  const bytes: number[] = [];
  let digits = "";
  for (const [at, char] of part.split("").entries()) {
    if (char === ".") {
      if (digits === "" || at === part.length - 1) {
        throw refusal(whole, "IPv4 field must have at least one digit", part.slice(at));
      }
      if (bytes.length === 3) throw refusal(whole, "IPv4 address too long");
      bytes.push(Number(digits));
      digits = "";
    } else {
      digits = withDigit(whole, digits, part.slice(at));
    }
  }
  if (bytes.length < 3) throw refusal(whole, "IPv4 address too short");
  return [...bytes, Number(digits)];
}

function withDigit(whole: string, digits: string, rest: string): string {
  const digit = rest.charAt(0);
  if (!/\d/.test(digit)) throw refusal(whole, "unexpected character", rest);
  if (digits === "0") throw refusal(whole, "IPv4 field has octet with leading zero");
  if (Number(digits + digit) > 255) throw refusal(whole, "IPv4 field has value >255");
  return digits + digit;
}

function readSix(text: string): ReadAddress {
  const percent = text.indexOf("%");
  if (percent < 0) return { bytes: sixteenBytes(text, text), zone: "" };
  const zone = text.slice(percent + 1);
  if (zone === "") throw refusal(text, "zone must be a non-empty string");
  return { bytes: sixteenBytes(text, text.slice(0, percent)), zone };
}

function sixteenBytes(whole: string, written: string): number[] {
  const bytes: number[] = [];
  let gap = written.startsWith("::") ? 0 : -1;
  let rest = gap === 0 ? written.slice(2) : written;
  while (bytes.length < 16 && rest !== "") {
    const group = groupOf(whole, rest);
    if (rest.charAt(group.length) === ".") {
      bytes.push(...embedded(whole, rest, { at: bytes.length, hasGap: gap >= 0 }));
      rest = "";
      break;
    }
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
    rest = afterColon(whole, rest.slice(group.length));
    if (!rest.startsWith(":")) continue;
    if (gap >= 0) throw refusal(whole, "multiple :: in address", rest);
    gap = bytes.length;
    rest = rest.slice(1);
  }
  if (rest !== "") throw refusal(whole, "trailing garbage after address", rest);
  return withGap(whole, bytes, gap);
}

function groupOf(whole: string, rest: string): string {
  const group = /^[0-9a-fA-F]*/.exec(rest)?.[0] ?? "";
  if (group.length > 4) throw refusal(whole, "each group must have 4 or less digits", rest);
  if (group === "") throw refusal(whole, "each colon-separated field must have at least one digit", rest);
  return group;
}

function embedded(whole: string, rest: string, { at, hasGap }: { at: number; hasGap: boolean }): number[] {
  if (!hasGap && at !== 12) {
    throw refusal(whole, "embedded IPv4 address must replace the final 2 fields of the address", rest);
  }
  if (at > 12) {
    throw refusal(whole, "too many hex fields to fit an embedded IPv4 at the end of the address", rest);
  }
  return fourBytes(whole, rest);
}

function afterColon(whole: string, rest: string): string {
  if (rest === "") return "";
  if (!rest.startsWith(":")) throw refusal(whole, "unexpected character, want colon", rest);
  if (rest === ":") throw refusal(whole, "colon must be followed by more characters", rest);
  return rest.slice(1);
}

function withGap(whole: string, bytes: readonly number[], gap: number): number[] {
  const missing = 16 - bytes.length;
  if (gap < 0) {
    if (missing > 0) throw refusal(whole, "address string too short");
    return [...bytes];
  }
  if (missing === 0) throw refusal(whole, "the :: must expand to at least one field of zeros");
  return [...bytes.slice(0, gap), ...Array.from({ length: missing }, () => 0), ...bytes.slice(gap)];
}

export interface ReadNetwork {
  readonly bytes: Bytes;
  readonly bits: number;
}

export function readNetwork(text: string): ReadNetwork {
  const refuse = (why: string): AddressFault => new AddressFault(`netip.ParsePrefix(${quote(text)}): ${why}`);
  const slash = text.lastIndexOf("/");
  if (slash < 0) throw refuse("no '/'");
  const { bytes, zone } = addressWithin(text.slice(0, slash), refuse);
  if (zone !== "") throw refuse("IPv6 zones cannot be present in a prefix");
  const size = text.slice(slash + 1);
  if (!/^(?:\d|[1-9]\d{1,17})$/.test(size)) throw refuse(`bad bits after slash: ${quote(size)}`);
  if (Number(size) > bytes.length * 8) throw refuse("prefix length out of range");
  return { bytes, bits: Number(size) };
}

function addressWithin(text: string, refuse: (why: string) => AddressFault): ReadAddress {
  try {
    return readAddress(text);
  } catch (error) {
    if (error instanceof AddressFault) throw refuse(error.message);
    throw error;
  }
}

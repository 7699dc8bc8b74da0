/**
 * The characters of a YAML stream. One that may not be there is told of when the reader comes near it, which is a block
 * of bytes at a time. upstream: go.yaml.in/yaml/v2 readerc.go
 */
import { isUtf8 } from "node:buffer";

export interface YamlSource {
  /** As far as it can be read. */
  readonly text: string;
  /** What is wrong with what comes after it. */
  readonly fault: string | undefined;
}

const blockBytes = 512;
const forbidden = /[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const incomplete = "incomplete UTF-8 octet sequence";
const control = "control characters are not allowed";

export function yamlSource(bytes: Buffer): YamlSource {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe;
  if (isLittle || (bytes[0] === 0xfe && bytes[1] === 0xff)) return wideSource(bytes.subarray(2), isLittle);
  const text = isUtf8(bytes) ? bytes.toString("utf8") : undefined;
  if (text === undefined || forbidden.test(text)) return faultySource(bytes);
  return { text: text.startsWith("\ufeff") ? text.slice(1) : text, fault: undefined };
}

function wideSource(bytes: Buffer, isLittle: boolean): YamlSource {
  if (bytes.length % 2 !== 0) return { text: "", fault: "incomplete UTF-16 character" };
  const text = (isLittle ? bytes : Buffer.from(bytes).swap16()).toString("utf16le");
  const half = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.exec(text);
  if (half !== null) return { text: "", fault: surrogateFault(half, text.length) };
  return forbidden.test(text) ? { text: "", fault: control } : { text, fault: undefined };
}

function surrogateFault({ 0: half, index }: RegExpExecArray, length: number): string {
  if (half >= "\udc00") return "unexpected low surrogate area";
  return index === length - 1 ? "incomplete UTF-16 surrogate pair" : "expected low surrogate area";
}

function faultySource(bytes: Buffer): YamlSource {
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let block = 0;
  let at = start;
  let last = start;
  let fault: string | undefined;
  while (at < bytes.length && fault === undefined) {
    const length = lengthOf(bytes[at] ?? 0);
    if (at + Math.max(length, 1) > block + blockBytes) block = at;
    fault = faultAt(bytes, at, length);
    last = at;
    at += length;
  }
  // What is cut off may yet go on: goyaml asks for more first.
  const end = fault === incomplete ? last : block;
  return { text: bytes.toString("utf8", start, Math.max(end, start)), fault };
}

/** Of the character that begins so; 0: none does. */
const lengthOf = (first: number): number =>
  first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;

const smallest = [0, 0, 0x80, 0x800, 0x10000];

function faultAt(bytes: Buffer, at: number, length: number): string | undefined {
  if (length === 0) return "invalid leading UTF-8 octet";
  if (at + length > bytes.length) return incomplete;
  const first = bytes[at] ?? 0;
  let code = length === 1 ? first : first & (0x7f >> length);
  for (const octet of bytes.subarray(at + 1, at + length)) {
    if ((octet & 0xc0) !== 0x80) return "invalid trailing UTF-8 octet";
    code = (code << 6) | (octet & 0x3f);
  }
  if (code < (smallest[length] ?? 0)) return "invalid length of a UTF-8 sequence";
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return "invalid Unicode character";
  return forbidden.test(String.fromCodePoint(code)) ? control : undefined;
}

/** DER, as much of it as certificates need: values are written inside out and read as a tree. */

export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  ia5: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of `[n]` holding a value as it is (primitive) or holding other values (constructed). */
export const context = (n: number, constructed: boolean): number => (constructed ? 0xa0 : 0x80) | n;

function lengthOf(count: number): Buffer {
  if (count < 0x80) return Buffer.of(count);
  const bytes: number[] = [];
  for (let rest = count; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

export function write(tagByte: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tagByte), lengthOf(body.length), body]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => write(tag.sequence, ...items);

/** A positive integer given as big-endian bytes. */
export function positiveInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const magnitude = bytes.subarray(start);
  return (magnitude[0] ?? 0) >= 0x80
    ? write(tag.integer, Buffer.of(0), magnitude)
    : write(tag.integer, magnitude);
}

export const boolean = (value: boolean): Buffer => write(tag.boolean, Buffer.of(value ? 0xff : 0));
export const octets = (bytes: Uint8Array): Buffer => write(tag.octetString, bytes);
export const utf8 = (text: string): Buffer => write(tag.utf8, Buffer.from(text, "utf8"));

export function bits(bytes: Uint8Array, unused = 0): Buffer {
  return write(tag.bitString, Buffer.of(unused), bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let more = Math.floor(part / 128); more > 0; more = Math.floor(more / 128)) {
      groups.unshift((more & 0x7f) | 0x80);
    }
    bytes.push(...groups);
  }
  return write(tag.oid, Buffer.from(bytes));
}

/** From "2026-01-01T00:00:00Z". RFC 5280: UTCTime up to 2049, GeneralizedTime after. */
export function time(rfc3339: string): Buffer {
  const digits = rfc3339.replaceAll(/[-:T]/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? write(tag.utcTime, Buffer.from(digits.slice(2), "latin1"))
    : write(tag.generalizedTime, Buffer.from(digits, "latin1"));
}

export class DerError extends Error {
  override readonly name = "DerError";
  readonly code = "BAD_DER";
}

/** One value read from bytes; nothing is copied. */
export interface DerNode {
  readonly tag: number;
  readonly content: Buffer;
  /** Header and content, as signatures cover them. */
  readonly whole: Buffer;
}

/** The value at the start of `bytes`; what follows it is ignored. */
export function read(bytes: Buffer): DerNode {
  const tagByte = bytes[0];
  const short = bytes[1];
  if (tagByte === undefined || short === undefined) throw new DerError("truncated value");
  if ((tagByte & 0x1f) === 0x1f) throw new DerError("tags above 30 aren't supported");
  let length = short;
  let header = 2;
  if (short >= 0x80) {
    const count = short & 0x7f;
    if (count === 0 || count > 4 || bytes.length < 2 + count) throw new DerError("bad length");
    length = bytes.readUIntBE(2, count);
    header += count;
  }
  if (bytes.length < header + length) throw new DerError("truncated value");
  return {
    tag: tagByte,
    content: bytes.subarray(header, header + length),
    whole: bytes.subarray(0, header + length),
  };
}

/** All values one after the other: the children of a constructed value. */
export function readAll(bytes: Buffer): DerNode[] {
  const nodes: DerNode[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const node = read(rest);
    nodes.push(node);
    rest = rest.subarray(node.whole.length);
  }
  return nodes;
}

/** The children of a value that must have this tag. */
export function children(node: DerNode | undefined, expected: number): DerNode[] {
  return readAll(expectTag(node, expected).content);
}

export function expectTag(node: DerNode | undefined, expected: number): DerNode {
  if (node === undefined) throw new DerError("missing value");
  if (node.tag !== expected) throw new DerError(`tag is ${node.tag}, must be ${expected}`);
  return node;
}

export function readOid(node: DerNode | undefined): string {
  const { content } = expectTag(node, tag.oid);
  const parts: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      if (parts.length === 0) {
        const first = Math.min(2, Math.floor(value / 40));
        parts.push(first, value - first * 40);
      } else {
        parts.push(value);
      }
      value = 0;
    }
  }
  return parts.join(".");
}

/** The content of a BIT STRING without its count of unused bits. */
export const readBits = (node: DerNode | undefined): Buffer =>
  expectTag(node, tag.bitString).content.subarray(1);

export function readText(node: DerNode): string {
  return node.content.toString(node.tag === tag.utf8 ? "utf8" : "latin1");
}

/**
 * A RangeResponse's bytes, straight from the store's entries: what etcd's clients read most, and the largest of all
 * answers. The same bytes as by the table of messages.ts.
 */
import type { KeyValue, RangeAnswer } from "../../kv.ts";
import { valueLengthOf } from "../../store.ts";
import { header as headerMessage } from "../messages.ts";
import type { Header } from "./context.ts";

export interface RangeReply {
  readonly header: Header;
  readonly answer: RangeAnswer;
}

/** Field numbers times 8, plus 2 for bytes. messages.ts: rangeResponse, keyValue */
const tags = { header: 0x0a, kvs: 0x12, more: 0x18, count: 0x20 } as const;
const entryTags = { key: 0x0a, create: 0x10, mod: 0x18, version: 0x20, value: 0x2a, lease: 0x30 } as const;

export const rangeAnswer = {
  encode: ({ header, answer }: RangeReply): Buffer => {
    const { entries, more, count } = answer;
    const head = headerMessage.encode(header);
    const sizes = entries.map(sizeOf);
    let bytes = bytesFieldSize(head.length) + (more ? 2 : 0) + numberFieldSize(count);
    for (const size of sizes) bytes += bytesFieldSize(size);
    const buffer = Buffer.allocUnsafeSlow(bytes);
    let at = writeLength(buffer, 0, tags.header, head.length);
    buffer.set(head, at);
    at += head.length;
    for (const [index, entry] of entries.entries()) {
      at = writeEntry(buffer, writeLength(buffer, at, tags.kvs, sizes[index] ?? 0), entry);
    }
    if (more) at = writeLength(buffer, at, tags.more, 1);
    writeNumber(buffer, at, tags.count, count);
    return buffer;
  },
};

function sizeOf(entry: KeyValue): number {
  const { key, createRevision, modRevision, version, lease } = entry;
  const valueLength = valueLengthOf(entry);
  return (
    bytesFieldSize(key.length) +
    numberFieldSize(createRevision) +
    numberFieldSize(modRevision) +
    numberFieldSize(version) +
    (valueLength === 0 ? 0 : bytesFieldSize(valueLength)) +
    numberFieldSize(lease)
  );
}

function writeEntry(buffer: Buffer, from: number, entry: KeyValue): number {
  const { key, createRevision, modRevision, version, lease } = entry;
  const valueLength = valueLengthOf(entry);
  let at = writeLength(buffer, from, entryTags.key, key.length);
  at += buffer.write(key, at, "latin1");
  at = writeNumber(buffer, at, entryTags.create, createRevision);
  at = writeNumber(buffer, at, entryTags.mod, modRevision);
  at = writeNumber(buffer, at, entryTags.version, version);
  if (valueLength > 0) {
    at = writeLength(buffer, at, entryTags.value, valueLength);
    if (entry.kept === undefined) buffer.set(entry.value, at);
    else entry.kept.copyTo(buffer, at);
    at += valueLength;
  }
  return writeNumber(buffer, at, entryTags.lease, lease);
}

/** Tag, length and content. */
function bytesFieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Nothing for 0. */
function numberFieldSize(value: bigint | number): number {
  if (value < 0) return 11;
  const number = Number(value);
  return number === 0 ? 0 : 1 + (number < 2 ** 49 ? varintSize(number) : largeVarintSize(BigInt(value)));
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest /= 0x80) size++;
  return size;
}

function largeVarintSize(value: bigint): number {
  let size = 1;
  for (let rest = value; rest >= 0x80n; rest >>= 7n) size++;
  return size;
}

function writeNumber(buffer: Buffer, at: number, tag: number, value: bigint | number): number {
  if (value === 0n || value === 0) return at;
  if (value > 0 && value < 2 ** 49) return writeLength(buffer, at, tag, Number(value));
  let end = at;
  buffer[end++] = tag;
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) buffer[end++] = Number(rest & 0x7fn) | 0x80;
  buffer[end++] = Number(rest);
  return end;
}

/** A tag and a varint of less than 50 bits. */
function writeLength(buffer: Buffer, at: number, tag: number, value: number): number {
  let end = at;
  buffer[end++] = tag;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[end++] = (rest % 0x80) | 0x80;
  buffer[end++] = rest;
  return end;
}

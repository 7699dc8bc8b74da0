/** Between etcd's messages and the store's types. Keys are bytes there and binary strings here. */
import { everyKey, type KeyRange, singleKey } from "../../key-range.ts";
import type { KeyEvent, KeyValue } from "../../kv.ts";
import { eventType } from "../messages.ts";

/** Absent stands for 0, "not given". */
export function unlessZero(value: bigint): bigint | undefined {
  return value === 0n ? undefined : value;
}

export function keyOf(bytes: Buffer): string {
  return bytes.toString("latin1");
}

export function bytesOf(key: string): Buffer {
  return Buffer.from(key, "latin1");
}

/** No end means one key, "\0" everything from the key on. upstream: etcdserver/apply.go, mkGteRange */
export function rangeOf(key: Buffer, end: Buffer): KeyRange {
  const start = keyOf(key);
  if (end.length === 0) return singleKey(start);
  if (end.length > 1 || end[0] !== 0) return { start, end: keyOf(end) };
  return start === "\0" ? everyKey : { start, end: undefined };
}

export interface WireKeyValue {
  readonly key: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
  readonly value: Buffer;
  readonly lease: bigint;
}

export function wireOf(entry: KeyValue): WireKeyValue {
  const { key, value, createRevision, modRevision, version, lease } = entry;
  return { key: bytesOf(key), createRevision, modRevision, version, value, lease };
}

export interface WrittenEvent {
  readonly type: number;
  readonly kv: Partial<WireKeyValue>;
  readonly prevKv: WireKeyValue | undefined;
}

/** `previous`: as the client is to see it. */
export function eventOf(event: KeyEvent, previous: KeyValue | undefined): WrittenEvent {
  const { revision } = event;
  const prevKv = previous === undefined ? undefined : wireOf(previous);
  if (event.type === "put") return { type: eventType.put, kv: wireOf(event.entry), prevKv };
  return { type: eventType.delete, kv: { key: bytesOf(event.key), modRevision: revision }, prevKv };
}

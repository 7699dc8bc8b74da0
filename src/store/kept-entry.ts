/** A key's value as the store keeps it in memory, for as long as it is current or recent. */
import { KeptBytes } from "#base/kept-bytes.ts";
import type { KeyValue, LeaseId } from "./kv.ts";
import type { Revision } from "./store.ts";

export class KeptEntry extends KeptBytes implements KeyValue {
  readonly key: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: bigint;
  readonly lease: LeaseId;
  readonly operation: number;

  constructor({
    key,
    value,
    createRevision,
    modRevision,
    version,
    lease,
    operation,
  }: Omit<KeyValue, "kept">) {
    super(value);
    this.key = key;
    this.createRevision = createRevision;
    this.modRevision = modRevision;
    this.version = version;
    this.lease = lease;
    this.operation = operation;
  }

  get value(): Buffer {
    return this.bytes;
  }

  get kept(): KeptBytes {
    return this;
  }
}

/**
 * The whole of the store, as etcd's v3 API has it: any bytes as keys, ranges, transactions, leases. What the apiserver
 * needs is the smaller Store (store.ts), over the same keys and revisions. Both have one suite: testing/.
 *
 * Promises beyond those of Store:
 * - a transaction makes at most one revision, whatever it writes; its operations see those before them;
 * - what an answer depends on is durable when the answer is given;
 * - a lease outlives a restart, with the time it had left; it never ends early because a wall clock was set.
 */
import type { KeyRange } from "./key-range.ts";
import type { Entry, EventsOf, Revision, StoreEvent } from "./store.ts";

export type LeaseId = bigint;
export const noLease: LeaseId = 0n;

export interface KeyValue extends Entry {
  /** A binary string: see key-range.ts. */
  readonly key: string;
  /** The lease the key ends with; 0 without. */
  readonly lease: LeaseId;
  /** Which of its revision's operations wrote it, from 0. */
  readonly operation: number;
}

export interface KeyEvent extends StoreEvent {
  readonly operation: number;
  readonly entry: KeyValue;
  readonly previous: KeyValue | undefined;
}

export type KeyEventBatch = EventsOf<KeyEvent>;

export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeQuery {
  readonly range: KeyRange;
  readonly limit?: number | undefined;
  /** State as of this revision; absent means now. */
  readonly revision?: Revision | undefined;
  readonly sort?: { readonly target: SortTarget; readonly order: "none" | "ascend" | "descend" } | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  /** Each bound is inclusive. */
  readonly modRevisionMin?: Revision | undefined;
  readonly modRevisionMax?: Revision | undefined;
  readonly createRevisionMin?: Revision | undefined;
  readonly createRevisionMax?: Revision | undefined;
}

export interface RangeAnswer {
  readonly kind: "range";
  readonly revision: Revision;
  readonly entries: readonly KeyValue[];
  readonly more: boolean;
  /** Keys in the range, whatever the limit and the bounds. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: string;
  readonly value: Buffer;
  readonly lease?: LeaseId | undefined;
  readonly wantsPrevious?: boolean | undefined;
  /** Keep the value, or the lease, that is there; the key must exist. */
  readonly keepsValue?: boolean | undefined;
  readonly keepsLease?: boolean | undefined;
}

export interface PutAnswer {
  readonly kind: "put";
  readonly revision: Revision;
  readonly previous: KeyValue | undefined;
}

export interface DeleteRequest {
  readonly range: KeyRange;
  readonly wantsPrevious?: boolean | undefined;
}

export interface DeleteAnswer {
  readonly kind: "delete";
  readonly revision: Revision;
  readonly deleted: number;
  /** Empty unless asked for. */
  readonly previous: readonly KeyValue[];
}

export interface Compare {
  readonly range: KeyRange;
  readonly relation: "equal" | "notEqual" | "greater" | "less";
  /** Of each key in the range; without any, of a key of zeros, but a comparison of values fails. */
  readonly target:
    | { readonly of: "version" | "create" | "mod" | "lease"; readonly number: bigint }
    | { readonly of: "value"; readonly bytes: Buffer };
}

export type Operation =
  | { readonly kind: "range"; readonly query: RangeQuery }
  | { readonly kind: "put"; readonly put: PutRequest }
  | { readonly kind: "delete"; readonly deletion: DeleteRequest }
  | { readonly kind: "transaction"; readonly transaction: Transaction };

export interface Transaction {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type OperationAnswer = RangeAnswer | PutAnswer | DeleteAnswer | TransactionAnswer;

export interface TransactionAnswer {
  readonly kind: "transaction";
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly answers: readonly OperationAnswer[];
}

export interface KeyWatchOptions {
  /** First revision to deliver; absent means everything after the current one. May lie in the future. */
  readonly startRevision?: Revision | undefined;
  readonly signal: AbortSignal;
}

export interface KeyWatch extends AsyncIterable<KeyEventBatch> {
  /** The reader gets an empty batch once everything up to now has gone to it. */
  askProgress(): void;
}

export interface Lease {
  readonly id: LeaseId;
  readonly grantedSeconds: bigint;
  readonly remainingMs: number;
  /** In the order of the keys. */
  readonly keys: readonly string[];
}

export type AlarmKind = "NOSPACE" | "CORRUPT";

/** Throws what Store throws, and the errors below. */
export interface KeyValueStore {
  readonly revision: Revision;
  readonly compactRevision: Revision;

  range(query: RangeQuery): Promise<RangeAnswer>;
  put(request: PutRequest): Promise<PutAnswer>;
  delete(request: DeleteRequest): Promise<DeleteAnswer>;
  transact(transaction: Transaction): Promise<TransactionAnswer>;
  /** As Store.watch. */
  watch(range: KeyRange, options: KeyWatchOptions): KeyWatch;
  /** Older revisions are gone when this resolves; with `waitsForSpace` their space is free, too. */
  compact(revision: Revision, options?: { readonly waitsForSpace: boolean }): Promise<void>;

  /** Throws LeaseExistsError. */
  grantLease(id: LeaseId, seconds: bigint): Promise<void>;
  /** Deletes the lease's keys, in one revision. Throws LeaseNotFoundError. */
  revokeLease(id: LeaseId): Promise<{ readonly revision: Revision }>;
  /** From now on the lease has its whole time again, which it answers. Throws LeaseNotFoundError. */
  keepLeaseAlive(id: LeaseId): Promise<bigint>;
  lease(id: LeaseId): Promise<Lease | undefined>;
  /** The first to end first. */
  leases(): Promise<readonly LeaseId[]>;

  alarms(): Promise<readonly AlarmKind[]>;
  setAlarm(kind: AlarmKind, isActive: boolean): Promise<void>;
  size(): Promise<number>;
}

export class LeaseExistsError extends Error {
  override readonly name = "LeaseExistsError";
  readonly code = "LEASE_EXISTS";
  constructor(id: LeaseId) {
    super(`lease ${hex(id)} exists`);
  }
}

export class LeaseNotFoundError extends Error {
  override readonly name = "LeaseNotFoundError";
  readonly code = "LEASE_NOT_FOUND";
  constructor(id: LeaseId) {
    super(`lease ${hex(id)} does not exist`);
  }
}

export class TransactionTooLargeError extends Error {
  override readonly name = "TransactionTooLargeError";
  readonly code = "TRANSACTION_TOO_LARGE";
  constructor(limit: number) {
    super(`a transaction writes more than ${limit} keys`);
  }
}

function hex(id: LeaseId): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, "0");
}

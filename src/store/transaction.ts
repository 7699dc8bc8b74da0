/** What a transaction does: the pure part. upstream: etcd server/etcdserver/txn/txn.go (3.4: etcdserver/apply.go) */
import { unreachable } from "#base/assert.ts";
import type { Draft } from "./draft.ts";
import type { KeyRange } from "./key-range.ts";
import {
  type Compare,
  type DeleteAnswer,
  type DeleteRequest,
  type KeyValue,
  type LeaseId,
  LeaseNotFoundError,
  noLease,
  type Operation,
  type PutAnswer,
  type PutRequest,
  type RangeQuery,
  type Transaction,
} from "./kv.ts";
import { CompactedError, FutureRevisionError, KeyNotFoundError, type Revision } from "./store.ts";

/** What a transaction asks of the store beside its keys. */
export interface TransactionWorld {
  readonly compactRevision: Revision;
  hasLease(id: LeaseId): boolean;
  /** A put of its own asks for its lease first, one in a transaction for its key. upstream: etcdserver/apply.go */
  readonly isPlain: boolean;
}

/** As TransactionAnswer, but what a range at an old revision found is still to be read. */
export interface Outcome {
  readonly kind: "transaction";
  readonly revision: Revision;
  readonly succeeded: boolean;
  readonly answers: readonly OutcomeAnswer[];
}

export type OutcomeAnswer =
  | PutAnswer
  | DeleteAnswer
  | Outcome
  | {
      readonly kind: "range";
      readonly query: RangeQuery;
      readonly revision: Revision;
      /** All of the range; absent: to be read at the query's revision. */
      readonly entries: readonly KeyValue[] | undefined;
    };

interface Path {
  readonly succeeded: boolean;
  readonly steps: readonly (readonly [Operation, Path | undefined])[];
}

/** Throws before it has written anything. */
export function applyTransaction(draft: Draft, transaction: Transaction, world: TransactionWorld): Outcome {
  const path = choose(draft, transaction);
  check(draft, path, world);
  return run(draft, path);
}

/** Every comparison, those of inner transactions too, is of the state before the first write. */
function choose(draft: Draft, transaction: Transaction): Path {
  const succeeded = transaction.compare.every((compare) => holds(draft, compare));
  const operations = succeeded ? transaction.success : transaction.failure;
  const steps = operations.map(
    (operation) =>
      [
        operation,
        operation.kind === "transaction" ? choose(draft, operation.transaction) : undefined,
      ] as const,
  );
  return { succeeded, steps };
}

function check(draft: Draft, path: Path, world: TransactionWorld): void {
  for (const [operation, inner] of path.steps) {
    if (inner !== undefined) check(draft, inner, world);
    else if (operation.kind === "put") checkPut(draft, operation.put, world);
    else if (operation.kind === "range") {
      checkRevision(operation.query.revision, draft.readRevision, world.compactRevision);
    }
  }
}

function checkPut(draft: Draft, put: PutRequest, world: TransactionWorld): void {
  const lease = put.lease ?? noLease;
  const isLeaseMissing = lease !== noLease && !world.hasLease(lease);
  if (isLeaseMissing && world.isPlain) throw new LeaseNotFoundError(lease);
  if ((put.keepsValue === true || put.keepsLease === true) && draft.get(put.key) === undefined) {
    throw new KeyNotFoundError(put.key);
  }
  if (isLeaseMissing) throw new LeaseNotFoundError(lease);
}

function checkRevision(asked: Revision | undefined, current: Revision, compacted: Revision): void {
  if (asked === undefined) return;
  if (asked > current) throw new FutureRevisionError(asked, current);
  if (asked < compacted) throw new CompactedError(compacted);
}

function run(draft: Draft, path: Path): Outcome {
  const answers = path.steps.map(([operation, inner]) => perform(draft, operation, inner));
  return { kind: "transaction", revision: draft.readRevision, succeeded: path.succeeded, answers };
}

function perform(draft: Draft, operation: Operation, inner: Path | undefined): OutcomeAnswer {
  switch (operation.kind) {
    case "range": {
      const { query } = operation;
      const entries = query.revision === undefined ? draft.range(query.range) : undefined;
      return { kind: "range", query, revision: draft.readRevision, entries };
    }
    case "put":
      return performPut(draft, operation.put);
    case "delete":
      return performDelete(draft, operation.deletion);
    case "transaction":
      return inner === undefined ? unreachable(operation as never) : run(draft, inner);
    default:
      return unreachable(operation);
  }
}

function performPut(draft: Draft, request: PutRequest): PutAnswer {
  const { key, keepsValue, keepsLease, lease = noLease, wantsPrevious } = request;
  const before = draft.get(key);
  if (before === undefined && (keepsValue === true || keepsLease === true)) throw new KeyNotFoundError(key);
  const value = keepsValue === true && before !== undefined ? before.value : request.value;
  draft.put(key, value, keepsLease === true && before !== undefined ? before.lease : lease);
  return { kind: "put", revision: draft.revision, previous: wantsPrevious === true ? before : undefined };
}

function performDelete(draft: Draft, { range, wantsPrevious }: DeleteRequest): DeleteAnswer {
  const entries = draft.range(range);
  for (const entry of entries) draft.delete(entry);
  const previous = wantsPrevious === true ? entries : [];
  return { kind: "delete", revision: draft.readRevision, deleted: entries.length, previous };
}

function holds(draft: Draft, compare: Compare): boolean {
  const entries = isOneKey(compare.range) ? one(draft, compare.range.start) : draft.range(compare.range);
  if (entries.length > 0) return entries.every((entry) => relates(compare, entry));
  return compare.target.of === "value" ? false : isRelation(compare, orderOf(0n, compare.target.number));
}

function isOneKey({ start, end }: KeyRange): boolean {
  return end === `${start}\0`;
}

function one(draft: Draft, key: string): KeyValue[] {
  const entry = draft.get(key);
  return entry === undefined ? [] : [entry];
}

function relates(compare: Compare, entry: KeyValue): boolean {
  const { target } = compare;
  if (target.of === "value") return isRelation(compare, entry.value.compare(target.bytes));
  const numbers = {
    version: entry.version,
    create: entry.createRevision,
    mod: entry.modRevision,
    lease: entry.lease,
  };
  return isRelation(compare, orderOf(numbers[target.of], target.number));
}

function orderOf(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

function isRelation({ relation }: Compare, order: number): boolean {
  switch (relation) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    default:
      return unreachable(relation);
  }
}

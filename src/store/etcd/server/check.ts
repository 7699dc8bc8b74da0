/** What makes a request invalid before it is looked at any further. upstream: v3rpc/key.go */
import type { Message } from "#wire/protobuf.ts";
import { contains, type KeyRange, singleKey } from "../../key-range.ts";
import type { deleteRangeRequest, putRequest, rangeRequest, RequestOp, TxnRequest } from "../messages.ts";
import { keyOf } from "./convert.ts";
import { etcdError } from "./errors.ts";

const sortOrders = 3;
const sortTargets = 5;

export function checkRange({ key, sortOrder, sortTarget }: Message<typeof rangeRequest>): void {
  if (key.length === 0) throw etcdError("emptyKey");
  if (
    ![sortOrder, sortTarget].every((value) => value >= 0) ||
    sortOrder >= sortOrders ||
    sortTarget >= sortTargets
  ) {
    throw etcdError("invalidSortOption");
  }
}

export function checkPut({ key, value, lease, ignoreValue, ignoreLease }: Message<typeof putRequest>): void {
  if (key.length === 0) throw etcdError("emptyKey");
  if (ignoreValue && value.length > 0) throw etcdError("valueProvided");
  if (ignoreLease && lease !== 0n) throw etcdError("leaseProvided");
}

export function checkDelete({ key }: Message<typeof deleteRangeRequest>): void {
  if (key.length === 0) throw etcdError("emptyKey");
}

export function checkTxn(request: TxnRequest, operationsMax: number): void {
  checkOperations(request, operationsMax);
  checkIntervals(request.success);
  checkIntervals(request.failure);
}

function checkOperations({ compare, success, failure }: TxnRequest, operationsMax: number): void {
  const count = Math.max(compare.length, success.length, failure.length);
  if (count > operationsMax) throw etcdError("tooManyOps");
  for (const { key } of compare) if (key.length === 0) throw etcdError("emptyKey");
  for (const operation of [...success, ...failure]) checkOperation(operation, operationsMax - count);
}

function checkOperation({ range, put, deleteRange, txn }: RequestOp, operationsMax: number): void {
  if (range !== undefined) checkRange(range);
  else if (put !== undefined) checkPut(put);
  else if (deleteRange !== undefined) checkDelete(deleteRange);
  else if (txn !== undefined) checkOperations(txn, operationsMax);
  else throw etcdError("keyNotFound");
}

interface Intervals {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/** No key may be put twice, nor put and deleted. Only one of `success` and `failure` happens. */
function checkIntervals(operations: readonly RequestOp[]): Intervals {
  const deletes = operations.flatMap(({ deleteRange }) =>
    deleteRange === undefined ? [] : [intervalOf(deleteRange)],
  );
  const puts = new Set<string>();
  const add = (key: string, isExcepted: boolean): void => {
    if (puts.has(key) && !isExcepted) throw etcdError("duplicateKey");
    if (deletes.some((range) => contains(range, key))) throw etcdError("duplicateKey");
    puts.add(key);
  };
  for (const { txn } of operations) {
    if (txn === undefined) continue;
    const success = checkIntervals(txn.success);
    const failure = checkIntervals(txn.failure);
    for (const key of success.puts) add(key, false);
    for (const key of failure.puts) add(key, success.puts.has(key));
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const { put } of operations) if (put !== undefined) add(keyOf(put.key), false);
  return { puts, deletes };
}

/** As upstream, an open end ("\0") is taken at its word here, and so overlaps with nothing. */
function intervalOf({ key, rangeEnd }: Message<typeof deleteRangeRequest>): KeyRange {
  const start = keyOf(key);
  return rangeEnd.length === 0 ? singleKey(start) : { start, end: keyOf(rangeEnd) };
}

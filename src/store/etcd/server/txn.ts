/** KV.Txn. Answers within it have a header with a revision only; a transaction within it, not even that. */
import { assert, unreachable } from "#base/assert.ts";
import type { Message } from "#wire/protobuf.ts";
import type { Compare, Operation, OperationAnswer, Transaction, TransactionAnswer } from "../../kv.ts";
import {
  type compare,
  compareTarget,
  type RequestOp,
  type TxnRequest,
  type WrittenResponseOp,
  type WrittenTxnResponse,
} from "../messages.ts";
import { checkTxn } from "./check.ts";
import { checkSize, type EtcdContext, type Header, headerOf } from "./context.ts";
import { rangeOf } from "./convert.ts";
import { deleteRangeResponseOf, deletionOf } from "./delete-range.ts";
import { etcdError } from "./errors.ts";
import { putOf, putResponseOf } from "./put.ts";
import { queryOf, rangeResponseOf } from "./range.ts";

export async function txn(
  context: EtcdContext,
  request: TxnRequest,
  bytes: number,
): Promise<WrittenTxnResponse> {
  checkTxn(request, context.limits.transactionOperationsMax);
  const operations = [...request.success, ...request.failure];
  if (operations.some(writes)) checkSize(context, bytes);
  if (operations.some(puts)) await context.space.check(bytes);
  const answer = await context.store.transact(transactionOf(request));
  return txnResponseOf(answer, headerOf(context, answer.revision));
}

function writes({ put, deleteRange, txn: inner }: RequestOp): boolean {
  if (inner !== undefined) return [...inner.success, ...inner.failure].some(writes);
  return put !== undefined || deleteRange !== undefined;
}

function puts({ put, txn: inner }: RequestOp): boolean {
  return put !== undefined || (inner !== undefined && [...inner.success, ...inner.failure].some(puts));
}

function transactionOf({ compare: compares, success, failure }: TxnRequest): Transaction {
  return {
    compare: compares.map(compareOf),
    success: success.map(operationOf),
    failure: failure.map(operationOf),
  };
}

function operationOf({ range, put, deleteRange, txn: inner }: RequestOp): Operation {
  if (range !== undefined) return { kind: "range", query: queryOf(range) };
  if (put !== undefined) return { kind: "put", put: putOf(put) };
  if (deleteRange !== undefined) return { kind: "delete", deletion: deletionOf(deleteRange) };
  assert(inner !== undefined, "an operation without a kind was let through");
  return { kind: "transaction", transaction: transactionOf(inner) };
}

const relations = ["equal", "greater", "less", "notEqual"] as const;

function compareOf(request: Message<typeof compare>): Compare {
  const relation = relations[request.result];
  // Upstream takes what it doesn't know for true.
  if (relation === undefined) throw etcdError("keyNotFound");
  return { range: rangeOf(request.key, request.rangeEnd), relation, target: targetOf(request) };
}

function targetOf(request: Message<typeof compare>): Compare["target"] {
  switch (request.target) {
    case compareTarget.version:
      return { of: "version", number: request.version ?? 0n };
    case compareTarget.create:
      return { of: "create", number: request.createRevision ?? 0n };
    case compareTarget.mod:
      return { of: "mod", number: request.modRevision ?? 0n };
    case compareTarget.value:
      return { of: "value", bytes: request.value ?? Buffer.alloc(0) };
    case compareTarget.lease:
      return { of: "lease", number: request.lease ?? 0n };
    default:
      throw etcdError("keyNotFound");
  }
}

function txnResponseOf(answer: TransactionAnswer, header: Partial<Header>): WrittenTxnResponse {
  return { header, succeeded: answer.succeeded, responses: answer.answers.map(responseOf) };
}

function responseOf(answer: OperationAnswer): WrittenResponseOp {
  const header = { revision: answer.revision };
  switch (answer.kind) {
    case "range":
      return { range: rangeResponseOf(answer, header) };
    case "put":
      return { put: putResponseOf(answer, header) };
    case "delete":
      return { deleteRange: deleteRangeResponseOf(answer, header) };
    case "transaction":
      return { txn: txnResponseOf(answer, {}) };
    default:
      return unreachable(answer);
  }
}

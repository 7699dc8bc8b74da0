/**
 * The messages of etcd's v3 API that pass between a client and a server, as tables.
 * upstream: etcd-io/etcd api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto
 */
import {
  bytes,
  flag,
  int32,
  int64,
  message,
  messages,
  messageType,
  optional,
  packedInt32,
  text,
  texts,
  uint64,
} from "#wire/protobuf.ts";
import type { Message, MessageType } from "#wire/protobuf.ts";

export const keyValue = messageType({
  key: bytes(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: int64(6),
});
export type KeyValue = Message<typeof keyValue>;

export const eventType = { put: 0, delete: 1 } as const;
export const event = messageType({
  type: int32(1),
  kv: message(2, () => keyValue),
  prevKv: message(3, () => keyValue),
});
export type WireEvent = Message<typeof event>;

export const header = messageType({
  clusterId: uint64(1),
  memberId: uint64(2),
  revision: int64(3),
  raftTerm: uint64(4),
});

export const rangeRequest = messageType({
  key: bytes(1),
  rangeEnd: bytes(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: int32(5),
  sortTarget: int32(6),
  serializable: flag(7),
  keysOnly: flag(8),
  countOnly: flag(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
});
export const rangeResponse = messageType({
  header: message(1, () => header),
  kvs: messages(2, () => keyValue),
  more: flag(3),
  count: int64(4),
});

export const putRequest = messageType({
  key: bytes(1),
  value: bytes(2),
  lease: int64(3),
  prevKv: flag(4),
  ignoreValue: flag(5),
  ignoreLease: flag(6),
});
export const putResponse = messageType({
  header: message(1, () => header),
  prevKv: message(2, () => keyValue),
});

export const deleteRangeRequest = messageType({ key: bytes(1), rangeEnd: bytes(2), prevKv: flag(3) });
export const deleteRangeResponse = messageType({
  header: message(1, () => header),
  deleted: int64(2),
  prevKvs: messages(3, () => keyValue),
});

export const compareResult = { equal: 0, greater: 1, less: 2, notEqual: 3 } as const;
export const compareTarget = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const;
export const compare = messageType({
  result: int32(1),
  target: int32(2),
  key: bytes(3),
  version: optional(int64(4)),
  createRevision: optional(int64(5)),
  modRevision: optional(int64(6)),
  value: optional(bytes(7)),
  lease: optional(int64(8)),
  rangeEnd: bytes(64),
});

type Written<T> = T extends MessageType<infer _, infer In> ? In : never;

/** Transactions contain transactions: their types have to be spelled out. */
export interface RequestOp {
  readonly range: Message<typeof rangeRequest> | undefined;
  readonly put: Message<typeof putRequest> | undefined;
  readonly deleteRange: Message<typeof deleteRangeRequest> | undefined;
  readonly txn: TxnRequest | undefined;
}
export interface TxnRequest {
  readonly compare: readonly Message<typeof compare>[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
interface WrittenRequestOp {
  readonly range?: Written<typeof rangeRequest> | undefined;
  readonly put?: Written<typeof putRequest> | undefined;
  readonly deleteRange?: Written<typeof deleteRangeRequest> | undefined;
  readonly txn?: WrittenTxnRequest | undefined;
}
interface WrittenTxnRequest {
  readonly compare?: readonly Written<typeof compare>[] | undefined;
  readonly success?: readonly WrittenRequestOp[] | undefined;
  readonly failure?: readonly WrittenRequestOp[] | undefined;
}
export interface ResponseOp {
  readonly range: Message<typeof rangeResponse> | undefined;
  readonly put: Message<typeof putResponse> | undefined;
  readonly deleteRange: Message<typeof deleteRangeResponse> | undefined;
  readonly txn: TxnResponse | undefined;
}
export interface TxnResponse {
  readonly header: Message<typeof header> | undefined;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}
export interface WrittenResponseOp {
  readonly range?: Written<typeof rangeResponse> | undefined;
  readonly put?: Written<typeof putResponse> | undefined;
  readonly deleteRange?: Written<typeof deleteRangeResponse> | undefined;
  readonly txn?: WrittenTxnResponse | undefined;
}
export interface WrittenTxnResponse {
  readonly header?: Written<typeof header> | undefined;
  readonly succeeded?: boolean | undefined;
  readonly responses?: readonly WrittenResponseOp[] | undefined;
}

const requestOp: MessageType<RequestOp, WrittenRequestOp> = messageType({
  range: message(1, () => rangeRequest),
  put: message(2, () => putRequest),
  deleteRange: message(3, () => deleteRangeRequest),
  txn: message(4, () => txnRequest),
});
const responseOp: MessageType<ResponseOp, WrittenResponseOp> = messageType({
  range: message(1, () => rangeResponse),
  put: message(2, () => putResponse),
  deleteRange: message(3, () => deleteRangeResponse),
  txn: message(4, () => txnResponse),
});

export const txnRequest: MessageType<TxnRequest, WrittenTxnRequest> = messageType({
  compare: messages(1, () => compare),
  success: messages(2, () => requestOp),
  failure: messages(3, () => requestOp),
});
export const txnResponse: MessageType<TxnResponse, WrittenTxnResponse> = messageType({
  header: message(1, () => header),
  succeeded: flag(2),
  responses: messages(3, () => responseOp),
});

export const compactionRequest = messageType({ revision: int64(1), physical: flag(2) });
export const compactionResponse = messageType({ header: message(1, () => header) });

export const watchCreateRequest = messageType({
  key: bytes(1),
  rangeEnd: bytes(2),
  startRevision: int64(3),
  progressNotify: flag(4),
  filters: packedInt32(5),
  prevKv: flag(6),
  watchId: int64(7),
  fragment: flag(8),
});
const watchCancelRequest = messageType({ watchId: int64(1) });
const watchProgressRequest = messageType({});
export const watchRequest = messageType({
  create: message(1, () => watchCreateRequest),
  cancel: message(2, () => watchCancelRequest),
  progress: message(3, () => watchProgressRequest),
});
export const watchResponse = messageType({
  header: message(1, () => header),
  watchId: int64(2),
  created: flag(3),
  canceled: flag(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: flag(7),
  events: messages(11, () => event),
});

export const statusRequest = messageType({});
export const statusResponse = messageType({
  header: message(1, () => header),
  version: text(2),
  dbSize: int64(3),
  leader: uint64(4),
  raftIndex: uint64(5),
  raftTerm: uint64(6),
  raftAppliedIndex: uint64(7),
  errors: texts(8),
  dbSizeInUse: int64(9),
  isLearner: flag(10),
});

/** etcd's errors: gRPC codes and texts that clients match on. upstream: api/v3rpc/rpctypes/error.go, v3rpc/util.go */
import { status } from "@grpc/grpc-js";
import { LeaseExistsError, LeaseNotFoundError, TransactionTooLargeError } from "../../kv.ts";
import {
  CompactedError,
  FutureRevisionError,
  KeyNotFoundError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
} from "../../store.ts";
import { ProtobufError } from "#wire/protobuf.ts";

export class EtcdError extends Error {
  override readonly name = "EtcdError";
  /** gRPC's. */
  readonly code: number;
  /** What goes to the client. */
  readonly details: string;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

const table = {
  emptyKey: [status.INVALID_ARGUMENT, "etcdserver: key is not provided"],
  keyNotFound: [status.INVALID_ARGUMENT, "etcdserver: key not found"],
  valueProvided: [status.INVALID_ARGUMENT, "etcdserver: value is provided"],
  leaseProvided: [status.INVALID_ARGUMENT, "etcdserver: lease is provided"],
  tooManyOps: [status.INVALID_ARGUMENT, "etcdserver: too many operations in txn request"],
  duplicateKey: [status.INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"],
  invalidSortOption: [status.INVALID_ARGUMENT, "etcdserver: invalid sort option"],
  compacted: [status.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"],
  futureRevision: [status.OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"],
  noSpace: [status.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded"],
  leaseNotFound: [status.NOT_FOUND, "etcdserver: requested lease not found"],
  leaseExists: [status.FAILED_PRECONDITION, "etcdserver: lease already exists"],
  leaseTtlTooLarge: [status.OUT_OF_RANGE, "etcdserver: too large lease TTL"],
  requestTooLarge: [status.INVALID_ARGUMENT, "etcdserver: request is too large"],
  tooManyRequests: [status.RESOURCE_EXHAUSTED, "etcdserver: too many requests"],
  memberExists: [status.FAILED_PRECONDITION, "etcdserver: member ID already exist"],
  memberNotFound: [status.NOT_FOUND, "etcdserver: member not found"],
  memberNotLearner: [status.FAILED_PRECONDITION, "etcdserver: can only promote a learner member"],
  notEnoughMembers: [
    status.FAILED_PRECONDITION,
    "etcdserver: re-configuration failed due to not enough started members",
  ],
  badLeaderTransferee: [status.FAILED_PRECONDITION, "etcdserver: bad leader transferee"],
  noDowngrade: [status.FAILED_PRECONDITION, "etcdserver: no inflight downgrade job"],
  badDowngradeFormat: [status.INVALID_ARGUMENT, "etcdserver: wrong downgrade target version format"],
  badDowngradeTarget: [status.INVALID_ARGUMENT, "etcdserver: invalid downgrade target version"],
  rootUserMissing: [status.FAILED_PRECONDITION, "etcdserver: root user does not exist"],
  userEmpty: [status.INVALID_ARGUMENT, "etcdserver: user name is empty"],
  userNotFound: [status.FAILED_PRECONDITION, "etcdserver: user name not found"],
  roleEmpty: [status.INVALID_ARGUMENT, "etcdserver: role name is empty"],
  roleNotFound: [status.FAILED_PRECONDITION, "etcdserver: role name not found"],
  authNotEnabled: [status.FAILED_PRECONDITION, "etcdserver: authentication is not enabled"],
  stopped: [status.UNAVAILABLE, "etcdserver: server stopped"],
  corrupt: [status.DATA_LOSS, "etcdserver: corrupt cluster"],
} as const satisfies Readonly<Record<string, readonly [code: number, text: string]>>;

export function etcdError(name: keyof typeof table): EtcdError {
  const [code, text] = table[name];
  return new EtcdError(code, text);
}

/** Of services that are clients of the others upstream: the text comes through, the code doesn't. */
export function asRelayedError(error: unknown): EtcdError {
  return new EtcdError(status.UNKNOWN, asEtcdError(error).details);
}

/** What a client is told of whatever was thrown. */
export function asEtcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  if (error instanceof KeyNotFoundError) return etcdError("keyNotFound");
  if (error instanceof CompactedError) return etcdError("compacted");
  if (error instanceof FutureRevisionError) return etcdError("futureRevision");
  if (error instanceof LeaseNotFoundError) return etcdError("leaseNotFound");
  if (error instanceof LeaseExistsError) return etcdError("leaseExists");
  if (error instanceof StoreFullError) return etcdError("noSpace");
  if (error instanceof StoreBusyError) return etcdError("tooManyRequests");
  if (error instanceof StoreClosedError) return etcdError("stopped");
  if (error instanceof TransactionTooLargeError) return etcdError("tooManyOps");
  const text = error instanceof Error ? error.message : String(error);
  return new EtcdError(error instanceof ProtobufError ? status.INTERNAL : status.UNKNOWN, text);
}

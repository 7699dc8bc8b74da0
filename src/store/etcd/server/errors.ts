/** etcd's errors: gRPC codes and texts that clients match on. upstream: api/v3rpc/rpctypes/error.go, v3rpc/util.go */
import { LeaseExistsError, LeaseNotFoundError, TransactionTooLargeError } from "../../kv.ts";
import {
  CompactedError,
  FutureRevisionError,
  KeyNotFoundError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
} from "../../store.ts";
import { GrpcError, status } from "#wire/grpc/status.ts";
import { ProtobufError } from "#wire/protobuf.ts";

export class EtcdError extends GrpcError {
  override readonly name = "EtcdError";
}

const table = {
  emptyKey: [status.invalidArgument, "etcdserver: key is not provided"],
  keyNotFound: [status.invalidArgument, "etcdserver: key not found"],
  valueProvided: [status.invalidArgument, "etcdserver: value is provided"],
  leaseProvided: [status.invalidArgument, "etcdserver: lease is provided"],
  tooManyOps: [status.invalidArgument, "etcdserver: too many operations in txn request"],
  duplicateKey: [status.invalidArgument, "etcdserver: duplicate key given in txn request"],
  invalidSortOption: [status.invalidArgument, "etcdserver: invalid sort option"],
  compacted: [status.outOfRange, "etcdserver: mvcc: required revision has been compacted"],
  futureRevision: [status.outOfRange, "etcdserver: mvcc: required revision is a future revision"],
  noSpace: [status.resourceExhausted, "etcdserver: mvcc: database space exceeded"],
  leaseNotFound: [status.notFound, "etcdserver: requested lease not found"],
  leaseExists: [status.failedPrecondition, "etcdserver: lease already exists"],
  leaseTtlTooLarge: [status.outOfRange, "etcdserver: too large lease TTL"],
  requestTooLarge: [status.invalidArgument, "etcdserver: request is too large"],
  tooManyRequests: [status.resourceExhausted, "etcdserver: too many requests"],
  memberExists: [status.failedPrecondition, "etcdserver: member ID already exist"],
  memberNotFound: [status.notFound, "etcdserver: member not found"],
  memberNotLearner: [status.failedPrecondition, "etcdserver: can only promote a learner member"],
  notEnoughMembers: [
    status.failedPrecondition,
    "etcdserver: re-configuration failed due to not enough started members",
  ],
  badLeaderTransferee: [status.failedPrecondition, "etcdserver: bad leader transferee"],
  noDowngrade: [status.failedPrecondition, "etcdserver: no inflight downgrade job"],
  badDowngradeFormat: [status.invalidArgument, "etcdserver: wrong downgrade target version format"],
  badDowngradeTarget: [status.invalidArgument, "etcdserver: invalid downgrade target version"],
  rootUserMissing: [status.failedPrecondition, "etcdserver: root user does not exist"],
  userEmpty: [status.invalidArgument, "etcdserver: user name is empty"],
  userNotFound: [status.failedPrecondition, "etcdserver: user name not found"],
  roleEmpty: [status.invalidArgument, "etcdserver: role name is empty"],
  roleNotFound: [status.failedPrecondition, "etcdserver: role name not found"],
  authNotEnabled: [status.failedPrecondition, "etcdserver: authentication is not enabled"],
  stopped: [status.unavailable, "etcdserver: server stopped"],
  corrupt: [status.dataLoss, "etcdserver: corrupt cluster"],
} as const satisfies Readonly<Record<string, readonly [code: number, text: string]>>;

export function etcdError(name: keyof typeof table): EtcdError {
  const [code, text] = table[name];
  return new EtcdError(code, text);
}

/** Of services that are clients of the others upstream: the text comes through, the code doesn't. */
export function asRelayedError(error: unknown): EtcdError {
  return new EtcdError(status.unknown, asEtcdError(error).details);
}

/** What a client is told of whatever was thrown. */
export function asEtcdError(error: unknown): EtcdError {
  if (error instanceof EtcdError) return error;
  if (error instanceof GrpcError) return new EtcdError(error.code, error.details);
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
  return new EtcdError(error instanceof ProtobufError ? status.internal : status.unknown, text);
}

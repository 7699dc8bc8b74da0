/** What etcd's refusals mean: whether the request was carried out, and whether another member may do better. */
import { status, type ServiceError } from "@grpc/grpc-js";

/** The request reached a member, and nobody can say what became of it. */
export class OutcomeUnknownError extends Error {
  override readonly name = "OutcomeUnknownError";
  readonly code = "OUTCOME_UNKNOWN";
}

export type Verdict =
  /** Not carried out; another member, or this one later, may take it. */
  | "refused"
  /** Perhaps carried out, now or later. */
  | "unknown"
  /** Not carried out, and won't be however often it is tried. */
  | "final";

/**
 * Said by a member before it proposes anything.
 * upstream: etcd api/v3rpc/rpctypes/error.go, server/etcdserver/api/v3rpc/interceptor.go
 */
const refusals = ["etcdserver: no leader", "etcdserver: not capable", "etcdserver: too many requests"];
/** Said by grpc-js of a call that never left. */
const neverSent = /^(No connection established|Name resolution failed)/;

const unanswered: ReadonlySet<status> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.ABORTED,
  status.INTERNAL,
  status.UNKNOWN,
]);

export function verdictOn(error: ServiceError): Verdict {
  const { code, details } = error;
  if (refusals.includes(details) || neverSent.test(details)) return "refused";
  return unanswered.has(code) ? "unknown" : "final";
}

export const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && "details" in error && "code" in error && typeof error.code === "number";

export const isCompacted = (error: ServiceError): boolean =>
  error.details === "etcdserver: mvcc: required revision has been compacted";
export const isFuture = (error: ServiceError): boolean =>
  error.details === "etcdserver: mvcc: required revision is a future revision";
export const isFull = (error: ServiceError): boolean =>
  error.details === "etcdserver: mvcc: database space exceeded";

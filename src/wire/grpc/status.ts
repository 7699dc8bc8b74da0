/** gRPC's status codes, and the error that carries one. https://grpc.github.io/grpc/core/md_doc_statuscodes.html */

export const status = {
  ok: 0,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
} as const;

/** What a call ends with. */
export class GrpcError extends Error {
  override readonly name: string = "GrpcError";
  readonly code: number;
  /** What goes to the client. */
  readonly details: string;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

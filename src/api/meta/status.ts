/** metav1.Status and the error that carries one. upstream: apimachinery/pkg/api/errors/errors.go */
import { fieldErrorsText, toldOf, type FieldError } from "./field-error.ts";
import { goQuote } from "./go-quote.ts";
import { qualifiedResource } from "./object.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** In errors the resource; in "invalid" errors the kind. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: { readonly resourceVersion?: string; readonly continue?: string };
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** An error that a client sees as an HTTP status with a Status body, on the server and in the client alike. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;
  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? "unknown", options);
    this.status = status;
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }
}

export function isStatus(error: unknown, reason: string): error is StatusError {
  return error instanceof StatusError && error.reason === reason;
}

export const isNotFound = (error: unknown): error is StatusError => isStatus(error, "NotFound");
export const isConflict = (error: unknown): error is StatusError => isStatus(error, "Conflict");
export const isAlreadyExists = (error: unknown): error is StatusError => isStatus(error, "AlreadyExists");
/** The asked revision is gone: list again. */
export const isExpired = (error: unknown): error is StatusError =>
  isStatus(error, "Expired") || isStatus(error, "Gone");

export interface FailureParts {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
}

export function failure(
  { code, reason, message, details }: FailureParts,
  options?: ErrorOptions,
): StatusError {
  return new StatusError(
    {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    },
    options,
  );
}

/** Which resource an error is about. */
export interface Subject {
  readonly group: string;
  readonly resource: string;
  readonly name: string;
}

const details = ({ group, resource, name }: Subject): StatusDetails => ({
  ...(name === "" ? {} : { name }),
  ...(group === "" ? {} : { group }),
  ...(resource === "" ? {} : { kind: resource }),
});

const named = (subject: Subject): string =>
  `${qualifiedResource(subject.group, subject.resource)} ${goQuote(subject.name)}`;

export const notFoundError = (subject: Subject): StatusError =>
  failure({
    code: 404,
    reason: "NotFound",
    message: `${named(subject)} not found`,
    details: details(subject),
  });

/** What else is to be said of a name that is taken. */
export interface Occupied {
  /** Who has it is going. */
  readonly isGoing?: boolean;
  /** The server was asked to make one up. */
  readonly isGenerated?: boolean;
}

export const alreadyExistsError = (
  subject: Subject,
  { isGoing = false, isGenerated = false }: Occupied = {},
): StatusError =>
  failure({
    code: 409,
    reason: "AlreadyExists",
    message: [
      ...(isGoing ? ["object is being deleted: "] : []),
      `${named(subject)} already exists`,
      ...(isGenerated ? [", the server was not able to generate a unique name for the object"] : []),
    ].join(""),
    details: { ...details(subject), ...(isGenerated ? { retryAfterSeconds: 1 } : {}) },
  });

export const conflictError = (subject: Subject, why: string): StatusError =>
  failure({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${named(subject)}: ${why}`,
    details: details(subject),
  });

/** What an update with an old resourceVersion gets. */
export const modifiedConflict = (subject: Subject): StatusError =>
  conflictError(
    subject,
    "the object has been modified; please apply your changes to the latest version and try again",
  );

export const forbiddenError = (subject: Subject, why: string): StatusError => {
  const what =
    subject.resource === ""
      ? ""
      : subject.name === ""
        ? `${qualifiedResource(subject.group, subject.resource)} `
        : `${named(subject)} `;
  return failure({
    code: 403,
    reason: "Forbidden",
    message: subject.resource === "" ? `forbidden: ${why}` : `${what}is forbidden: ${why}`,
    details: details(subject),
  });
};

export const unauthorizedError = (message = "Unauthorized", options?: ErrorOptions): StatusError =>
  failure({ code: 401, reason: "Unauthorized", message }, options);

export const badRequestError = (message: string, options?: ErrorOptions): StatusError =>
  failure({ code: 400, reason: "BadRequest", message }, options);

/** `kind` with its group, as messages name it: "Deployment.apps". */
export function invalidError(
  subject: { readonly group: string; readonly kind: string; readonly name: string },
  faults: readonly FieldError[],
): StatusError {
  const told = toldOf(faults);
  return failure({
    code: 422,
    reason: "Invalid",
    message: `${qualifiedResource(subject.group, subject.kind)} ${goQuote(subject.name)} is invalid: ${fieldErrorsText(told)}`,
    details: {
      ...(subject.name === "" ? {} : { name: subject.name }),
      ...(subject.group === "" ? {} : { group: subject.group }),
      ...(subject.kind === "" ? {} : { kind: subject.kind }),
      causes: told.map(({ type, message, field }) => ({ reason: type, message, field })),
    },
  });
}

export const methodNotSupportedError = (group: string, resource: string, action: string): StatusError =>
  failure({
    code: 405,
    reason: "MethodNotAllowed",
    message: `${action} is not supported on resources of kind ${JSON.stringify(qualifiedResource(group, resource))}`,
    details: details({ group, resource, name: "" }),
  });

export const expiredError = (message: string): StatusError =>
  failure({ code: 410, reason: "Expired", message });

/** What upstream's handlers make of an error of the storage that they know nothing of: its words, without a reason. */
export const unexplainedError = (message: string, options?: ErrorOptions): StatusError =>
  new StatusError(
    { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, code: 500 },
    options,
  );

export const internalError = (message: string, options?: ErrorOptions): StatusError =>
  failure(
    {
      code: 500,
      reason: "InternalError",
      message: `Internal error occurred: ${message}`,
      details: { causes: [{ message }] },
    },
    options,
  );

export const tooManyRequestsError = (message: string, retryAfterSeconds: number): StatusError =>
  failure({ code: 429, reason: "TooManyRequests", message, details: { retryAfterSeconds } });

export const serviceUnavailableError = (message: string): StatusError =>
  failure({ code: 503, reason: "ServiceUnavailable", message });

/** The client was told before. */
export const timeoutError = (message: string, options?: ErrorOptions): StatusError =>
  failure({ code: 504, reason: "Timeout", message: `Timeout: ${message}`, details: {} }, options);

/** A resourceVersion that this server hasn't reached yet. */
export const resourceVersionTooLargeError = (asked: bigint, current: bigint): StatusError =>
  failure({
    code: 504,
    reason: "Timeout",
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });

const reasons: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** Of an answer that says no more than its status code. */
export const reasonOf = (code: number): string | undefined =>
  reasons[code] ?? (code >= 500 ? "InternalError" : undefined);

/** What comes back from a server, as the client's types. */
import { reasonOf, StatusError, type Status } from "#api/meta/status.ts";
import type { Author, KubeObject, WatchEvent, WatchEventType } from "#api/meta/object.ts";
import type { Query } from "./client.ts";

/** The server wasn't reached, or the connection broke before the answer was complete. */
export class ServerUnreachableError extends Error {
  override readonly name = "ServerUnreachableError";
  readonly code = "UNREACHABLE";
  constructor(server: string, options?: ErrorOptions) {
    super(`no answer from ${server}`, options);
  }
}

/** The error of an answer with status 400 or above; `retryAfter` is the header of that name. */
export function statusErrorOf(code: number, body: unknown, retryAfter: string | undefined): StatusError {
  const seconds = retryAfter === undefined ? undefined : Number.parseInt(retryAfter, 10);
  const status = isStatusBody(body) ? body : statusFromText(code, body);
  const needsSeconds =
    seconds !== undefined && seconds >= 0 && status.details?.retryAfterSeconds === undefined;
  return new StatusError({
    ...status,
    code: status.code ?? code,
    ...(needsSeconds ? { details: { ...status.details, retryAfterSeconds: seconds } } : {}),
  });
}

function statusFromText(code: number, body: unknown): Status {
  const text = typeof body === "string" ? body.trim().slice(0, 2048) : "";
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: text === "" ? `the server answered with status ${code}` : text,
    reason: reasonOf(code) ?? "Unknown",
    code,
  };
}

function isStatusBody(body: unknown): body is Status {
  return typeof body === "object" && body !== null && "kind" in body && body.kind === "Status";
}

/** One line of a watch. Throws the StatusError that an ERROR event carries. */
export function watchEventOf(line: unknown): WatchEvent {
  const { type, object, author } = line as { type: string; object: KubeObject; author?: Author };
  if (type === "ERROR") {
    throw isStatusBody(object)
      ? new StatusError(object)
      : statusErrorOf(500, JSON.stringify(object), undefined);
  }
  return author === undefined
    ? { type: type as WatchEventType, object }
    : { type: type as WatchEventType, object, author };
}

/** Newline-delimited JSON out of pieces of any size. */
export class LineSplitter {
  #pieces: Buffer[] = [];

  /** The complete lines that end in this piece, without their newline; empty lines are skipped. */
  *push(piece: Buffer): Generator<string> {
    let start = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const last = piece.subarray(start, end);
      start = end + 1;
      const line = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
      this.#pieces = [];
      if (line.length > 0) yield line.toString("utf8");
    }
    if (start < piece.length) this.#pieces.push(piece.subarray(start));
  }

  /** True when the input stopped in the middle of a line. */
  get hasRest(): boolean {
    return this.#pieces.length > 0;
  }
}

/** "a=1&b=x%20y", "" when there is nothing to ask. */
export function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const one of typeof value === "string" ? [value] : value) parameters.append(name, one);
  }
  return parameters.toString();
}

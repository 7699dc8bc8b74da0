/** Failures as clients are told them, and answers to who wanted a connection upgraded and got something else. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { goJson } from "#api/codec/go-json.ts";
import {
  failure,
  internalError,
  StatusError,
  tooManyRequestsError,
  unexplainedError,
} from "#api/meta/status.ts";
import { errorText } from "#base/log.ts";
import { StoreBusyError, StoreClosedError, StoreFullError } from "#store/store.ts";
import type { DroppedError } from "#apiserver/flowcontrol/dropped-requests.ts";
import type { Answer, RawAnswer } from "#apiserver/request/call.ts";

export function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof StoreBusyError) {
    return tooManyRequestsError("the store has more writes waiting than it holds, please try again later", 1);
  }
  if (error instanceof StoreClosedError) {
    return failure({ code: 503, reason: "ServiceUnavailable", message: "the server is shutting down" });
  }
  // upstream: apiserver/pkg/endpoints/handlers/responsewriters/status.go
  if (error instanceof StoreFullError) return unexplainedError(error.said, { cause: error });
  return internalError(errorText(error), { cause: error });
}

/** Whether somebody should look into it: without a reason it is a refusal that upstream too gives this code. */
export function isOwnFault(error: unknown): boolean {
  const { code, reason = "" } = statusErrorOf(error).status;
  return code === 500 && !(error instanceof StatusError && reason === "");
}

/** upstream: apiserver/pkg/server/filters/maxinflight.go tooManyRequests */
export const droppedAnswer = ({ message, retryAfterSeconds }: DroppedError): RawAnswer => ({
  kind: "raw",
  status: 429,
  headers: {
    "content-type": "text/plain; charset=utf-8",
    "retry-after": String(retryAfterSeconds),
    "x-content-type-options": "nosniff",
  },
  body: `${message}\n`,
});

type Headers = Readonly<Record<string, string>>;

/** What every answer to a request has. */
export const everyHeaders = (auditId: string): Headers => ({
  "Audit-Id": auditId,
  "Cache-Control": "no-cache, private",
});

/**
 * Instead of the connection. Answers that nobody takes one over for come where another server was to answer, and this one
 * does since: a watch among them isn't begun.
 */
export async function refuseUpgrade(
  socket: Duplex,
  answer: Exclude<Answer, { kind: "hijacked" }>,
  every: Headers,
): Promise<void> {
  if (answer.kind === "object") {
    refuseWithStatus(socket, { status: answer.status, object: answer.object, every });
    return;
  }
  if (answer.kind !== "raw") {
    if (answer.kind === "watch") answer.items.cancel();
    const headers = { ...every, "Content-Type": "text/plain" };
    refuseWith(socket, { status: 400, headers, body: "this resource knows no upgrade\n" });
    return;
  }
  const { body, headers, status } = answer;
  const chunks: Uint8Array[] = [];
  if (typeof body === "string") chunks.push(Buffer.from(body, "utf8"));
  else if (body instanceof Uint8Array) chunks.push(body);
  else for await (const chunk of body) chunks.push(chunk);
  const { "content-type": type = "text/plain", "content-length": _, ...rest } = headers;
  const said = { ...every, "Content-Type": type, ...rest };
  refuseWith(socket, { status, headers: said, body: Buffer.concat(chunks) });
}

interface Refusal {
  readonly status: number;
  readonly headers: RawAnswer["headers"];
  readonly body: string | Buffer;
}

/** Over the connection that was to be taken over, which ends with it. */
export function refuseWith(socket: Duplex, { status, headers, body }: Refusal): void {
  const bytes = Buffer.from(body as string);
  if (socket.writable) {
    const all = { Connection: "close", ...headers, "Content-Length": String(bytes.length) };
    const lines = Object.entries(all).flatMap(([name, values]) =>
      [values].flat().map((value) => `${name}: ${value}\r\n`),
    );
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}\r\n${lines.join("")}\r\n`);
  }
  socket.end(bytes);
}

export const refuseWithStatus = (
  socket: Duplex,
  { status, object, every }: { readonly status: number; readonly object: object; readonly every: Headers },
): void => {
  refuseWith(socket, {
    status,
    headers: { ...every, "Content-Type": "application/json" },
    body: goJson(object),
  });
};

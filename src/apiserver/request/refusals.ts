/** Refusals before a handler is reached, in upstream's words. upstream: apiserver/pkg/endpoints/handlers/responsewriters/errors.go */
import { failure, type StatusError } from "#api/meta/status.ts";
import type { Answer, ApiCall } from "./call.ts";

export const methodNotAllowed = (): StatusError =>
  failure({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });

export const isRead = (method: string): boolean => method === "GET" || method === "HEAD";

/** What a group or version that is served says of what it doesn't have. */
export const unknownResource = (): StatusError =>
  failure({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });

/** What Go's mux says where nobody is; clients take it for an unknown resource. */
export function notFoundAnywhere(): Answer {
  return {
    kind: "raw",
    status: 404,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
    body: "404 page not found\n",
  };
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** It couldn't be told whether the request is allowed. */
export function authorizationFailed({ path, query }: Pick<ApiCall, "path" | "query">, error: string): Answer {
  const uri = query.size === 0 ? path : `${path}?${query.toString()}`;
  const text = `Internal Server Error: ${JSON.stringify(uri)}: ${error}`;
  return {
    kind: "raw",
    status: 500,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
    body: `${text.replace(/[&<>]/g, (char) => escapes[char] ?? char)}\n`,
  };
}

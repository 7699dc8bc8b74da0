/** Refusals before a handler is reached, in upstream's words. upstream: apiserver/pkg/endpoints/handlers/responsewriters/errors.go */
import {
  badRequestError,
  failure,
  methodNotSupportedError,
  notFoundError,
  type StatusError,
} from "#api/meta/status.ts";
import type { RoutedResource } from "#apiserver/registry/routes.ts";
import type { Answer, ApiCall, RawAnswer } from "./call.ts";
import type { RequestInfo } from "./info.ts";

export const methodNotAllowed = (): StatusError =>
  failure({
    code: 405,
    reason: "MethodNotAllowed",
    message: "the server does not allow this method on the requested resource",
    details: {},
  });

/** Throws 405. Where one path has one method, HEAD is another. upstream: go-restful's detectRoute */
export function assertGet({ method }: Pick<ApiCall, "method">): void {
  if (method !== "GET") throw methodNotAllowed();
}

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

const ofOneObject: readonly string[] = ["get", "update", "patch", "delete"];

/**
 * Throws 404, 400, 405, or 500, or answers 404: of a custom resource that is there, what is asked of it isn't. Its server looks
 * at verbs, where the one of built-in resources has a path for each method.
 * upstream: apiextensions-apiserver/pkg/apiserver/customresource_handler.go
 */
export function refuseCustom(
  info: RequestInfo,
  { definition, subresources, refusal }: RoutedResource,
): Answer {
  const { group, resource, namespace, name, subresource, verb } = info;
  const isOfAll = verb === "list" || verb === "watch";
  if (definition.namespaced ? namespace === "" && !isOfAll : namespace !== "") return notFoundAnywhere();
  if (refusal !== undefined) throw refusal();
  if (subresource !== "" && !subresources.has(subresource)) throw notFoundError({ group, resource, name });
  if (name === "" && ofOneObject.includes(verb)) throw badRequestError("name must be provided");
  throw methodNotSupportedError(group, resource, verb);
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** What has to be done before a request is looked at couldn't be done. upstream: responsewriters.InternalError */
export function internalFailure({ path, query }: Pick<ApiCall, "path" | "query">, error: string): RawAnswer {
  const uri = query.size === 0 ? path : `${path}?${query.toString()}`;
  const text = `Internal Server Error: ${JSON.stringify(uri)}: ${error}`;
  return {
    kind: "raw",
    status: 500,
    headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" },
    body: `${text.replace(/[&<>]/g, (char) => escapes[char] ?? char)}\n`,
  };
}

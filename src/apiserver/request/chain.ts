/**
 * What every request passes, in this order, however it came: info (read at the door) → authorization → route → handler (which decodes,
 * admits, and calls the registry). Who asks is settled before: by http/identification.ts, or by whoever opened the
 * local door.
 * upstream: apiserver/pkg/server/config.go DefaultBuildHandlerChain
 */
import type { Attributes, Authorizer, Decision } from "#apiserver/authz/authorizer.ts";
import { forbidden } from "#apiserver/authz/forbidden.ts";
import type { RouteTable } from "#apiserver/registry/routes.ts";
import type { Answer, ApiCall } from "./call.ts";
import { isConnect, type RequestInfo } from "./info.ts";
import {
  internalFailure,
  methodNotAllowed,
  notFoundAnywhere,
  refuseCustom,
  unknownResource,
} from "./refusals.ts";
import { assertRoutable } from "./route-media.ts";

export interface ChainDeps {
  readonly authorizer: Authorizer;
  readonly routes: Pick<RouteTable, "find" | "custom">;
  /** A group of our own, whose paths nobody else serves. */
  readonly isBuiltInGroup: (group: string) => boolean;
  /** Of what another server serves; undefined when this one does. */
  readonly remote?: ((call: ApiCall) => Promise<Answer> | undefined) | undefined;
  /** Paths outside the API's resources; undefined when nobody serves the path. */
  readonly outside: (call: ApiCall, info: RequestInfo) => Promise<Answer | undefined>;
}

/** At once where nothing has to be waited for. */
export type Chain = (call: ApiCall) => Answer | Promise<Answer>;

/** Every failure is thrown, as StatusError where the client is to blame. */
export const createChain =
  (deps: ChainDeps): Chain =>
  (call) => {
    const attributes = authorizationAttributes(call, call.info);
    const decision = deps.authorizer.authorize(attributes);
    return decision instanceof Promise
      ? decision.then((late) => failed(late, call, attributes) ?? answer(call, deps))
      : (failed(decision, call, attributes) ?? answer(call, deps));
  };

/** Undefined: go on. An answer: it couldn't be told. Throws 403. upstream: apiserver/pkg/endpoints/filters/authorization.go */
function failed(
  { allowed, reason, error }: Decision,
  call: ApiCall,
  attributes: Attributes,
): Answer | undefined {
  if (!allowed && error !== undefined) {
    call.annotate?.("authorization.k8s.io/reason", "internal error");
    return internalFailure(call, error);
  }
  call.annotate?.("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
  call.annotate?.("authorization.k8s.io/reason", reason);
  if (!allowed) throw forbidden(attributes, reason);
  return undefined;
}

function answer(call: ApiCall, deps: ChainDeps): Answer | Promise<Answer> {
  const { info } = call;
  // Read as the same path before, but no handler's.
  if (call.path.startsWith("//")) return notFoundAnywhere();
  const remote = deps.remote?.(call);
  if (remote !== undefined) return remote;
  if (info.isResourceRequest) return dispatch(call, info, deps);
  return deps.outside(call, info).then((found) => found ?? nothingAt(call.path, deps));
}

/** Throws 404, or answers it. upstream: apiserver/pkg/server/handler.go director */
function nothingAt(path: string, { isBuiltInGroup }: ChainDeps): Answer {
  const [, root, group = ""] = path.split("/");
  if (root === "api" || (root === "apis" && isBuiltInGroup(group))) throw unknownResource();
  return notFoundAnywhere();
}

export function authorizationAttributes(
  { user, query }: Pick<ApiCall, "user" | "query">,
  info: RequestInfo,
): Attributes {
  // Most requests that ask for one object have no query.
  if (query.size === 0) return { ...info, user };
  const fieldSelector = query.get("fieldSelector") ?? undefined;
  const labelSelector = query.get("labelSelector") ?? undefined;
  return { ...info, user, fieldSelector, labelSelector };
}

/**
 * Of what has a handler for each method, not for each verb: HEAD is a get to who authorizes it, but no handler's. And the
 * paths of old that begin with watch/ are taken for watches before their method is looked at.
 */
function isOddRead({ method }: ApiCall, info: RequestInfo): boolean {
  return method === "HEAD" ? !isConnect(info) : info.verb === "watch" && method !== "GET";
}

function dispatch(call: ApiCall, info: RequestInfo, deps: ChainDeps): Answer | Promise<Answer> {
  const found = info.isMisplaced === true ? undefined : deps.routes.find(info);
  if (found?.route === undefined) {
    const custom = info.isMisplaced === true ? undefined : deps.routes.custom(info);
    if (custom !== undefined) return refuseCustom(info, custom);
    if (found === undefined) return nothingAt(call.path, deps);
    throw methodNotAllowed();
  }
  const isCustom = deps.routes.custom(info) !== undefined;
  if (isOddRead(call, info) && !isCustom) throw methodNotAllowed();
  // Who takes over the connection, or passes on what somebody else says, has no say in its form.
  if (!isConnect(info)) {
    if (!isCustom) assertRoutable(call, info);
  }
  call.handled?.();
  if (!isConnect(info)) call.assertAcceptable?.();
  // The namespace of a cluster-scoped object (a Namespace's own name) matters to authorization only.
  const placed = found.resource.definition.namespaced ? info : { ...info, namespace: "" };
  return found.route(call, placed);
}

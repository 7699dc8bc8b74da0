/**
 * What every request passes, in this order, however it came: info (read at the door) → authorization → route → handler (which decodes,
 * admits, and calls the registry). Who asks is settled before: by http/authentication.ts, or by whoever opened the
 * local door.
 * upstream: apiserver/pkg/server/config.go DefaultBuildHandlerChain
 */
import type { Attributes, Authorizer } from "#apiserver/authz/authorizer.ts";
import { forbidden } from "#apiserver/authz/forbidden.ts";
import type { RouteTable } from "#apiserver/registry/routes.ts";
import type { Answer, ApiCall } from "./call.ts";
import type { RequestInfo } from "./info.ts";
import { authorizationFailed, methodNotAllowed, notFoundAnywhere } from "./refusals.ts";

export interface ChainDeps {
  readonly authorizer: Authorizer;
  readonly routes: Pick<RouteTable, "find">;
  /** Of what another server serves; undefined when this one does. */
  readonly remote?: ((call: ApiCall) => Promise<Answer> | undefined) | undefined;
  /** Paths outside the API's resources; undefined when nobody serves the path. */
  readonly outside: (call: ApiCall, info: RequestInfo) => Promise<Answer | undefined>;
}

export type Chain = (call: ApiCall) => Promise<Answer>;

/** Every failure is thrown, as StatusError where the client is to blame. */
export const createChain =
  (deps: ChainDeps): Chain =>
  async (call) => {
    const { info } = call;
    const failed = await authorize(call, info, deps.authorizer);
    if (failed !== undefined) return failed;
    const remote = deps.remote?.(call);
    if (remote !== undefined) return remote;
    return info.isResourceRequest
      ? dispatch(call, info, deps.routes)
      : ((await deps.outside(call, info)) ?? notFoundAnywhere());
  };

/** Undefined: go on. An answer: it couldn't be told. Throws 403. upstream: apiserver/pkg/endpoints/filters/authorization.go */
async function authorize(
  call: ApiCall,
  info: RequestInfo,
  authorizer: Authorizer,
): Promise<Answer | undefined> {
  const attributes = authorizationAttributes(call, info);
  const { allowed, reason, error } = await authorizer.authorize(attributes);
  if (!allowed && error !== undefined) {
    call.annotate?.("authorization.k8s.io/reason", "internal error");
    return authorizationFailed(call, error);
  }
  call.annotate?.("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
  call.annotate?.("authorization.k8s.io/reason", reason);
  if (!allowed) throw forbidden(attributes, reason);
  return undefined;
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

async function dispatch(call: ApiCall, info: RequestInfo, routes: ChainDeps["routes"]): Promise<Answer> {
  const found = routes.find(info);
  if (found === undefined) return notFoundAnywhere();
  if (found.route === undefined) throw methodNotAllowed();
  // The namespace of a cluster-scoped object (a Namespace's own name) matters to authorization only.
  const placed = found.resource.definition.namespaced ? info : { ...info, namespace: "" };
  return found.route(call, placed);
}

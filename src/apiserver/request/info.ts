/** What a request is about, read from its method and URL. upstream: apiserver/pkg/endpoints/request/requestinfo.go */
import { trim } from "#base/trim.ts";
import { isTrue } from "./query.ts";

export type Verb =
  | "get"
  | "list"
  | "watch"
  | "create"
  | "update"
  | "patch"
  | "delete"
  | "deletecollection"
  | "connect"
  /** the deprecated /api/v1/proxy/… and /api/v1/watch/… paths */
  | "proxy"
  /** of a method that no resource knows: OPTIONS, TRACE */
  | ""
  /** of paths outside the API: the lower-case HTTP method */
  | "post"
  | "put"
  | "head"
  | "options";

export interface RequestInfo {
  readonly isResourceRequest: boolean;
  readonly verb: Verb;
  readonly path: string;
  /** The rest is "" where it doesn't apply. */
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** More segments than any handler's path has, an empty one, or the long gone /proxy/ path: allowed or not, there is nothing. */
  readonly isMisplaced?: true;
}

/** Over HTTP/2 a method may be any word. */
const methodVerbs: ReadonlyMap<string, Verb> = new Map([
  ["POST", "create"],
  ["GET", "get"],
  ["HEAD", "get"],
  ["PUT", "update"],
  ["PATCH", "patch"],
  ["DELETE", "delete"],
]);

/** Sub-paths of a namespace that are not resources in it. */
const namespaceSubresources = new Set(["status", "finalize"]);

const reviewGroups = new Set(["authentication.k8s.io", "authorization.k8s.io"]);
const answeredSubresources = new Set(["binding", "eviction", "token"]);

/** Is created for its answer alone, and never kept: reviews, bindings, evictions, tokens. */
export function isOnlyAnswered({ group, resource, subresource }: RequestInfo): boolean {
  if (reviewGroups.has(group)) return true;
  return group === "" && (resource === "bindings" || answeredSubresources.has(subresource));
}

const connectSubresources = new Set(["exec", "attach", "portforward", "proxy"]);

/** Is passed on to somebody else's server: a kubelet, a pod, a service, a node. */
export const isConnect = ({ subresource }: Pick<RequestInfo, "subresource">): boolean =>
  connectSubresources.has(subresource);

const longSubresources = new Set([...connectSubresources, "log"]);

/** It lasts as long as both sides want it. */
export const takesNoSeat = ({ subresource }: Pick<RequestInfo, "subresource">): boolean =>
  longSubresources.has(subresource);

export const isLongRunning = (info: Pick<RequestInfo, "verb" | "subresource">): boolean =>
  info.verb === "watch" || takesNoSeat(info);

/** Its answer goes on for as long as the client likes, as far as can be told beforehand. */
export const hasNoEnd = ({ verb, subresource }: RequestInfo, query: URLSearchParams): boolean =>
  verb === "watch" || (subresource === "log" && isTrue(query.get("follow")));

/** `path` is decoded; its segments are taken as they are. */
export function parseRequestInfo(method: string, path: string, query: URLSearchParams): RequestInfo {
  const outside: RequestInfo = {
    isResourceRequest: false,
    verb: method.toLowerCase() as Verb,
    path,
    group: "",
    version: "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
  };
  const parts = trim(path, "/").split("/");
  const [prefix] = parts;
  if (parts.length < 3 || (prefix !== "api" && prefix !== "apis")) return outside;
  const group = prefix === "apis" ? (parts[1] ?? "") : "";
  const rest = parts.slice(prefix === "apis" ? 2 : 1);
  if (rest.length < 2 && prefix === "apis") return outside;
  const version = rest[0] ?? "";
  return {
    ...outside,
    isResourceRequest: true,
    group,
    version,
    ...parseResource(method, rest.slice(1), query),
  };
}

type ResourcePart = Pick<
  RequestInfo,
  "verb" | "namespace" | "resource" | "subresource" | "name" | "isMisplaced"
>;

function parseResource(method: string, parts: readonly string[], query: URLSearchParams): ResourcePart {
  const isSpecial = parts[0] === "watch" || parts[0] === "proxy";
  const verb: Verb = isSpecial ? (parts[0] as "watch" | "proxy") : (methodVerbs.get(method) ?? "");
  const place = placeOf(isSpecial ? parts.slice(1) : parts);
  const subresource = verb === "proxy" ? "" : (place.rest[2] ?? "");
  const [resource = "", name = ""] = place.rest;
  const isTooLong = place.rest.length > 3 && subresource !== "proxy";
  const isMisplaced = verb === "proxy" || isTooLong || parts.slice(0, 3).includes("");
  const found = { namespace: place.namespace, resource, subresource, name };
  return withoutName(verb, isMisplaced ? { ...found, isMisplaced } : found, query);
}

function placeOf(parts: readonly string[]): { readonly namespace: string; readonly rest: readonly string[] } {
  if (parts[0] !== "namespaces" || parts.length < 2) return { namespace: "", rest: parts };
  const namespace = parts[1] ?? "";
  const isInside = parts.length > 2 && !namespaceSubresources.has(parts[2] ?? "");
  return { namespace, rest: isInside ? parts.slice(2) : parts };
}

/** Without a name, get means list or watch, and delete means all. */
function withoutName(verb: Verb, place: Omit<ResourcePart, "verb">, query: URLSearchParams): ResourcePart {
  if (place.name !== "") return { ...place, verb };
  if (verb === "delete") return { ...place, verb: "deletecollection" };
  if (verb !== "get" && verb !== "watch") return { ...place, verb };
  // A list of one name is authorized as an access to that name.
  const name = /^metadata\.name=([^,=!/%]+)$/.exec(query.get("fieldSelector") ?? "")?.[1] ?? "";
  const isWatch = verb === "watch" || isTrue(query.get("watch"));
  return { ...place, verb: isWatch ? "watch" : "list", name };
}

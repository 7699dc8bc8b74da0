/** What is told apart of requests in metrics: what clients make up is one and the same. upstream: apiserver/pkg/endpoints/metrics/metrics.go */
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { Labels } from "./series-histogram.ts";

export interface KindLabels extends Labels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
}

/** upstream: cleanDryRun */
export function dryRunOf(query: URLSearchParams): string {
  const values = query.getAll("dryRun");
  if (values.length === 0) return "";
  return values.every((value) => value === "All") ? "All" : "invalid";
}

const validations = new Set(["", "Ignore", "Warn", "Strict"]);

/** What becomes of fields that nobody knows. */
export function validationOf(query: URLSearchParams): string {
  const text = query.get("fieldValidation") ?? "";
  return validations.has(text) ? text : "invalid";
}

const connecting = new Set(["exec", "attach", "portforward", "proxy", "log"]);

/** `isKnown`: there is such a resource, or such a path. */
export function labelsOf(info: RequestInfo, isKnown: boolean): KindLabels {
  const { group, version, resource, subresource } = info;
  const verb = connecting.has(subresource) ? "CONNECT" : metricVerb(info);
  const place = isKnown
    ? { group, version, resource, subresource: info.isResourceRequest ? subresource : pathLabel(info.path) }
    : { group: "", version: "", resource: "", subresource: "" };
  // The filters that upstream counts health by aren't of its "apiserver".
  const component = isKnown && isHealth(info) ? "" : "apiserver";
  return { verb, ...place, scope: isKnown ? routeScopeOf(info) : "", component };
}

/** Upstream shows these paths in the subresource's place. */
const shownPaths = new Set(["/healthz", "/livez", "/readyz"]);

const pathLabel = (path: string): string => (shownPaths.has(path) ? path : "");

const isHealth = ({ isResourceRequest, path }: RequestInfo): boolean =>
  !isResourceRequest && shownPaths.has(path);

/** Of its route: there, the one name that a list selects is none. */
const routeScopeOf = (info: RequestInfo): string =>
  scopeOf(info.verb === "list" || info.verb === "watch" ? { ...info, name: "" } : info);

/** Of what is asked. upstream: CleanScope */
export function scopeOf({ isResourceRequest, name, namespace, verb }: RequestInfo): string {
  if (!isResourceRequest) return "";
  if (name !== "" || verb === "create") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}

export function metricVerb({ verb }: RequestInfo): string {
  switch (verb) {
    case "create":
    case "post":
      return "POST";
    case "update":
    case "put":
      return "PUT";
    case "head":
    case "get":
    case "proxy":
      return "GET";
    case "list":
      return "LIST";
    case "watch":
      return "WATCH";
    case "patch":
      return "PATCH";
    case "delete":
    case "deletecollection":
      return "DELETE";
    case "connect":
      return "CONNECT";
    default:
      // OPTIONS, and over HTTP/2 any word.
      return "other";
  }
}

/** What a request is about, read from its method and URL. upstream: apiserver/pkg/endpoints/request/requestinfo.go */
import type { UserInfo } from "#apiserver/authn/authenticator.ts";

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
}

/** Who asks; made once per request by authentication. */
export interface RequestContext {
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  /** Adds a `Warning: 299 - "text"` header to the answer. */
  warn(text: string): void;
}

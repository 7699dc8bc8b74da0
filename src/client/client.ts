/**
 * The one client of the API: typed or dynamic, over TLS or straight into the apiserver of this process.
 * Objects handed out may be shared and are frozen in development: copy before change (structuredClone).
 * Every failure of the server is a StatusError (api/meta/status.ts).
 */
import type { AnyObject, KubeList, KubeObject, WatchEvent } from "#api/meta/object.ts";
import type { ResourceRef } from "#api/resource-ref.ts";

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** "/api/v1/namespaces/default/pods" */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON unless `contentType` says otherwise. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  /** Of reads: managed fields may be missing from what they bring, where that saves something. */
  readonly lean?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded JSON. Text for any other content type. */
  readonly body: unknown;
}

/** How requests travel. Two implementations: TLS, and the apiserver's own entrance within the process. */
export interface Transport {
  /** Of the server that is asked, "10.0.0.1:6443"; absent within the process. */
  readonly host?: string | undefined;
  /** Throws StatusError for a status of 400 and above; any other error means that the server wasn't reached. */
  request(request: ApiRequest): Promise<ApiResponse>;
  /** Decoded watch events. An ERROR event is thrown as StatusError. The loop ends when the server ends the watch. */
  watch(request: ApiRequest): AsyncIterable<WatchEvent>;
  /** Raw bytes, for logs. */
  stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>>;
  close(): Promise<void>;
}

export interface ListQuery {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan" | undefined;
  /** As a request has it; the server isn't told. */
  readonly lean?: boolean | undefined;
}

export interface WatchQuery extends Omit<ListQuery, "limit" | "continue"> {
  readonly allowWatchBookmarks?: boolean | undefined;
  readonly sendInitialEvents?: boolean | undefined;
  readonly timeoutSeconds?: number | undefined;
}

export interface WriteOptions {
  readonly fieldManager?: string | undefined;
  readonly dryRun?: boolean | undefined;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan" | undefined;
  readonly preconditions?:
    | { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined }
    | undefined;
}

export type PatchType = "json" | "merge" | "strategic" | "apply";

/** One resource, in one namespace (or in all of them for list and watch, or cluster-scoped). */
export interface ResourceClient<T extends KubeObject> {
  get(name: string, signal?: AbortSignal): Promise<T>;
  list(query?: ListQuery, signal?: AbortSignal): Promise<KubeList<T>>;
  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  create(object: T, options?: WriteOptions): Promise<T>;
  update(object: T, options?: WriteOptions): Promise<T>;
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(
    name: string,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { readonly subresource?: string; readonly force?: boolean },
  ): Promise<T>;
  /** Resolves with the object when it still exists (graceful, finalizers), else with the server's Status. */
  delete(name: string, options?: DeleteOptions): Promise<KubeObject>;
  deleteCollection(options?: DeleteOptions, query?: ListQuery): Promise<void>;
  /** A subresource by name: ("web", "scale").get(), ("sa", "token").create(tokenRequest). */
  subresource<S extends KubeObject = AnyObject>(name: string, subresource: string): SubresourceClient<S>;
}

export interface SubresourceClient<S extends KubeObject> {
  get(signal?: AbortSignal): Promise<S>;
  create(object: S): Promise<S>;
  update(object: S): Promise<S>;
}

export interface Client {
  /** Without a namespace: cluster-scoped, or all namespaces. */
  resource<T extends KubeObject>(ref: ResourceRef<T>, namespace?: string): ResourceClient<T>;
  /** Anything else of the API: discovery, health, paths of unknown resources. */
  readonly transport: Transport;
}

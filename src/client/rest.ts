/**
 * The client of the API over any transport.
 * Requests that the server puts off (429, or 5xx with Retry-After) are sent again after the time it names.
 * upstream: client-go/rest/request.go
 */
import { systemClock, type Clock } from "#base/clock.ts";
import {
  apiVersionOf,
  type AnyObject,
  type KubeList,
  type KubeObject,
  type WatchEvent,
} from "#api/meta/object.ts";
import { StatusError } from "#api/meta/status.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import type { ClientCounts } from "./client-counts.ts";
import { codeOf, type RequestCounts } from "./request-counts.ts";
import type {
  ApiRequest,
  ApiResponse,
  Client,
  DeleteOptions,
  ListQuery,
  PatchType,
  Query,
  ResourceClient,
  SubresourceClient,
  Transport,
  WatchQuery,
  WriteOptions,
} from "./client.ts";

export interface ClientOptions {
  readonly clock?: Clock;
  /** Used for writes that don't name one. Without it the server takes the user agent. */
  readonly fieldManager?: string;
  /** Where what it asks is counted; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
}

export function createClient(transport: Transport, options: ClientOptions = {}): Client {
  const sender = new Sender(transport, options);
  return {
    transport,
    resource: <T extends KubeObject>(ref: ResourceRef<T>, namespace = ""): ResourceClient<T> =>
      new RestResource<T>(ref, namespace, { sender, fieldManager: options.fieldManager }),
  };
}

/** Upstream's number of tries. */
const triesMax = 10;

class Sender {
  readonly transport: Transport;
  readonly #clock: Clock;
  readonly #allCounts: ClientCounts | undefined;

  constructor(transport: Transport, { clock = systemClock, counts }: ClientOptions) {
    this.transport = transport;
    this.#clock = clock;
    this.#allCounts = counts;
  }

  async send(request: ApiRequest): Promise<ApiResponse> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(request);
      } catch (error) {
        const seconds = retrySeconds(error);
        if (seconds === undefined || tries >= triesMax) throw error;
        this.#counts(request.method)?.retried(codeOf(error));
        await this.#clock.sleep(seconds * 1000, request.signal ?? neverAborted);
      }
    }
  }

  #counts(method: string): RequestCounts | undefined {
    return this.#allCounts?.request(method, this.transport.host);
  }

  async #once(request: ApiRequest): Promise<ApiResponse> {
    const began = this.#clock.monotonic();
    try {
      return await this.transport.request(request);
    } finally {
      const ms = this.#clock.monotonic() - began;
      this.#counts(request.method)?.durations.observe(ms / 1000);
    }
  }
}

const neverAborted = new AbortController().signal;

function retrySeconds(error: unknown): number | undefined {
  if (!(error instanceof StatusError)) return undefined;
  if (error.code !== 429 && error.code < 500) return undefined;
  // A server that is behind an asked revision says "retry": the asker has to decide about that.
  if (error.code === 504) return undefined;
  const seconds = error.status.details?.retryAfterSeconds;
  return seconds !== undefined && seconds > 0 ? seconds : undefined;
}

/** "/api/v1/namespaces/default/pods", the path of a resource's collection. */
export function collectionPath(ref: ResourceRef, namespace: string): string {
  const root = ref.group === "" ? `/api/${ref.version}` : `/apis/${ref.group}/${ref.version}`;
  const scope = ref.namespaced && namespace !== "" ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${scope}/${ref.resource}`;
}

export const patchContentTypes: Readonly<Record<PatchType, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

interface RestContext {
  readonly sender: Sender;
  readonly fieldManager: string | undefined;
}

class RestResource<T extends KubeObject> implements ResourceClient<T> {
  readonly #ref: ResourceRef<T>;
  readonly #path: string;
  readonly #context: RestContext;

  constructor(ref: ResourceRef<T>, namespace: string, context: RestContext) {
    this.#ref = ref;
    this.#path = collectionPath(ref, namespace);
    this.#context = context;
  }

  get(name: string, signal?: AbortSignal): Promise<T> {
    return this.#send<T>({ method: "GET", path: this.#named(name), signal });
  }

  async list(query: ListQuery = {}, signal?: AbortSignal): Promise<KubeList<T>> {
    const list = await this.#send<KubeList<T>>({
      method: "GET",
      path: this.#path,
      query: listParameters(query),
      lean: query.lean,
      signal,
    });
    // Items of a list come without these on the wire; whoever takes one out of it still wants to know.
    const apiVersion = apiVersionOf(this.#ref);
    const { kind } = this.#ref;
    const items = (list.items as T[] | null) ?? [];
    return {
      ...list,
      items: items.map((item) => (item.kind === undefined ? { apiVersion, kind, ...item } : item)),
    };
  }

  watch(query: WatchQuery, signal: AbortSignal): AsyncIterable<WatchEvent<T>> {
    const { allowWatchBookmarks, sendInitialEvents, timeoutSeconds, ...selection } = query;
    return this.#context.sender.transport.watch({
      method: "GET",
      path: this.#path,
      query: {
        watch: "true",
        ...listParameters(selection),
        allowWatchBookmarks: flag(allowWatchBookmarks),
        sendInitialEvents: flag(sendInitialEvents),
        timeoutSeconds: timeoutSeconds?.toString(),
      },
      lean: query.lean,
      signal,
    }) as AsyncIterable<WatchEvent<T>>;
  }

  create(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send<T>({
      method: "POST",
      path: this.#path,
      query: this.#write(options),
      body: this.#typed(object),
    });
  }

  update(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#put(object, options, "");
  }

  updateStatus(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#put(object, options, "/status");
  }

  patch(
    name: string,
    type: PatchType,
    body: unknown,
    options: WriteOptions & { readonly subresource?: string; readonly force?: boolean } = {},
  ): Promise<T> {
    const { subresource, force } = options;
    return this.#send<T>({
      method: "PATCH",
      path: subresource === undefined ? this.#named(name) : `${this.#named(name)}/${subresource}`,
      query: { ...this.#write(options), force: flag(force) },
      body,
      contentType: patchContentTypes[type],
    });
  }

  delete(name: string, options: DeleteOptions = {}): Promise<KubeObject> {
    return this.#send<KubeObject>({ method: "DELETE", path: this.#named(name), body: deleteBody(options) });
  }

  async deleteCollection(options: DeleteOptions = {}, query: ListQuery = {}): Promise<void> {
    await this.#send<KubeObject>({
      method: "DELETE",
      path: this.#path,
      query: listParameters(query),
      body: deleteBody(options),
    });
  }

  subresource<S extends KubeObject = AnyObject>(name: string, subresource: string): SubresourceClient<S> {
    const path = `${this.#named(name)}/${subresource}`;
    return {
      get: (signal) => this.#send<S>({ method: "GET", path, signal }),
      create: (object) => this.#send<S>({ method: "POST", path, query: this.#write({}), body: object }),
      update: (object) => this.#send<S>({ method: "PUT", path, query: this.#write({}), body: object }),
    };
  }

  #put(object: T, options: WriteOptions, suffix: string): Promise<T> {
    const path = `${this.#named(object.metadata?.name ?? "")}${suffix}`;
    return this.#send<T>({ method: "PUT", path, query: this.#write(options), body: this.#typed(object) });
  }

  #named(name: string): string {
    // An empty name would make the path that of the collection: a delete of everything.
    if (name === "") throw new TypeError(`a ${this.#ref.resource} request needs a name`);
    return `${this.#path}/${encodeURIComponent(name)}`;
  }

  #typed(object: T): T {
    return { ...object, apiVersion: apiVersionOf(this.#ref), kind: this.#ref.kind };
  }

  #write({ fieldManager = this.#context.fieldManager, dryRun }: WriteOptions): Query {
    return { fieldManager, dryRun: dryRun === true ? "All" : undefined };
  }

  async #send<R>(request: ApiRequest): Promise<R> {
    const { body } = await this.#context.sender.send(request);
    return body as R;
  }
}

const flag = (value: boolean | undefined): string | undefined => value?.toString();

function listParameters(query: ListQuery): Query {
  return {
    labelSelector: query.labelSelector === "" ? undefined : query.labelSelector,
    fieldSelector: query.fieldSelector === "" ? undefined : query.fieldSelector,
    limit: query.limit?.toString(),
    continue: query.continue,
    resourceVersion: query.resourceVersion === "" ? undefined : query.resourceVersion,
    resourceVersionMatch: query.resourceVersionMatch,
  };
}

function deleteBody(options: DeleteOptions): unknown {
  return { kind: "DeleteOptions", apiVersion: "v1", ...options };
}

/**
 * The door for components of this process: the same chain as for HTTP requests, under the caller's own identity, without
 * HTTP and without serialisation. Answers are the cache's own objects, shared and frozen.
 */
import { parseExact } from "#base/exact-json.ts";
import type { ApiRequest, ApiResponse, Query, Transport } from "#client/client.ts";
import type { ClientCounts } from "#client/client-counts.ts";
import { codeOf } from "#client/request-counts.ts";
import type { AnyObject, Author, KubeObject, WatchEvent } from "#api/meta/object.ts";
import { failure, StatusError, type Status } from "#api/meta/status.ts";
import { apiVersionOf } from "#api/meta/object.ts";
import { ChildAbort } from "#base/abort.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Chain } from "#apiserver/request/chain.ts";
import type { Answer, ApiCall, ListAnswer, RawAnswer } from "#apiserver/request/call.ts";
import { parseRequestInfo } from "#apiserver/request/info.ts";
import type { Endpoint } from "#apiserver/registry/endpoint.ts";
import type { StoredObject } from "#apiserver/registry/stored-object.ts";
import type { WatchItem } from "#apiserver/registry/watcher.ts";
import { LocalWatch, type OpenedWatch } from "./local-watch.ts";

export class LocalEndpoint implements Transport {
  readonly #user: UserInfo;
  readonly #userAgent: string;
  readonly #chain: Chain;
  readonly #counts: ClientCounts | undefined;
  readonly #closed = new AbortController();
  readonly #watches = new Set<ChildAbort>();

  /** Without `counts` nobody counts what is asked. */
  constructor(user: UserInfo, chain: Chain, counts?: ClientCounts) {
    this.#user = user;
    this.#userAgent = programOf(user.name);
    this.#chain = chain;
    this.#counts = counts;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const warnings: string[] = [];
    const answer = await this.#ask(this.#call(request, warnings, request.signal ?? this.#closed.signal));
    const headers = warnings.length === 0 ? {} : { warning: warnings.map(warningText).join(", ") };
    return { headers, ...(await plainAnswer(answer, wishOf(request))) };
  }

  watch(request: ApiRequest): LocalWatch {
    let own: ChildAbort | undefined;
    return new LocalWatch({
      open: () => {
        own = new ChildAbort(request.signal ?? this.#closed.signal);
        this.#watches.add(own);
        return this.#open(request, own.signal);
      },
      onEnd: () => {
        if (own === undefined) return;
        this.#watches.delete(own);
        own.abort();
      },
    });
  }

  async #open(request: ApiRequest, signal: AbortSignal): Promise<OpenedWatch> {
    const query = { ...request.query, watch: "true" };
    const answer = await this.#ask(this.#call({ ...request, query }, [], signal));
    if (answer.kind === "raw") return { events: remoteEvents(answer) };
    if (answer.kind !== "watch") throw failure({ code: 400, reason: "BadRequest", message: "not a watch" });
    const { endpoint, items } = answer;
    const wish = wishOf(request);
    return {
      items,
      show: (item) => {
        const waiting = item.type === "BOOKMARK" ? undefined : endpoint.prepare([item.object]);
        return waiting === undefined
          ? watchEvent(item, endpoint, wish)
          : waiting.then(() => watchEvent(item, endpoint, wish));
      },
    };
  }

  async stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.#ask(this.#call(request, [], request.signal ?? this.#closed.signal));
    if (answer.kind !== "raw") return oneChunk(JSON.stringify((await plainAnswer(answer, "whole")).body));
    if (answer.status >= 400) throw await statusOf(answer);
    const { body } = answer;
    return typeof body === "string" || body instanceof Uint8Array ? oneChunk(body) : body;
  }

  async #ask(call: ApiCall): Promise<Answer> {
    const counts = this.#counts?.request(call.method);
    try {
      const answer = await this.#chain(call);
      counts?.answered("status" in answer ? answer.status : 200);
      return answer;
    } catch (error) {
      counts?.answered(codeOf(error));
      throw error;
    }
  }

  close(): Promise<void> {
    const reason = new Error("the client was closed");
    this.#closed.abort(reason);
    for (const watch of this.#watches) watch.abort(reason);
    return Promise.resolve();
  }

  #call(request: ApiRequest, warnings: string[], signal: AbortSignal): ApiCall {
    const contentType = request.contentType ?? "application/json";
    const { body, headers = {} } = request;
    const query = searchParams(request.query);
    // As the door for HTTP does: a client encodes names ("system:node") in its paths.
    const path = request.path.includes("%") ? decodeURIComponent(request.path) : request.path;
    return {
      info: parseRequestInfo(request.method, path, query),
      method: request.method,
      path,
      query,
      header: (name) => headers[name] ?? (name === "user-agent" ? this.#userAgent : ""),
      body: {
        contentType,
        value: body,
        bytes: () => Promise.resolve(Buffer.from(body === undefined ? "" : JSON.stringify(body), "utf8")),
      },
      user: this.#user,
      signal,
      warn: (text) => {
        warnings.push(text);
      },
      upgrade: undefined,
    };
  }
}

/** What upstream's component of that identity calls itself: managed fields are noted under it. */
function programOf(user: string): string {
  if (user.startsWith("system:node:")) return "kubelet";
  if (user.startsWith("system:serviceaccount:kube-system:")) return "kube-controller-manager";
  if (user === "system:apiserver") return "kube-apiserver";
  return user.startsWith("system:kube-") ? user.slice("system:".length) : "mini-k8s";
}

const warningText = (text: string): string => `299 - ${JSON.stringify(text)}`;

function searchParams(query: Query = {}): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const each of typeof value === "string" ? [value] : value) params.append(name, each);
  }
  return params;
}

/** How much of stored objects is asked for; "lean" is what informers keep. */
type Wish = "whole" | "lean" | "metadata";

function wishOf({ headers, lean }: ApiRequest): Wish {
  if (headers?.["accept"]?.includes("as=PartialObjectMetadata") === true) return "metadata";
  return lean === true ? "lean" : "whole";
}

function shown(stored: StoredObject, endpoint: Endpoint, wish: Wish): AnyObject {
  if (wish === "whole") return endpoint.view(stored);
  if (wish === "lean") return endpoint.leanView(stored);
  const { metadata } = endpoint.glance(stored);
  return { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
}

async function plainAnswer(
  answer: Answer,
  wish: Wish,
): Promise<{ readonly status: number; readonly body: unknown }> {
  switch (answer.kind) {
    case "stored":
      await answer.endpoint.prepare([answer.object]);
      return { status: answer.status, body: shown(answer.object, answer.endpoint, wish) };
    case "object":
      return { status: answer.status, body: answer.object };
    case "list":
      await answer.endpoint.prepare(answer.items);
      return { status: 200, body: listObject(answer, wish) };
    case "raw": {
      if (answer.status >= 400) throw await statusOf(answer);
      return { status: answer.status, body: parsedBody(answer, await textOf(answer)) };
    }
    case "watch":
      answer.items.cancel();
      throw failure({ code: 400, reason: "BadRequest", message: "a watch needs watch()" });
    case "hijacked":
      return { status: 101, body: undefined };
  }
}

function parsedBody({ headers }: RawAnswer, text: string): unknown {
  const type = headers["content-type"];
  return typeof type === "string" && type.startsWith("application/json") ? parseExact(text) : text;
}

function listObject({ endpoint, items, revision, ...rest }: ListAnswer, wish: Wish): AnyObject {
  return {
    kind: endpoint.definition.listKind,
    apiVersion: apiVersionOf(endpoint.gvk),
    metadata: {
      resourceVersion: revision.toString(),
      ...(rest.continue === "" ? {} : { continue: rest.continue }),
      ...(rest.remaining === undefined ? {} : { remainingItemCount: rest.remaining }),
    },
    items: items.map((item) => shown(item, endpoint, wish)),
  };
}

function watchEvent(item: WatchItem, endpoint: Endpoint, wish: Wish): WatchEvent {
  if (item.type !== "BOOKMARK") {
    const { type, author } = item;
    const object = shown(item.object, endpoint, wish);
    return author === undefined ? { type, object } : { type, object, author: JSON.parse(author) as Author };
  }
  const object: KubeObject = {
    kind: endpoint.gvk.kind,
    apiVersion: apiVersionOf(endpoint.gvk),
    metadata: {
      resourceVersion: item.revision.toString(),
      ...(item.endsInitialEvents ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    },
  };
  return { type: "BOOKMARK", object };
}

/** Of a watch that another server answers: JSON, an event a line. */
async function* remoteEvents(answer: RawAnswer): AsyncIterableIterator<WatchEvent> {
  if (answer.status >= 400) throw await statusOf(answer);
  const { body } = answer;
  const chunks = typeof body === "string" || body instanceof Uint8Array ? oneChunk(body) : body;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((each) => each.trim() !== "")) yield eventOf(line);
  }
  if (rest.trim() !== "") yield eventOf(rest);
}

function eventOf(line: string): WatchEvent {
  const event = parseExact(line) as WatchEvent | { readonly type: "ERROR"; readonly object: Status };
  if (event.type === "ERROR") throw new StatusError(event.object);
  return event;
}

async function* oneChunk(body: string | Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield typeof body === "string" ? Buffer.from(body, "utf8") : body;
  await Promise.resolve();
}

async function textOf({ body }: RawAnswer): Promise<string> {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString("utf8");
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The Status in a refused raw answer, or one made from its text. */
async function statusOf(answer: RawAnswer): Promise<StatusError> {
  const text = await textOf(answer);
  try {
    const status = JSON.parse(text) as Status;
    if ((status.kind as string) === "Status") return new StatusError(status);
  } catch {
    // Not JSON: the text itself is the message.
  }
  return answer.status === 404
    ? failure({ code: 404, reason: "NotFound", message: "the server could not find the requested resource" })
    : failure({ code: answer.status, reason: "", message: text.trim() });
}

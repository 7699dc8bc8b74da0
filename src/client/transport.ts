/**
 * Requests over TLS and HTTP/2.
 * All requests share one connection; another is opened only while the server allows no more streams on the
 * first, or when the identity has changed (renewed certificate), or another server is to be asked (failover.ts). A connection that is silent while requests are
 * open is pinged, and dropped when no answer comes, so that a dead peer is noticed. An unused one is closed.
 * upstream: client-go/transport, golang.org/x/net/http2
 */
import { parseExact } from "#base/exact-json.ts";
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { WatchEvent } from "#api/meta/object.ts";
import type { ApiRequest, ApiResponse, Transport } from "./client.ts";
import { Connection, type ServerAddress } from "./connection.ts";
import { oneServer, type ServerChoice } from "./failover.ts";
import type { ClientCounts } from "./client-counts.ts";
import { codeOf, type RequestCounts } from "./request-counts.ts";
import type { Identity, IdentitySource } from "./identity.ts";
import { LineSplitter, queryText, ServerUnreachableError, statusErrorOf, watchEventOf } from "./response.ts";

export interface TlsTransportOptions extends ServerAddress {
  readonly userAgent?: string | undefined;
}

export interface TlsTransportDeps {
  readonly identity: IdentitySource;
  readonly clock: Clock;
  readonly log: Logger;
  /** Instead of the one server of the options. */
  readonly servers?: ServerChoice | undefined;
  /** Where what it is asked is counted; absent: nowhere. */
  readonly counts?: ClientCounts | undefined;
}

export function createTlsTransport(options: TlsTransportOptions, deps: TlsTransportDeps): Transport {
  return new TlsTransport(options, deps);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: ClientHttp2Stream;
}

/** Of one request: over a connection that had gone stale, and after going over to another server. */
interface Tries {
  stale: number;
  moved: number;
}

class TlsTransport implements Transport {
  readonly #options: TlsTransportOptions;
  readonly #deps: TlsTransportDeps;
  readonly #servers: ServerChoice;
  readonly #basePath: string;
  readonly #connections = new Set<Connection>();
  #isClosed = false;

  constructor(options: TlsTransportOptions, deps: TlsTransportDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#servers = deps.servers ?? oneServer(options.server);
    this.#basePath = new URL(options.server).pathname.replace(/\/+$/, "");
  }

  get host(): string {
    return new URL(this.#servers.current).host;
  }

  async request(request: ApiRequest): Promise<ApiResponse> {
    const answer = await this.#counted(request);
    const body = await this.#readBody(answer, request);
    const headers = plainHeaders(answer.headers);
    if (answer.status >= 400) throw statusErrorOf(answer.status, body, headers["retry-after"]);
    return { status: answer.status, headers, body };
  }

  async *watch(request: ApiRequest): AsyncGenerator<WatchEvent> {
    const answer = await this.#open(request);
    try {
      const lines = new LineSplitter();
      for await (const piece of this.#pieces(answer.stream, request.signal)) {
        for (const line of lines.push(piece)) yield watchEventOf(parseExact(line));
      }
      const isCut = lines.hasRest && request.signal?.aborted !== true;
      if (isCut) throw this.#unreachable("the watch ended in mid-event");
    } finally {
      cancel(answer.stream);
    }
  }

  async stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const headers = { accept: "*/*", ...request.headers };
    const answer = await this.#open({ ...request, headers });
    return this.#pieces(answer.stream, request.signal);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.destroy();
    this.#connections.clear();
    return Promise.resolve();
  }

  /** Sends, and throws the error of an answer that is one. */
  async #open(request: ApiRequest): Promise<Answer> {
    const answer = await this.#counted(request);
    if (answer.status < 400) return answer;
    const body = await this.#readBody(answer, request);
    throw statusErrorOf(answer.status, body, plainHeaders(answer.headers)["retry-after"]);
  }

  async #counted(request: ApiRequest): Promise<Answer> {
    try {
      const answer = await this.#send(request);
      this.#counts(request)?.answered(answer.status);
      return answer;
    } catch (error) {
      if (request.signal?.aborted !== true) this.#counts(request)?.answered(codeOf(error));
      throw error;
    }
  }

  #counts({ method }: ApiRequest): RequestCounts | undefined {
    return this.#deps.counts?.request(method, this.host);
  }

  async #send(request: ApiRequest): Promise<Answer> {
    request.signal?.throwIfAborted();
    const identity = await this.#deps.identity.identity();
    const body = request.body === undefined ? undefined : encodeBody(request.body);
    this.#counts(request)?.sent.observe(body?.length ?? 0);
    const tries: Tries = { stale: 0, moved: 0 };
    for (;;) {
      let connection = this.#pick(identity);
      const isFresh = connection.requestCount === 0;
      try {
        while (!connection.isConnected) {
          await interruptible(connection.connected, request.signal);
          // Others that waited may have taken all its room.
          connection = this.#pick(identity);
        }
        request.signal?.throwIfAborted();
        return await this.#exchange(connection, this.#headers(request, identity, body), body, request.signal);
      } catch (cause) {
        request.signal?.throwIfAborted();
        const isSafe = !isFresh && (request.method === "GET" || isRefused(cause));
        if (this.#isClosed || !this.#isWorthAnother(connection, isSafe, tries)) {
          throw this.#unreachable(`${request.method} ${request.path}`, cause, connection.server);
        }
      }
    }
  }

  #isWorthAnother(connection: Connection, isSafe: boolean, tries: Tries): boolean {
    // Nothing was sent over a connection that there never was.
    const hasMoved = !connection.isConnected && connection.server !== this.#servers.current;
    if (hasMoved && ++tries.moved < this.#servers.count) return true;
    return isSafe && ++tries.stale === 1;
  }

  #exchange(
    connection: Connection,
    headers: Record<string, string>,
    body: Buffer | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const stream = connection.open(headers, body === undefined);
    const onAbort = (): void => {
      reject(abortError(signal));
      cancel(stream);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    stream.on("error", reject);
    stream.once("close", () => {
      signal?.removeEventListener("abort", onAbort);
      reject(new Error("the stream was closed before the answer"));
    });
    stream.once("response", (received) => {
      resolve({ status: received[":status"] ?? 0, headers: received, stream });
    });
    if (body !== undefined) stream.end(body);
    return promise;
  }

  #headers(request: ApiRequest, identity: Identity, body: Buffer | undefined): Record<string, string> {
    const query = queryText(request.query);
    const path = `${this.#basePath}${request.path}`;
    return {
      [constants.HTTP2_HEADER_METHOD]: request.method,
      [constants.HTTP2_HEADER_PATH]: query === "" ? path : `${path}?${query}`,
      accept: "application/json",
      "user-agent": this.#options.userAgent ?? "mini-k8s",
      ...(body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      ...(body === undefined ? {} : { "content-length": String(body.length) }),
      ...(identity.bearerToken === undefined ? {} : { authorization: `Bearer ${identity.bearerToken}` }),
      ...request.headers,
    };
  }

  #pick(identity: Identity): Connection {
    if (this.#isClosed) throw this.#unreachable("the transport is closed");
    const certificate = identity.certificate;
    const servers = this.#servers;
    const server = servers.current;
    for (const connection of this.#connections) {
      const isOld = connection.certificate?.cert !== certificate?.cert || connection.server !== server;
      if (isOld) connection.retire();
      else if (connection.hasRoom) return connection;
    }
    const deps = { ...this.#deps, hasOthers: () => servers.count > 1 };
    const connection = new Connection({ ...this.#options, server }, certificate, deps, {
      reached: () => {
        servers.reached(server);
      },
      failed: () => {
        servers.failed(server);
      },
      ended: () => {
        this.#connections.delete(connection);
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  async #readBody(answer: Answer, request: ApiRequest): Promise<unknown> {
    const { signal } = request;
    const pieces: Buffer[] = [];
    for await (const piece of this.#pieces(answer.stream, signal)) pieces.push(piece);
    signal?.throwIfAborted();
    const bytes = Buffer.concat(pieces);
    this.#counts(request)?.received.observe(bytes.length);
    const text = bytes.toString("utf8");
    const isJson = (answer.headers["content-type"] ?? "").startsWith("application/json");
    if (!isJson || text === "") return text;
    return parseExact(text);
  }

  /** The body's bytes. Ends quietly on abort; throws when the connection breaks. */
  async *#pieces(stream: ClientHttp2Stream, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
    const onAbort = (): void => {
      cancel(stream);
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    try {
      for await (const piece of stream) yield piece as Buffer;
      // A stream that was reset without an error code ends like a complete one.
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR && signal?.aborted !== true) {
        throw new Error(`stream reset with code ${stream.rstCode}`);
      }
    } catch (cause) {
      if (signal?.aborted !== true) throw this.#unreachable("the answer broke off", cause);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      cancel(stream);
    }
  }

  #unreachable(
    what: string,
    cause?: unknown,
    server: string = this.#servers.current,
  ): ServerUnreachableError {
    if (cause instanceof ServerUnreachableError) return cause;
    return new ServerUnreachableError(server, { cause: cause ?? new Error(what) });
  }
}

function encodeBody(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(":")) plain[name] = String(value);
  }
  return plain;
}

function cancel(stream: ClientHttp2Stream): void {
  if (!stream.closed && !stream.destroyed) stream.close(constants.NGHTTP2_CANCEL);
}

/** The server says that it hasn't looked at the request. */
function isRefused(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === "ERR_HTTP2_STREAM_ERROR" &&
    /REFUSED/.test(error.message)
  );
}

/** Waits no longer than the signal allows. */
async function interruptible(wait: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return wait;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(abortError(signal));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([wait, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error("aborted");
}

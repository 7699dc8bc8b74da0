/** Where a proxied request goes, and what goes there: an HTTP exchange. For connections see hand-over.ts. */
import {
  Agent as PlainAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { unexplainedError } from "#api/meta/status.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import { answerOf, SwitchedProtocolError } from "#wire/answer-of.ts";
import type { ApiCall, RawAnswer } from "#apiserver/request/call.ts";
import { goErrorText, joinHostPort } from "./go-errors.ts";
import { trustIn, type IdentityCheck } from "./server-certificate.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly target: string;
  /** Undefined: plain HTTP. */
  readonly tls: BackendTls | undefined;
  /** Connections that are kept for more requests; in the clear for those alone that may be repeated. */
  readonly agent?: PlainAgent | undefined;
  /** Ours, beside the client's: whom the request is from. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

export interface BackendTls {
  /** Undefined: whatever certificate comes is taken, as for pods and services. */
  readonly caPem: string | undefined;
  readonly certificatePem: string | undefined;
  readonly keyPem: string | undefined;
  /** Whom the certificate must name, when it isn't the host. */
  readonly serverName?: string | undefined;
  /** Without a CA of its own: a certificate must be of one that this machine trusts. */
  readonly trustsSystem?: boolean | undefined;
  /** Node's own, when undefined. */
  readonly checkServerIdentity?: IdentityCheck | undefined;
}

export interface BackendDeps {
  readonly clock: Clock;
}

/** Headers about one connection, not about the request. */
const hopHeaders = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Who the user is has been settled here; the backend must not see his credentials, nor take his word. */
const ownHeaders = /^(authorization|host|impersonate-.*|x-remote-.*|:.*)$/;

export const passes = (name: string): boolean => !ownHeaders.test(name.toLowerCase());

/**
 * Runs one request at the backend. Throws BackendError when it doesn't answer, StatusError when it goes over to another
 * protocol instead, and the signal's reason when nobody waits any more.
 */
export async function exchange(
  backend: Backend,
  call: ApiCall,
  headers: OutgoingHttpHeaders,
  { clock }: BackendDeps,
): Promise<IncomingMessage> {
  for (;;) {
    const outgoing = requestTo(backend, call, headers);
    const answered = answerOf(outgoing);
    outgoing.on("information", ({ statusCode, rawHeaders }) => {
      call.inform?.(
        statusCode,
        distinct(rawHeaders, () => true),
      );
    });
    limitDialling(outgoing, backend, clock);
    if (hasBody(call)) {
      // The answer may come, or fail to, before the body is out: whoever talks both ways at once waits for it.
      sendBody(outgoing, call).catch((error: unknown) => outgoing.destroy(error as Error));
    } else outgoing.end();
    try {
      return await answered;
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (error instanceof SwitchedProtocolError) throw unexplainedError(error.message, { cause: error });
      if (!mayRepeat(outgoing, call, error)) throw new BackendError(backend, error as Error);
    }
  }
}

/** upstream: apimachinery/pkg/util/net SetTransportDefaults, Go's http.DefaultTransport */
export const dialMs = 30_000;
const handshakeMs = 10_000;

/** A new connection has to be there in time, and then to be secure. */
function limitDialling(outgoing: ClientRequest, { host, port, tls }: Backend, clock: Clock): void {
  let cancel: (() => void) | undefined;
  const limit = (ms: number, text: string): void => {
    cancel?.();
    cancel = clock.after(ms, () => outgoing.destroy(new Error(text)));
  };
  outgoing.once("socket", (socket) => {
    if (!socket.connecting) return;
    limit(dialMs, `dial tcp ${joinHostPort(host, port)}: i/o timeout`);
    if (tls !== undefined) {
      socket.once("connect", () => {
        limit(handshakeMs, "net/http: TLS handshake timeout");
      });
    }
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      cancel?.();
    });
  });
  outgoing.once("close", () => {
    cancel?.();
  });
}

/**
 * A connection that was kept may just have been ended by the other side: what only reads is asked over the next one, of which
 * there are fewer each time. upstream: Go's net/http/transport.go (shouldRetryRequest)
 */
const mayRepeat = (outgoing: ClientRequest, call: ApiCall, error: unknown): boolean =>
  outgoing.reusedSocket && ["ECONNRESET", "EPIPE"].includes(errorCode(error) ?? "") && onlyReads(call);

const onlyReads = (call: ApiCall): boolean =>
  /^(GET|HEAD|OPTIONS|TRACE)$/.test(call.method) && !hasBody(call);

function requestTo(backend: Backend, call: ApiCall, headers: OutgoingHttpHeaders): ClientRequest {
  const options = {
    host: backend.host,
    port: backend.port,
    path: backend.target,
    method: call.method,
    headers: { ...headers, ...backend.headers, ...framing(call, headers) } as OutgoingHttpHeaders,
    signal: call.signal,
  };
  if (backend.tls === undefined) {
    // Pods end connections when they like: what can't be repeated isn't lost on one that was just ended.
    const kept = onlyReads(call) ? backend.agent : undefined;
    return httpRequest({ ...options, agent: kept ?? new PlainAgent({ keepAlive: false }) });
  }
  return httpsRequest({
    ...options,
    agent: backend.agent ?? new Agent({ keepAlive: false }),
    // Or it would be who the client says that he asks.
    servername: isIP(backend.host) === 0 ? backend.host : "",
    ...tlsOptions(backend.tls),
  });
}

/** Within the process, and over HTTP/2 (which has names for that), a request needn't say that it has one. */
const hasBody = (call: ApiCall): boolean =>
  Number(call.header("content-length")) > 0 ||
  call.header("transfer-encoding") !== "" ||
  ((call.headerNames === undefined || call.header(":method") !== "") && !/^(GET|HEAD)$/.test(call.method));

/**
 * Where a body ends. Node says so by itself only for methods that usually have one: of others the backend would take it
 * for the next request on the connection, and that one for the server's own.
 */
const framing = (call: ApiCall, headers: OutgoingHttpHeaders): OutgoingHttpHeaders =>
  hasBody(call) && headers["content-length"] === undefined ? { "transfer-encoding": "chunked" } : {};

/** As long as the backend takes it. */
async function sendBody(outgoing: ClientRequest, { body }: ApiCall): Promise<void> {
  for await (const chunk of body.stream ?? [await body.bytes()]) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}

/** Or over. Of one that isn't yet. */
export function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}

/** So much of what a backend says; the rest isn't waited for. */
export async function beginningOf(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax);
}

/** The answer of the backend, as it is, beside what we say of every answer. */
export function passOn(response: IncomingMessage): RawAnswer {
  const { headers, rawHeaders, rawTrailers, statusCode = 502 } = response;
  const named = namesIn(headers.connection ?? "");
  const isTold = (name: string): boolean => !hopHeaders.has(name) && !named.has(name);
  return {
    kind: "raw",
    status: statusCode,
    headers: distinct(rawHeaders, isTold),
    body: response,
    passedOn: { announced: headers.trailer, trailers: () => distinct(rawTrailers, () => true) },
  };
}

/** By lower-case name, of what came several times each by itself. */
function distinct(
  pairs: readonly string[],
  isTold: (name: string) => boolean,
): Readonly<Record<string, string | readonly string[]>> {
  const found = new Map<string, string | string[]>();
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = (pairs[at] ?? "").toLowerCase();
    const value = pairs[at + 1] ?? "";
    const before = found.get(name);
    if (isTold(name)) found.set(name, before === undefined ? value : [before, value].flat());
  }
  return Object.fromEntries(found);
}

/** A header that lists names. */
const namesIn = (list: string): ReadonlySet<string> =>
  new Set(
    list
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );

/** The client's headers as they may travel on, and whom it is passed on for. `names`: those there are. */
export function forwardedHeaders(call: ApiCall, names: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const named = namesIn(call.header("connection"));
  for (const name of names) {
    if (!passes(name) || hopHeaders.has(name) || named.has(name)) continue;
    const value = call.header(name);
    if (value !== "") headers[name] = value;
  }
  // That much may be known of who asks: that he hears what follows the body.
  if (namesIn(call.header("te")).has("trailers")) headers["te"] = "trailers";
  const passedOnFor = forwardedFor(call);
  if (passedOnFor !== "") headers["x-forwarded-for"] = passedOnFor;
  return headers;
}

/** Where the request comes from, by whom it came. upstream: Go's httputil.ReverseProxy */
export const forwardedFor = (call: ApiCall): string =>
  [call.header("x-forwarded-for"), call.peerAddress ?? ""].filter((each) => each !== "").join(", ");

export function tlsOptions(tls: BackendTls): {
  ca?: string;
  allowPartialTrustChain: true;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized: boolean;
  checkServerIdentity?: IdentityCheck;
} {
  const { caPem, certificatePem, keyPem, serverName, trustsSystem, checkServerIdentity } = tls;
  return {
    rejectUnauthorized: caPem !== undefined || trustsSystem === true,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...trustIn(caPem),
    ...(certificatePem === undefined ? {} : { cert: certificatePem }),
    ...(keyPem === undefined ? {} : { key: keyPem }),
    ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
  };
}

/** "10.0.0.1:80" */
export const hostOf = ({ host, port }: Backend): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** The backend didn't answer; `cause` is what the connection said. */
export class BackendError extends Error {
  override readonly name = "BackendError";
  readonly code = "BACKEND";
  readonly #backend: Backend;
  constructor(backend: Backend, cause: Error) {
    super(cause.message, { cause });
    this.#backend = backend;
  }

  /** In the words that upstream's messages quote. */
  text(clock: Clock): string {
    return goText(this.cause, this.#backend, clock);
  }
}

export const goText = (error: unknown, { host, tls }: Backend, clock: Clock): string =>
  goErrorText(error, tls?.serverName ?? host, toRfc3339(clock.now()));

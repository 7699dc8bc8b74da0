/** Where a proxied request goes, and the two ways there: an HTTP exchange, or a connection handed over byte by byte. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { failure } from "#api/meta/status.ts";
import { toRfc3339, type Clock } from "#base/clock.ts";
import type { Answer, ApiCall, RawAnswer, UpgradeRequest } from "#apiserver/request/call.ts";
import { goErrorText } from "./go-errors.ts";
import { trustIn, type IdentityCheck } from "./server-certificate.ts";

export interface Backend {
  readonly host: string;
  readonly port: number;
  /** Path and query. */
  readonly target: string;
  /** Undefined: plain HTTP. */
  readonly tls: BackendTls | undefined;
  /** Connections that are kept for more requests. */
  readonly agent?: Agent | undefined;
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

const dialMs = 30_000;

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

const passes = (name: string): boolean => !ownHeaders.test(name.toLowerCase());

/** Runs one request at the backend. Throws BackendError when it doesn't answer. */
export async function exchange(
  backend: Backend,
  call: ApiCall,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  const options = {
    host: backend.host,
    port: backend.port,
    path: backend.target,
    method: call.method,
    headers: { ...headers, ...backend.headers } as OutgoingHttpHeaders,
    signal: call.signal,
  };
  const outgoing =
    backend.tls === undefined
      ? httpRequest(options)
      : httpsRequest({
          ...options,
          agent: backend.agent ?? new Agent({ keepAlive: false }),
          ...tlsOptions(backend.tls),
        });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", (error) => {
      reject(new BackendError(backend, error));
    });
  });
  // The answer may come, or fail to, before the body is out.
  answered.catch(() => undefined);
  if (hasBody(call)) await sendBody(outgoing, call, answered);
  outgoing.end();
  return answered;
}

const hasBody = (call: ApiCall): boolean =>
  (call.method !== "GET" && call.method !== "HEAD") ||
  Number(call.header("content-length")) > 0 ||
  call.header("transfer-encoding") !== "";

async function sendBody(
  outgoing: NodeJS.WritableStream,
  { body }: ApiCall,
  answered: Promise<unknown>,
): Promise<void> {
  for await (const chunk of body.stream ?? [await body.bytes()]) {
    if (!outgoing.write(chunk)) await Promise.race([drained(outgoing), answered]);
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("drain", resolve);
    stream.once("close", resolve);
  });
}

/** The answer of the backend, as it is. */
export function passOn(response: IncomingMessage): RawAnswer {
  const headers: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined && !hopHeaders.has(name)) headers[name] = value;
  }
  return { kind: "raw", status: response.statusCode ?? 502, headers, body: response };
}

/** The client's headers as they may travel on, and whom it is passed on for. `names`: those there are. */
export function forwardedHeaders(call: ApiCall, names: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const named = new Set(
    call
      .header("connection")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  for (const name of names) {
    if (!passes(name) || hopHeaders.has(name) || named.has(name)) continue;
    const value = call.header(name);
    if (value !== "") headers[name] = value;
  }
  const passedOnFor = forwardedFor(call);
  if (passedOnFor !== "") headers["x-forwarded-for"] = passedOnFor;
  return headers;
}

/** Where the request comes from, by whom it came. upstream: Go's httputil.ReverseProxy */
export const forwardedFor = (call: ApiCall): string =>
  [call.header("x-forwarded-for"), call.peerAddress ?? ""].filter((each) => each !== "").join(", ");

/**
 * Hands the client's connection over: request and answer, and all that follows in both directions, pass unchanged.
 * Throws when the backend can't be reached; after that the connection is no longer ours.
 */
export async function handOver(
  backend: Backend,
  method: string,
  { socket, head, rawHeaders }: UpgradeRequest,
  { clock }: BackendDeps,
): Promise<Answer> {
  const peer = await dial(backend, clock);
  const { host = hostOf(backend), ...own } = backend.headers ?? {};
  const lines = [`${method} ${backend.target} HTTP/1.1`, `Host: ${String(host)}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const isTheirs = passes(name) && own[name.toLowerCase()] === undefined;
    if (isTheirs) lines.push(`${name}: ${withoutToken(name, rawHeaders[at + 1] ?? "")}`);
  }
  for (const [name, value] of Object.entries(own)) {
    for (const each of typeof value === "string" ? [value] : value) lines.push(`${name}: ${each}`);
  }
  peer.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) peer.write(head);
  socket.pipe(peer);
  peer.pipe(socket);
  socket.once("close", () => {
    peer.destroy();
  });
  peer.once("close", () => {
    // What the backend said last may still be on its way to the client.
    socket.end();
  });
  peer.on("error", () => undefined);
  return { kind: "hijacked" };
}

/** Browsers bring their token as a WebSocket protocol; it stays here. */
function withoutToken(name: string, value: string): string {
  if (name.toLowerCase() !== "sec-websocket-protocol") return value;
  const protocols = value.split(",").map((each) => each.trim());
  return protocols.filter((each) => !each.startsWith("base64url.bearer.authorization.k8s.io.")).join(", ");
}

function dial(backend: Backend, clock: Clock): Promise<Socket> {
  const { host, port, tls } = backend;
  return new Promise((resolve, reject) => {
    const peer =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, ALPNProtocols: ["http/1.1"], ...tlsOptions(tls) });
    const cancel = clock.after(dialMs, () => {
      peer.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`));
    });
    const onError = (error: Error): void => {
      cancel();
      reject(dialFailure(error, backend, clock));
    };
    peer.once("error", onError);
    peer.once(tls === undefined ? "connect" : "secureConnect", () => {
      cancel();
      peer.off("error", onError);
      peer.setNoDelay(true);
      resolve(peer);
    });
  });
}

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

const goText = (error: unknown, { host, tls }: Backend, clock: Clock): string =>
  goErrorText(error, tls?.serverName ?? host, toRfc3339(clock.now()));

/** upstream: apimachinery/pkg/util/proxy/dial.go */
const dialFailure = (error: Error, backend: Backend, clock: Clock): Error =>
  failure(
    { code: 500, reason: "", message: `error dialing backend: ${goText(error, backend, clock)}` },
    { cause: error },
  );

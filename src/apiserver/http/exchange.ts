/** A request of Node's HTTP servers (1.1 or 2) as a call of the API. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { badRequestError, failure } from "#api/meta/status.ts";
import type { Credentials, HeaderValues, UserInfo } from "#apiserver/authn/authenticator.ts";
import type { RequestInfo } from "#apiserver/request/info.ts";
import type { ApiCall, RequestBody, UpgradeRequest } from "#apiserver/request/call.ts";

export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

/** The client left, or doesn't read what it asked for. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
  readonly code = "CLIENT_GONE";
  constructor() {
    super("the client is gone or doesn't read");
  }
}

/** upstream: MaxRequestBodyBytes */
const bodyBytesMax = 3 << 20;

export interface Target {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Throws 400 for a path that can't be decoded. */
export function targetOf(url: string): Target {
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  try {
    return { path: path.includes("%") ? decodeURIComponent(path) : path, query };
  } catch (error) {
    throw badRequestError(`invalid path ${JSON.stringify(path)}`, { cause: error });
  }
}

export function headerOf(incoming: Incoming, name: string): string {
  const value = incoming.headers[name];
  if (value === undefined) return "";
  return typeof value === "string" ? value : value.join(", ");
}

/** Certificates by connection: asking the socket costs more than the rest of a request. */
export class ClientCertificates {
  readonly #known = new WeakMap<object, { readonly certificate: Buffer | undefined }>();

  of(incoming: Incoming): Buffer | undefined {
    const connection = "stream" in incoming ? incoming.stream.session : incoming.socket;
    if (connection === undefined) return undefined;
    let known = this.#known.get(connection);
    if (known === undefined) {
      known = { certificate: peerCertificate(incoming) };
      this.#known.set(connection, known);
    }
    return known.certificate;
  }
}

function peerCertificate(incoming: Incoming): Buffer | undefined {
  // HTTP/2 shows its socket through a proxy that answers to calls, but not to `in`.
  const socket = ("stream" in incoming ? incoming.stream.session?.socket : incoming.socket) as
    | Partial<Pick<TLSSocket, "getPeerCertificate">>
    | undefined;
  const certificate = socket?.getPeerCertificate?.() as { raw?: Buffer } | undefined;
  return certificate?.raw;
}

/** The token of `Authorization: Bearer …`; browsers' WebSockets bring it as a subprotocol. */
export function credentialsOf(incoming: Incoming, certificates: ClientCertificates): Credentials {
  const bearer = bearerOf(headerOf(incoming, "authorization")) ?? tokenOfProtocol(incoming);
  return {
    bearerToken: bearer === "" ? undefined : bearer,
    clientCertificate: certificates.of(incoming),
    remoteHeaders:
      incoming.headers["x-remote-user"] === undefined ? undefined : separateHeaders(incoming, "x-remote-"),
    target: incoming.url,
  };
}

function bearerOf(authorization: string): string | undefined {
  if (authorization === "") return undefined;
  const [scheme = "", token = ""] = authorization.split(/ +/, 2);
  return scheme.toLowerCase() === "bearer" ? token : undefined;
}

const tokenProtocol = "base64url.bearer.authorization.k8s.io.";

function tokenOfProtocol(incoming: Incoming): string {
  if (headerOf(incoming, "upgrade").toLowerCase() !== "websocket") return "";
  const protocols = headerOf(incoming, "sec-websocket-protocol").split(",");
  const found = protocols.map((each) => each.trim()).find((each) => each.startsWith(tokenProtocol));
  return found === undefined
    ? ""
    : Buffer.from(found.slice(tokenProtocol.length), "base64url").toString("utf8");
}

export interface CallParts {
  readonly info: RequestInfo;
  readonly incoming: Incoming;
  readonly target: Target;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
  readonly warn: (text: string) => void;
  readonly annotate: (key: string, text: string) => void;
  readonly body: RequestBody;
  readonly upgrade: UpgradeRequest | undefined;
}

export function callOf({ incoming, target, ...parts }: CallParts): ApiCall {
  return {
    ...parts,
    method: incoming.method ?? "GET",
    path: target.path,
    query: target.query,
    header: (name) => headerOf(incoming, name),
    headerNames: Object.keys(incoming.headers),
  };
}

/** Headers of that prefix, each value by itself: Node joins what was sent several times. */
export function separateHeaders({ rawHeaders }: Incoming, prefix: string): HeaderValues {
  const found: Record<string, string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    if (name.startsWith(prefix)) (found[name] ??= []).push(rawHeaders[at + 1] ?? "");
  }
  return found;
}

/** Where a request came from, proxies first as they say. */
export function sourceAddresses(incoming: Incoming): string[] {
  const forwarded = headerOf(incoming, "x-forwarded-for").split(",");
  const said = [...forwarded, headerOf(incoming, "x-real-ip")].map((each) => each.trim());
  const socket = "stream" in incoming ? incoming.stream.session?.socket : incoming.socket;
  const own = socket?.remoteAddress?.replace(/^::ffff:/, "") ?? "";
  return [...new Set([...said.filter((each) => isIP(each) !== 0), own])].filter((each) => each !== "");
}

export function bodyOf(incoming: Incoming): RequestBody {
  let bytes: Promise<Buffer> | undefined;
  return {
    contentType: headerOf(incoming, "content-type"),
    bytes: () => (bytes ??= readAll(incoming)),
    stream: incoming,
  };
}

async function readAll(incoming: Incoming): Promise<Buffer> {
  const announced = Number(headerOf(incoming, "content-length") || "0");
  if (announced > bodyBytesMax) throw tooLarge();
  // Its close is over and won't be told again; over HTTP/2 the half that has come would look like the whole.
  if (incoming.destroyed || ("stream" in incoming && incoming.aborted)) throw new ClientGoneError();
  const done = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  let isRead = false;
  incoming.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bodyBytesMax) chunks.push(chunk);
    else done.reject(tooLarge());
  });
  incoming.once("end", () => {
    isRead = true;
    done.resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
  });
  incoming.once("error", done.reject);
  incoming.once("close", () => {
    // Every request closes in the end, and the error's stack would cost more than reading the body did.
    if (!isRead) done.reject(new ClientGoneError());
  });
  return done.promise;
}

const tooLarge = (): Error =>
  failure({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${bodyBytesMax}`,
  });

/** One request and its answer on a connection of the door's, whatever the protocol. */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { failure } from "#api/meta/status.ts";
import type { HeaderValues } from "#apiserver/authn/authenticator.ts";
import type { RequestBody } from "#apiserver/request/call.ts";

/** The client left, or doesn't read what it asked for. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
  readonly code = "CLIENT_GONE";
  constructor() {
    super("the client is gone or doesn't read");
  }
}

/** What a request's head says. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  /** The same object for all requests of a connection. */
  readonly connection: object | undefined;
  readonly socket: Duplex | undefined;
  /** The body. */
  readonly incoming: Readable;
  /** All of it, where that needs no stream. Rejects with ClientGoneError, and with `tooLong` beyond `bytesMax`. */
  readonly readBody?: (bytesMax: number, tooLong: () => Error) => Promise<Buffer>;
  /** Tells who asks, before he has his answer: a status below 200, with headers. Where he hears such. */
  inform?(status: number, headers: HeaderPairs): void;
}

/** Names and values in turn; names in lower case. */
export type HeaderPairs = readonly (string | readonly string[])[];

/** A client would like to be answered in messages of WebSocket. */
export interface WebSocketAsked {
  /** The protocols in them that it knows, the dearest first; without the one that brings its token. */
  readonly offered: readonly string[];
  /** Goes over to it, in place of `begin`: each chunk written is a message then. `protocol`: "" for none. */
  accept(protocol: string, isText: boolean): void;
}

export interface Exchange extends RequestHead {
  /** Nothing more of the request's body will come. */
  readonly isRead: boolean;
  /** Of the answer; 200 until there is another. */
  readonly status: number;
  readonly isHeadSent: boolean;
  /** Of the answer's body, so far, as they go out. */
  readonly bodyBytes: number;
  /** The client is gone, or all is said. */
  readonly isOver: boolean;
  /** A header for whatever will be answered. In the place of one of that name. */
  setHeader(name: string, value: string | readonly string[]): void;
  /** Beside those of that name. */
  addHeader(name: string, value: string | readonly string[]): void;
  /** All of the answer; no body: the head alone, as for HEAD. */
  send(status: number, headers: HeaderPairs, body: Uint8Array | undefined): void;
  /** The head, which the client sees before there is a body. */
  begin(status: number, headers: HeaderPairs): void;
  /** False: more should wait for `onDrain`. `done` is called when the chunk's memory is free again, or the client gone. */
  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean;
  /** `trailers`: headers that follow the body, where the client hears such. */
  end(trailers?: HeaderPairs): void;
  /** Headers may follow the body of an answer that begins now. */
  readonly takesTrailers: boolean;
  onDrain(run: () => void): () => void;
  /** Calls back once when the exchange is over, however it ended; at once when it is. */
  onClose(run: () => void): () => void;
  /** Calls back when the answer has gone out. */
  onFinish(run: () => void): void;
  /** Nobody will read the rest of the request's body. Before the head goes out. */
  refuseRest(): void;
  /** Ends the stream, or the connection where there is but one, though the request isn't read. */
  cutOff(): void;
  /** Breaks the answer off, so that the client sees that it isn't whole. */
  destroy(): void;
  destroyConnection(): void;
  /** Of a request that lasts. */
  readonly webSocket?: WebSocketAsked | undefined;
  /** Over HTTP/2: the client is told to open another connection for what it asks next. What runs goes on. */
  leaveConnection?(): void;
}

/** upstream: MaxRequestBodyBytes */
const bodyBytesMax = 3 << 20;

export function headerOf({ headers }: Pick<RequestHead, "headers">, name: string): string {
  const value = headers[name];
  if (value === undefined) return "";
  return typeof value === "string" ? value : value.join(", ");
}

export function peerCertificate(socket: Duplex | undefined): Buffer | undefined {
  // HTTP/2 shows its socket through a proxy that answers to calls, but not to `in`.
  const peer = socket as Partial<Pick<TLSSocket, "getPeerCertificate">> | undefined;
  const certificate = peer?.getPeerCertificate?.() as { raw?: Buffer } | undefined;
  return certificate?.raw;
}

/** Headers of that prefix, each value by itself: Node joins what was sent several times. */
export function separateHeaders(
  { rawHeaders }: Pick<RequestHead, "rawHeaders">,
  prefix: string,
): HeaderValues {
  const found: Record<string, string[]> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    if (name.startsWith(prefix)) (found[name] ??= []).push(rawHeaders[at + 1] ?? "");
  }
  return found;
}

/** Where a request came from, proxies first as they say. */
export function sourceAddresses(head: RequestHead): string[] {
  const forwarded = headerOf(head, "x-forwarded-for").split(",");
  const said = [...forwarded, headerOf(head, "x-real-ip")].map((each) => each.trim());
  const all = [...said.filter((each) => isIP(each) !== 0), peerAddress(head)];
  return [...new Set(all)].filter((each) => each !== "");
}

/** "" when it is gone. */
export function peerAddress({ socket }: Pick<RequestHead, "socket">): string {
  const peer = socket as Partial<Pick<TLSSocket, "remoteAddress">> | undefined;
  return peer?.remoteAddress?.replace(/^::ffff:/, "") ?? "";
}

/** `read` is told how long it is, once it is there. */
export function bodyOf(head: RequestHead, read?: (bytes: number) => void): RequestBody {
  let bytes: Promise<Buffer> | undefined;
  return {
    contentType: headerOf(head, "content-type"),
    bytes: () => (bytes ??= readAll(head, read)),
    stream: {
      // Who stops reading it may still want to answer.
      [Symbol.asyncIterator]: () =>
        head.incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>,
    },
  };
}

async function readAll(head: RequestHead, read?: (bytes: number) => void): Promise<Buffer> {
  const announced = Number(headerOf(head, "content-length") || "0");
  if (announced > bodyBytesMax) throw tooLarge();
  const body = await (head.readBody?.(bodyBytesMax, tooLarge) ?? readStream(head));
  read?.(body.length);
  return body;
}

async function readStream({ incoming }: RequestHead): Promise<Buffer> {
  // Its close is over and won't be told again.
  if (incoming.destroyed || isAborted(incoming)) throw new ClientGoneError();
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
    if (isAborted(incoming)) return;
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

/** Over HTTP/2 the half that has come would look like the whole. */
const isAborted = (incoming: Readable): boolean => (incoming as { aborted?: boolean }).aborted === true;

const tooLarge = (): Error =>
  failure({
    code: 413,
    reason: "RequestEntityTooLarge",
    message: `Request entity too large: limit is ${bodyBytesMax}`,
  });

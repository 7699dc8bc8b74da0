/** An exchange of HTTP/2, on a stream of our own connection: Node's way of one took longer than all the rest of a GET. */
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { errorCodes } from "#wire/http2/frames.ts";
import type { Http2Connection } from "#wire/http2/connection.ts";
import { BlockWriter } from "#wire/http2/hpack.ts";
import type { Http2Stream, StreamHandler } from "#wire/http2/stream.ts";
import type { Exchange, HeaderPairs } from "./exchange.ts";
import { Http2Body, WholeBody } from "./http2-body.ts";
import type { Http2Head } from "./http2-head.ts";

const statusOk = 200;
const blocks = new BlockWriter();

export interface Http2Peer {
  readonly connection: Http2Connection;
  readonly socket: Duplex;
  /** The header of that name. */
  readonly date: () => string;
  readonly handle: (exchange: Http2Exchange) => void;
}

export class Http2Exchange implements Exchange, StreamHandler {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly #contentLength: number | undefined;
  readonly #stream: Http2Stream;
  readonly #peer: Http2Peer;
  /** Names and values in turn. */
  readonly #head: string[] = [];
  status = statusOk;
  isHeadSent = false;
  bodyBytes = 0;
  #body: Http2Body | undefined;
  #whole: WholeBody | undefined;
  /** Has come before somebody read it. */
  #early: Buffer[] = [];
  /** Of it, what has come. */
  #received = 0;
  #hasAll: boolean;
  /** What we say is said; it may still be on its way. */
  #isSaid = false;
  #isSent = false;
  #isClosed = false;
  #onDrain: (() => void)[] = [];
  #onClose: Set<() => void> | undefined;
  #onFinish: (() => void)[] = [];

  constructor(stream: Http2Stream, head: Http2Head, isWhole: boolean, peer: Http2Peer) {
    this.#stream = stream;
    this.#peer = peer;
    this.method = head.method;
    this.url = head.url;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.#contentLength = head.contentLength;
    this.#hasAll = isWhole;
  }

  get connection(): object {
    return this.#peer.connection;
  }

  get socket(): Duplex {
    return this.#peer.socket;
  }

  get incoming(): Readable {
    return this.#incoming;
  }

  get #incoming(): Http2Body {
    if (this.#body === undefined) {
      this.#body = new Http2Body(this.#stream);
      for (const bytes of this.#early.splice(0)) this.#body.receive(bytes);
      if (this.#hasAll) this.#body.finish();
      else if (this.#isClosed) this.#body.abort();
    }
    return this.#body;
  }

  readonly readBody = (bytesMax: number, tooLong: () => Error): Promise<Buffer> => {
    const whole = (this.#whole ??= new WholeBody(this.#stream, bytesMax, tooLong));
    for (const bytes of this.#early.splice(0)) whole.receive(bytes);
    // Who has left may have ended what he had not said to its end.
    if (this.#isClosed) whole.abort();
    else if (this.#hasAll) whole.finish();
    return whole.read;
  };

  #receive(bytes: Buffer): void {
    if (this.#whole !== undefined) this.#whole.receive(bytes);
    else if (this.#body !== undefined) this.#body.receive(bytes);
    else if (this.#isSaid) this.#stream.consumed(bytes.length);
    else this.#early.push(Buffer.from(bytes));
  }

  get isRead(): boolean {
    return this.#hasAll || this.#isClosed;
  }

  get isOver(): boolean {
    return this.#isClosed || this.#isSaid;
  }

  opened(): void {
    if (this.#hasAll && (this.#contentLength ?? 0) > 0) this.#stream.reset(errorCodes.protocol);
    else this.#peer.handle(this);
  }

  data(bytes: Buffer, isLast: boolean): void {
    this.#received += bytes.length;
    const announced = this.#contentLength;
    if (announced !== undefined && (isLast ? this.#received !== announced : this.#received > announced)) {
      this.#stream.reset(errorCodes.protocol);
      return;
    }
    if (bytes.length > 0) this.#receive(bytes);
    this.#hasAll = isLast;
    if (isLast) this.#body?.finish();
    if (isLast) this.#whole?.finish();
    if (isLast && this.#isSent) this.#closeSoon();
  }

  closed(): void {
    if (this.#hasAll) this.#body?.destroy();
    else this.#body?.abort();
    this.#whole?.abort();
    this.#close();
  }

  hasRoom(): void {
    for (const run of this.#onDrain.splice(0)) run();
  }

  sent(isOver: boolean): void {
    this.#isSent = true;
    for (const run of this.#onFinish.splice(0)) run();
    const isRead = this.#whole !== undefined || this.#body?.destroyed === false;
    if (isOver) this.#closeSoon();
    // Nobody has begun to read what the client still sends.
    else if (!isRead) this.#stream.reset(errorCodes.none);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    const head = this.#head;
    for (let at = head.length - 2; at >= 0; at -= 2) if (head[at] === name) head.splice(at, 2);
    push(head, name, value);
  }

  addHeader(name: string, value: string | readonly string[]): void {
    push(this.#head, name, value);
  }

  inform(status: number, headers: HeaderPairs): void {
    if (this.isOver || this.isHeadSent) return;
    this.#stream.sendHeaders(blocks.block(String(status), flat(headers)), false);
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | undefined): void {
    if (this.isOver) return;
    const isEmpty = body === undefined || body.length === 0 || this.method === "HEAD";
    this.#isSaid = true;
    this.#begin(status, headers, isEmpty);
    if (isEmpty) return;
    this.bodyBytes = body.length;
    this.#stream.sendData(body, true);
  }

  begin(status: number, headers: HeaderPairs): void {
    if (this.isOver) return;
    // A head is all that HEAD asks for, whatever would follow.
    this.#isSaid = this.method === "HEAD";
    this.#begin(status, headers, this.#isSaid);
  }

  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    if (this.isOver) done?.();
    else {
      this.bodyBytes += chunk.length;
      this.#stream.sendData(chunk, false, done);
    }
    return !this.#stream.isFull;
  }

  readonly takesTrailers = true;

  end(trailers: HeaderPairs = []): void {
    if (this.isOver) return;
    this.#isSaid = true;
    if (trailers.length === 0) this.#stream.sendData(nothing, true);
    else this.#stream.sendHeaders(blocks.block(undefined, flat(trailers)), true);
  }

  onDrain(run: () => void): () => void {
    this.#onDrain.push(run);
    return () => {
      this.#onDrain = this.#onDrain.filter((each) => each !== run);
    };
  }

  onClose(run: () => void): () => void {
    if (this.#isClosed) {
      run();
      return ignore;
    }
    const waiting = (this.#onClose ??= new Set());
    waiting.add(run);
    return () => {
      waiting.delete(run);
    };
  }

  onFinish(run: () => void): void {
    if (this.#isSent) run();
    else this.#onFinish.push(run);
  }

  refuseRest(): void {
    // Other streams of the connection go on.
  }

  cutOff(): void {
    this.#stream.reset(errorCodes.none);
  }

  destroy(): void {
    this.#stream.reset(errorCodes.internal);
  }

  destroyConnection(): void {
    this.#peer.connection.destroy();
  }

  leaveConnection(): void {
    this.#peer.connection.leave();
  }

  #begin(status: number, headers: HeaderPairs, isWhole: boolean): void {
    this.isHeadSent = true;
    this.status = status;
    const head = this.#head;
    for (let at = 0; at < headers.length; at += 2) {
      push(head, headers[at] as string, headers[at + 1] as string | readonly string[]);
    }
    if (!head.includes("date")) head.push("date", this.#peer.date());
    this.#stream.sendHeaders(blocks.block(String(status), head), isWhole);
  }

  /** Not within the call that has sent the last of it. */
  #closeSoon(): void {
    if (this.#onClose === undefined) this.#close();
    else setImmediate(this.#close);
  }

  readonly #close = (): void => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onDrain = [];
    const waiting = this.#onClose;
    this.#onClose = undefined;
    if (waiting !== undefined) for (const run of waiting) run();
  };
}

const nothing = Buffer.alloc(0);

function push(head: string[], name: string, value: string | readonly string[]): void {
  if (typeof value === "string") head.push(name, value);
  else for (const each of value) head.push(name, each);
}

function flat(headers: HeaderPairs): string[] {
  const all: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) push(all, String(headers[at]), headers[at + 1] ?? "");
  return all;
}

function ignore(): void {
  // Nothing to do.
}

/** One call on one HTTP/2 stream: its messages, its deadline, how it ends. */
import type { Clock } from "#base/clock.ts";
import type { Http2Stream, StreamHandler } from "../http2/stream.ts";
import { encodeHeaders, type Header } from "../http2/hpack.ts";
import { MessageReader, prefixBytes } from "./message-reader.ts";
import { GrpcError, status } from "./status.ts";

export interface GrpcCall {
  /** Aborts when the client is gone or its deadline has passed. */
  readonly signal: AbortSignal;
}

export interface GrpcStream extends GrpcCall {
  /** What the client sends, until it has no more. */
  readonly messages: AsyncIterable<Buffer>;
  /** False: wait for `drained` before more. */
  readonly write: (message: Buffer) => boolean;
  readonly drained: () => Promise<void>;
}

/** Either throws GrpcError. */
export type GrpcMethod =
  | { readonly kind: "unary"; readonly run: (request: Buffer, call: GrpcCall) => Promise<Buffer> }
  | { readonly kind: "stream"; readonly run: (stream: GrpcStream) => Promise<void> };

export interface GrpcCallDeps {
  readonly clock: Clock;
  readonly messageBytesMax: number;
}

/** Messages that nobody has taken yet: with more the client has to wait. */
const unreadMax = 64;
/** A message that is larger isn't copied behind its prefix. */
const joinedBytesMax = 8 * 1024;

const contentType = { name: "content-type", value: "application/grpc" };
/** ":status: 200" is entry 8. */
const statusOk = Buffer.of(0x88);
const responseBlock = Buffer.concat([statusOk, encodeHeaders([contentType])]);
const okBlock = encodeHeaders([{ name: "grpc-status", value: "0" }]);
const gone = new Error("the client is gone");
const late = new GrpcError(status.deadlineExceeded, "context deadline exceeded");

export class Call implements GrpcStream, StreamHandler {
  readonly #stream: Http2Stream;
  readonly #method: GrpcMethod;
  readonly #reader: MessageReader;
  readonly #unread: Buffer[] = [];
  /** Of what is unread, bytes that the client's window doesn't have back. */
  #heldBytes = 0;
  #hasPeerEnded = false;
  #hasBegun = false;
  #hasEnded = false;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #cancelDeadline: (() => void) | undefined;
  #wakeReader: (() => void) | undefined;
  readonly #writers: (() => void)[] = [];

  constructor(stream: Http2Stream, headers: readonly Header[], method: GrpcMethod, deps: GrpcCallDeps) {
    this.#stream = stream;
    this.#method = method;
    this.#reader = new MessageReader(deps.messageBytesMax);
    const timeout = headers.find(({ name }) => name === "grpc-timeout");
    if (timeout !== undefined) this.#setDeadline(timeout.value, deps.clock);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get messages(): AsyncIterable<Buffer> {
    return this.#read();
  }

  /** A stream's method begins with its headers, an unary one with its message. */
  start(isLast: boolean): void {
    if (this.#method.kind === "stream") {
      this.#method.run(this).then(
        () => {
          this.#end(okBlock);
        },
        (error: unknown) => {
          this.#fail(error);
        },
      );
    }
    if (isLast) this.data(Buffer.alloc(0), true);
  }

  data(bytes: Buffer, isLast: boolean): void {
    if (this.#hasEnded) return;
    this.#hasPeerEnded = isLast;
    try {
      const messages = this.#reader.push(bytes);
      if (isLast && !this.#reader.isAtEnd) {
        throw new GrpcError(status.internal, "the request ends within a message");
      }
      this.#unread.push(...messages);
      if (this.#method.kind === "unary") this.#answerOnce(this.#method.run);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#unread.length > unreadMax) this.#heldBytes += bytes.length;
    else this.#stream.consumed(bytes.length);
    this.#wakeReader?.();
  }

  closed(): void {
    this.#abort(gone);
  }

  hasRoom(): void {
    this.#wakeWriters();
  }

  write(message: Buffer): boolean {
    if (this.#hasEnded || this.#stream.isClosed) return true;
    this.#begin();
    this.#send(message);
    return !this.#stream.isFull;
  }

  drained(): Promise<void> {
    if (this.#abortReason !== undefined || !this.#stream.isFull) return Promise.resolve();
    return new Promise((resolve) => {
      this.#writers.push(resolve);
    });
  }

  #wakeWriters(): void {
    for (const wake of this.#writers.splice(0)) wake();
  }

  async *#read(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const next = this.#unread.shift();
      if (next !== undefined) {
        if (this.#heldBytes > 0 && this.#unread.length < unreadMax / 2) {
          this.#stream.consumed(this.#heldBytes);
          this.#heldBytes = 0;
        }
        yield next;
      } else if (this.#hasPeerEnded || this.#abortReason !== undefined) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
        this.#wakeReader = undefined;
      }
    }
  }

  /** A unary method runs when its one message is there and the client has no more. */
  #answerOnce(run: (request: Buffer, call: GrpcCall) => Promise<Buffer>): void {
    if (this.#unread.length > 1) throw new GrpcError(status.internal, "a second request of a unary call");
    if (!this.#hasPeerEnded) return;
    const request = this.#unread.pop();
    if (request === undefined) throw new GrpcError(status.internal, "a unary call without a request");
    run(request, this).then(
      (response) => {
        if (this.#hasEnded) return;
        this.#begin();
        this.#send(response);
        this.#end(okBlock);
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#stream.sendHeaders(responseBlock, false);
  }

  #send(message: Buffer): void {
    const isJoined = message.length <= joinedBytesMax;
    const prefix = Buffer.allocUnsafe(prefixBytes + (isJoined ? message.length : 0));
    prefix[0] = 0;
    prefix.writeUInt32BE(message.length, 1);
    if (isJoined) prefix.set(message, prefixBytes);
    this.#stream.sendData(prefix);
    if (!isJoined) this.#stream.sendData(message);
  }

  #fail(error: unknown): void {
    const known = error instanceof GrpcError ? error : new GrpcError(status.unknown, String(error));
    const trailers = [
      { name: "grpc-status", value: String(known.code) },
      { name: "grpc-message", value: percentEncoded(known.details) },
    ];
    // Without an answer before it, the end is also the beginning.
    const block = this.#hasBegun
      ? encodeHeaders(trailers)
      : Buffer.concat([statusOk, encodeHeaders([contentType, ...trailers])]);
    this.#hasBegun = true;
    this.#end(block);
  }

  #end(trailers: Buffer): void {
    if (this.#hasEnded) return;
    this.#begin();
    this.#hasEnded = true;
    this.#cancelDeadline?.();
    this.#stream.sendHeaders(trailers, true);
  }

  #abort(reason: Error): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#cancelDeadline?.();
    this.#controller?.abort(reason);
    this.#wakeReader?.();
    this.#wakeWriters();
  }

  #setDeadline(text: string, clock: Clock): void {
    const ms = millisOf(text);
    if (ms === undefined) return;
    this.#cancelDeadline = clock.after(ms, () => {
      this.#fail(late);
      this.#abort(late);
    });
  }
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Of the header grpc-timeout; undefined for what isn't one, which sets no deadline. */
function millisOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * (unitMs[unit] ?? 0);
}

/** As gRPC's protocol has it for grpc-message: visible ASCII but "%" stays. */
function percentEncoded(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCodePoint(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

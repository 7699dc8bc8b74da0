/** One stream of a SPDY session, as Node's Duplex: half-closes like a socket, destroying it resets the stream. */
import { Duplex } from "node:stream";
import type { SpdyHeaders } from "./headers.ts";

/** What a stream needs of its session. */
export interface StreamHost {
  sendData(stream: SpdyStream, data: Buffer, isLast: boolean, done: (error?: Error | null) => void): void;
  /** The stream's reader took `bytes`; the session may read on. */
  onConsumed(stream: SpdyStream, bytes: number): void;
  onClosed(stream: SpdyStream, isReset: boolean): void;
}

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #host: StreamHost;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #wantsMore = false;
  #hasEnded = false;

  constructor(id: number, headers: SpdyHeaders, host: StreamHost) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#host = host;
    // A reset by the peer is news for whoever reads or writes, not for the process.
    this.on("error", () => undefined);
  }

  /** Bytes that have arrived and that nobody has asked for yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  receive(data: Buffer, isLast: boolean): void {
    if (this.#hasEnded || this.destroyed) {
      this.#host.onConsumed(this, data.length);
      return;
    }
    if (data.length > 0) {
      this.#waiting.push(data);
      this.#waitingBytes += data.length;
    }
    this.#hasEnded = isLast;
    if (this.#wantsMore || isLast) this.#hand();
  }

  /** The connection is gone: what the peer had sent and ended can still be read. */
  hangUp(error: Error): void {
    if (!this.#hasEnded) this.destroy(error);
  }

  override _read(): void {
    this.#wantsMore = true;
    this.#hand();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#host.sendData(this, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#host.sendData(this, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const left = this.#waitingBytes;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (left > 0) this.#host.onConsumed(this, left);
    const isComplete = this.writableFinished && (this.readableEnded || this.#hasEnded);
    this.#host.onClosed(this, !isComplete);
    done(error);
  }

  #hand(): void {
    while (this.#wantsMore && this.#waiting.length > 0) {
      const data = this.#waiting.shift() as Buffer;
      this.#waitingBytes -= data.length;
      this.#wantsMore = this.push(data);
      this.#host.onConsumed(this, data.length);
    }
    if (this.#hasEnded && this.#waiting.length === 0) {
      this.#wantsMore = false;
      this.push(null);
    }
  }
}

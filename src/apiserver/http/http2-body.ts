/** A request's body. */
import { Readable } from "node:stream";
import type { Http2Stream } from "#wire/http2/stream.ts";
import { ClientGoneError } from "./exchange.ts";

/** Read to its end, as most are: a tenth of what the same takes over a stream of Node's. */
export class WholeBody {
  readonly #stream: Http2Stream;
  readonly #bytesMax: number;
  readonly #tooLong: () => Error;
  readonly #done = Promise.withResolvers<Buffer>();
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #isSettled = false;

  constructor(stream: Http2Stream, bytesMax: number, tooLong: () => Error) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    this.#tooLong = tooLong;
  }

  get read(): Promise<Buffer> {
    return this.#done.promise;
  }

  receive(bytes: Buffer): void {
    if (this.#isSettled) return;
    this.#size += bytes.length;
    if (this.#size > this.#bytesMax) {
      this.#settle();
      this.#done.reject(this.#tooLong());
      return;
    }
    this.#stream.consumed(bytes.length);
    this.#chunks.push(Buffer.from(bytes));
  }

  finish(): void {
    if (this.#isSettled) return;
    const [only] = this.#chunks;
    const isOne = this.#chunks.length === 1 && only !== undefined;
    this.#done.resolve(isOne ? only : Buffer.concat(this.#chunks));
    this.#settle();
  }

  abort(): void {
    if (this.#isSettled) return;
    this.#settle();
    this.#done.reject(new ClientGoneError());
  }

  #settle(): void {
    this.#isSettled = true;
    this.#chunks.length = 0;
  }
}

/** Read from its stream as fast as somebody takes it. */

export class Http2Body extends Readable {
  readonly #stream: Http2Stream;
  /** The client broke it off. */
  aborted = false;
  #isWanted = false;
  #isFinished = false;
  /** Came before somebody read, or faster than that. */
  readonly #waiting: Buffer[] = [];

  constructor(stream: Http2Stream) {
    super();
    this.#stream = stream;
  }

  receive(bytes: Buffer): void {
    if (this.destroyed) {
      this.#stream.consumed(bytes.length);
      return;
    }
    const own = Buffer.from(bytes);
    if (this.#isWanted) this.#give(own);
    else this.#waiting.push(own);
  }

  finish(): void {
    this.#isFinished = true;
    if (this.#waiting.length === 0) this.push(null);
  }

  abort(): void {
    if (this.readableEnded || this.destroyed) return;
    this.aborted = true;
    this.destroy();
  }

  override _read(): void {
    this.#isWanted = true;
    // No more than the stream's window.
    for (const bytes of this.#waiting.splice(0)) this.#give(bytes);
    if (this.#isFinished) this.push(null);
  }

  #give(bytes: Buffer): void {
    this.#stream.consumed(bytes.length);
    this.#isWanted = this.push(bytes);
  }
}

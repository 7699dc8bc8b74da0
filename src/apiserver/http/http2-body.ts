/** A request's body, read from its stream as fast as somebody takes it. */
import { Readable } from "node:stream";
import type { Http2Stream } from "#wire/http2/stream.ts";

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

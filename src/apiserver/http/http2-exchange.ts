/**
 * An exchange of HTTP/2, on Node's stream itself: what makes it look like one of HTTP/1.1 took longer than the rest of a
 * GET, and wants trailers sent that nobody has.
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex, Readable } from "node:stream";
import type { Exchange, HeaderPairs } from "./exchange.ts";

const statusOk = 200;

export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly connection: object | undefined;
  readonly #stream: ServerHttp2Stream;
  /** Names and values in turn, the status first. */
  readonly #head: (string | readonly string[])[] = [":status", ""];
  status = statusOk;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
    this.#stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
    this.method = headers[":method"] ?? "GET";
    this.url = headers[":path"] ?? "/";
    this.connection = stream.session;
    // Told by its close as well.
    stream.on("error", ignore);
  }

  get socket(): Duplex | undefined {
    return this.#stream.session?.socket;
  }

  get incoming(): Readable {
    return this.#stream;
  }

  get isRead(): boolean {
    const { endAfterHeaders, readableEnded } = this.#stream;
    return endAfterHeaders || readableEnded || this.#isGone;
  }

  get isHeadSent(): boolean {
    return this.#stream.headersSent;
  }

  get isOver(): boolean {
    return this.#isGone || (this.#stream.headersSent && this.#stream.writableEnded);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    const head = this.#head;
    for (let at = 2; at < head.length; at += 2) {
      if (head[at] === name) {
        head[at + 1] = value;
        return;
      }
    }
    head.push(name, value);
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | undefined): void {
    if (this.#isGone) return;
    const isEmpty = body === undefined || body.length === 0;
    this.#respond(status, headers, isEmpty);
    if (!isEmpty && !this.#stream.writableEnded) this.#stream.end(body);
  }

  begin(status: number, headers: HeaderPairs): void {
    if (!this.#isGone) this.#respond(status, headers, false);
  }

  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    return this.#stream.write(chunk, done);
  }

  end(): void {
    this.#stream.end();
  }

  onDrain(run: () => void): () => void {
    this.#stream.once("drain", run);
    return () => {
      this.#stream.off("drain", run);
    };
  }

  onClose(run: () => void): () => void {
    if (this.#stream.destroyed) {
      run();
      return ignore;
    }
    this.#stream.once("close", run);
    return () => {
      this.#stream.off("close", run);
    };
  }

  onFinish(run: () => void): void {
    this.#stream.once("finish", run);
  }

  refuseRest(): void {
    // Other streams of the connection go on.
  }

  cutOff(): void {
    this.#stream.close();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  destroyConnection(): void {
    this.#stream.session?.destroy();
  }

  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  #respond(status: number, headers: HeaderPairs, isWhole: boolean): void {
    const head = this.#head;
    this.status = status;
    head[1] = String(status);
    for (const each of headers) head.push(each);
    this.#stream.respond(head as readonly string[], isWhole ? whole : undefined);
  }
}

const whole = { endStream: true };

function ignore(): void {
  // Nothing to do.
}

/** An exchange of HTTP/1.1. */
import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Exchange, HeaderPairs, RequestHead } from "./exchange.ts";

export class NodeRequestHead implements RequestHead {
  readonly incoming: IncomingMessage;
  readonly method: string;
  readonly url: string;

  constructor(incoming: IncomingMessage) {
    this.incoming = incoming;
    this.method = incoming.method ?? "GET";
    this.url = pathOf(incoming.url ?? "/");
  }

  get headers(): IncomingHttpHeaders {
    return this.incoming.headers;
  }

  get rawHeaders(): readonly string[] {
    return this.incoming.rawHeaders;
  }

  get connection(): object | undefined {
    return this.incoming.socket;
  }

  get socket(): Duplex | undefined {
    return this.incoming.socket;
  }
}

/** Of what asks as it would ask a proxy: without the server's name (RFC 9112, 3.2.2). */
function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/is.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

export class NodeExchange extends NodeRequestHead implements Exchange {
  readonly #outgoing: ServerResponse;
  bodyBytes = 0;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    super(incoming);
    this.#outgoing = outgoing;
  }

  get isRead(): boolean {
    return this.incoming.complete;
  }

  get status(): number {
    return this.#outgoing.statusCode;
  }

  get isHeadSent(): boolean {
    return this.#outgoing.headersSent;
  }

  get isOver(): boolean {
    return this.#outgoing.destroyed || this.#outgoing.writableEnded;
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.#outgoing.setHeader(name, value);
  }

  addHeader(name: string, value: string | readonly string[]): void {
    this.#outgoing.appendHeader(name, value);
  }

  /** Not between the parts of another answer on its connection. */
  inform(status: number, headers: HeaderPairs): void {
    const { socket, headersSent } = this.#outgoing;
    if (socket === null || headersSent || this.incoming.httpVersion !== "1.1") return;
    const lines = [`HTTP/1.1 ${status} ${statusText(status)}`];
    for (const [name, value] of pairsOf(headers)) lines.push(`${name}: ${value}`);
    socket.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | undefined): void {
    this.#head(status, headers);
    this.bodyBytes += body?.length ?? 0;
    (this.#outgoing as NodeJS.WritableStream).end(body as never);
  }

  begin(status: number, headers: HeaderPairs): void {
    this.#head(status, headers);
    (this.#outgoing as unknown as { flushHeaders(): void }).flushHeaders();
  }

  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    this.bodyBytes += chunk.length;
    return (this.#outgoing as NodeJS.WritableStream).write(chunk as never, done as never);
  }

  /** Only where it is told in chunks. */
  get takesTrailers(): boolean {
    const { incoming } = this;
    return (
      incoming.httpVersion === "1.1" &&
      incoming.method !== "HEAD" &&
      !this.#outgoing.hasHeader("content-length")
    );
  }

  end(trailers: HeaderPairs = []): void {
    if (trailers.length > 0) this.#outgoing.addTrailers(pairsOf(trailers));
    this.#outgoing.end();
  }

  onDrain(run: () => void): () => void {
    return this.#on("drain", run);
  }

  onClose(run: () => void): () => void {
    if (this.#outgoing.destroyed) {
      run();
      return () => undefined;
    }
    return this.#on("close", run);
  }

  onFinish(run: () => void): void {
    this.#outgoing.once("finish", run);
  }

  refuseRest(): void {
    this.#outgoing.setHeader("connection", "close");
  }

  cutOff(): void {
    this.#outgoing.req.destroy();
  }

  destroy(): void {
    this.#outgoing.destroy();
  }

  destroyConnection(): void {
    this.#outgoing.destroy();
  }

  #head(status: number, headers: HeaderPairs): void {
    for (let at = 0; at < headers.length; at += 2) {
      this.#outgoing.setHeader(headers[at] as string, headers[at + 1] as string | readonly string[]);
    }
    this.#outgoing.statusCode = status;
    if (STATUS_CODES[status] === undefined) this.#outgoing.statusMessage = statusText(status);
  }

  #on(event: "drain" | "close", run: () => void): () => void {
    const outgoing = this.#outgoing as NodeJS.EventEmitter;
    outgoing.once(event, run);
    return () => {
      outgoing.off(event, run);
    };
  }
}

/** upstream: Go's net/http/server.go (writeStatusLine) */
const statusText = (status: number): string => STATUS_CODES[status] ?? `status code ${status}`;

/** Each value by itself. */
function pairsOf(headers: HeaderPairs): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    for (const value of [headers[at + 1] ?? ""].flat()) pairs.push([String(headers[at]), value]);
  }
  return pairs;
}

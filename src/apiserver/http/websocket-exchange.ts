/**
 * An exchange that the client would like to go on in messages of WebSocket. What is no stream, as every refusal, is said
 * over HTTP/1.1, and ends the connection.
 */
import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { openWebSocket } from "#wire/websocket.ts";
import { headerOf, type Exchange, type HeaderPairs, type WebSocketAsked } from "./exchange.ts";
import { tokenProtocol } from "./identification.ts";
import { NodeRequestHead } from "./node-exchange.ts";

/** Clients have nothing to say. */
const messageBytesMax = 1 << 20;
const normalClosure = 1000;

export class WebSocketExchange extends NodeRequestHead implements Exchange, WebSocketAsked {
  readonly isRead = true;
  readonly #stream: Duplex;
  readonly #head: Buffer;
  readonly #headers = new Map<string, string | readonly string[]>();
  #webSocket: WebSocket | undefined;
  #isText = false;
  #isEnded = false;
  status = 200;
  isHeadSent = false;
  bodyBytes = 0;

  /** `head`: what came after the request's head. */
  constructor(incoming: IncomingMessage, socket: Duplex, head: Buffer) {
    super(incoming);
    this.#stream = socket;
    this.#head = head;
    socket.on("error", () => undefined);
  }

  get webSocket(): WebSocketAsked {
    return this;
  }

  get offered(): readonly string[] {
    const all = headerOf(this, "sec-websocket-protocol").split(",");
    const named = all.map((each) => each.trim()).filter((each) => each !== "");
    return named.filter((each) => !each.startsWith(tokenProtocol));
  }

  get isOver(): boolean {
    const isClosing = this.#webSocket !== undefined && this.#webSocket.readyState !== this.#webSocket.OPEN;
    return this.#isEnded || isClosing || this.#stream.destroyed;
  }

  accept(protocol: string, isText: boolean): void {
    this.#isText = isText;
    const options = { protocol, messageBytesMax };
    const opened = openWebSocket(this.incoming, this.#stream, this.#head, options);
    this.isHeadSent = true;
    if (opened === undefined) return;
    this.status = 101;
    this.#webSocket = opened;
    opened.on("error", () => undefined);
  }

  setHeader(name: string, value: string | readonly string[]): void {
    this.#headers.set(name, value);
  }

  addHeader(name: string, value: string | readonly string[]): void {
    const before = this.#headers.get(name);
    this.#headers.set(name, before === undefined ? value : [before, value].flat());
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | undefined): void {
    this.begin(status, headers);
    this.bodyBytes += body?.length ?? 0;
    this.#isEnded = true;
    this.#stream.end(body);
  }

  begin(status: number, headers: HeaderPairs): void {
    this.status = status;
    this.isHeadSent = true;
    for (let at = 0; at < headers.length; at += 2) {
      this.setHeader(headers[at] as string, headers[at + 1] as string | readonly string[]);
    }
    this.setHeader("connection", "close");
    const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
    for (const [name, value] of this.#headers) {
      for (const each of typeof value === "string" ? [value] : value) lines.push(`${name}: ${each}`);
    }
    if (!this.#stream.destroyed) this.#stream.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  }

  write(chunk: Uint8Array, done?: (error?: Error | null) => void): boolean {
    this.bodyBytes += chunk.length;
    if (this.#webSocket === undefined) this.#stream.write(chunk, done);
    else this.#webSocket.send(chunk, { binary: !this.#isText }, done);
    return !this.#stream.writableNeedDrain;
  }

  readonly takesTrailers = false;

  end(): void {
    this.#isEnded = true;
    if (this.#webSocket === undefined) this.#stream.end();
    else this.#webSocket.close(normalClosure);
  }

  onDrain(run: () => void): () => void {
    return this.#on("drain", run);
  }

  onClose(run: () => void): () => void {
    if (this.#stream.destroyed) {
      run();
      return () => undefined;
    }
    return this.#on("close", run);
  }

  onFinish(run: () => void): void {
    this.#stream.once("finish", run);
  }

  /** It isn't read anyway. */
  refuseRest(): void {}

  cutOff(): void {
    this.destroy();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  destroyConnection(): void {
    this.destroy();
  }

  #on(event: "drain" | "close", run: () => void): () => void {
    this.#stream.once(event, run);
    return () => {
      this.#stream.off(event, run);
    };
  }
}

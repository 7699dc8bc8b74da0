/**
 * The channel protocol over WebSocket: each binary message begins with its channel's number. Either side of it.
 * upstream: apimachinery/pkg/util/httpstream/wsstream/conn.go, client-go/tools/remotecommand/websocket.go
 */
import { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { sendMessage } from "./websocket.ts";

export const channelV5 = "v5.channel.k8s.io";
export const channelV4 = "v4.channel.k8s.io";

/** In v5, a message [255, channel] half-closes that channel. */
const closeChannel = 255;
/** Bytes that may wait in one channel before the peer is paused. */
const waitingBytesMax = 1 << 20;

export interface ChannelsOptions {
  readonly count: number;
  /** v5: the client can half-close a channel. */
  readonly canHalfClose: boolean;
  /** Only clients say so: kubectl takes the message from a server for an unknown channel. */
  readonly isClient?: boolean;
}

/** All channels of one WebSocket. Channels nobody reads are dropped as they come. */
export class Channels {
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: ChannelsOptions;
  readonly #channels = new Map<number, Channel>();

  constructor(socket: WebSocket, options: ChannelsOptions) {
    this.#socket = socket;
    this.#options = options;
    const done = Promise.withResolvers<void>();
    this.closed = done.promise;
    socket.on("message", (data) => {
      this.#receive(data);
    });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      for (const channel of this.#channels.values()) channel.hangUp();
      done.resolve();
    });
  }

  /** The channel's two directions; call once per number. */
  channel(number: number): Duplex {
    const { canHalfClose, isClient = false } = this.#options;
    const channel = new Channel(number, this.#socket, canHalfClose && isClient, () => {
      this.#balance();
    });
    this.#channels.set(number, channel);
    return channel;
  }

  /** Closes with 1000 once everything written is out. */
  close(): void {
    this.#socket.close(1000);
  }

  #receive(data: RawData): void {
    const message = bytesOf(data);
    const [first, second] = message;
    if (first === undefined) return;
    if (first === closeChannel && this.#options.canHalfClose) {
      if (second !== undefined) this.#channels.get(second)?.endOfInput();
      return;
    }
    if (first >= this.#options.count) {
      this.#socket.close(1003, `unknown channel ${first}`);
      return;
    }
    this.#channels.get(first)?.receive(message.subarray(1));
    this.#balance();
  }

  /** One slow channel holds back all: there is but one connection. */
  #balance(): void {
    const isFull = [...this.#channels.values()].some((channel) => channel.waitingBytes > waitingBytesMax);
    if (isFull && !this.#socket.isPaused) this.#socket.pause();
    else if (!isFull && this.#socket.isPaused) this.#socket.resume();
  }
}

class Channel extends Duplex {
  readonly #number: Buffer;
  readonly #socket: WebSocket;
  readonly #canHalfClose: boolean;
  readonly #onConsumed: () => void;
  #waiting: Buffer[] = [];
  #hasEnded = false;
  waitingBytes = 0;

  constructor(number: number, socket: WebSocket, canHalfClose: boolean, onConsumed: () => void) {
    super({ allowHalfOpen: true });
    this.#number = Buffer.from([number]);
    this.#socket = socket;
    this.#canHalfClose = canHalfClose;
    this.#onConsumed = onConsumed;
    this.on("error", () => undefined);
  }

  receive(data: Buffer): void {
    if (this.destroyed || this.#hasEnded || data.length === 0) return;
    this.#waiting.push(data);
    this.waitingBytes += data.length;
    if (this.readableFlowing === true || this.readableLength === 0) this.#hand();
  }

  endOfInput(): void {
    this.#hasEnded = true;
    this.#hand();
  }

  /** The connection is gone: what has arrived can still be read. */
  hangUp(): void {
    this.endOfInput();
    if (this.readableLength === 0 && this.#waiting.length === 0) this.destroy();
  }

  override _read(): void {
    this.#hand();
    this.#onConsumed();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#socket.readyState === this.#socket.OPEN) sendMessage(this.#socket, [this.#number, chunk], done);
    else done(new Error("the connection was closed"));
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#canHalfClose && this.#socket.readyState === this.#socket.OPEN) {
      sendMessage(this.#socket, [Buffer.from([closeChannel]), this.#number], done);
    } else done();
  }

  #hand(): void {
    let wantsMore = true;
    while (wantsMore && this.#waiting.length > 0) {
      const data = this.#waiting.shift() as Buffer;
      this.waitingBytes -= data.length;
      wantsMore = this.push(data);
    }
    if (this.#hasEnded && this.#waiting.length === 0) this.push(null);
  }
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}

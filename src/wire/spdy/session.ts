/**
 * A SPDY/3.1 session over any duplex: accepts and opens streams, answers pings, and pauses the peer when readers don't
 * keep up. Flow-control windows are kept with peers that announce them; the Go library on the other side of most
 * connections neither sends nor heeds them, and with it TCP's own back-pressure does the work.
 */
import type { Duplex } from "node:stream";
import { errorCode } from "#base/files.ts";
import type { Clock } from "#base/clock.ts";
import {
  encodeControl,
  encodeDataHead,
  flagFin,
  FrameReader,
  frameTypes,
  initialWindowSetting,
  SpdyProtocolError,
  uint32s,
  type Frame,
} from "./frames.ts";
import { HeaderReader, HeaderWriter } from "./headers.ts";
import { SpdyStream, type StreamHost } from "./stream.ts";

export interface SpdySessionOptions {
  readonly clock: Clock;
  readonly isServer: boolean;
  /** A stream that the peer opened. Answer false to refuse it. */
  readonly onStream: (stream: SpdyStream) => boolean;
}

/** Open streams at once; each forwarded connection takes two. */
const streamsMax = 2000;
/** Bytes that may wait for slow readers before the peer is paused. */
const waitingBytesMax = 4 << 20;
/** Destroying a socket with unread input resets it, and the peer loses what it hasn't read yet. */
const lingerMs = 5000;
const defaultWindow = 64 << 10;
const frameDataMax = 32 << 10;
const refusedStream = 3;
const cancelled = 5;

interface SendWindow {
  left: number;
  readonly queue: { data: Buffer; isLast: boolean; done: (error?: Error | null) => void }[];
}

export class SpdySession implements StreamHost {
  readonly closed: Promise<void>;
  readonly #transport: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #frames = new FrameReader();
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  /** Only with a peer that keeps windows. */
  #windows: Map<number, SendWindow> | undefined;
  #initialWindow = defaultWindow;
  #waitingBytes = 0;
  #onDrained: (() => void) | undefined;
  #nextId: number;
  #lastPeerId = 0;
  #isEnded = false;

  constructor(transport: Duplex, options: SpdySessionOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#nextId = options.isServer ? 2 : 1;
    const done = Promise.withResolvers<void>();
    this.closed = done.promise;
    const reading = this.#read();
    transport.once("close", () => {
      // What has arrived is still handed out: the last frames may be waiting for their headers to be expanded.
      const late = Promise.withResolvers<void>();
      const cancel = options.clock.after(lingerMs, late.resolve);
      void Promise.race([reading, late.promise]).then(() => {
        cancel();
        this.#end(new Error("the SPDY connection was closed"));
        done.resolve();
      });
    });
    transport.on("error", (error: Error) => {
      this.#end(error);
    });
  }

  /** Opens a stream; the peer learns of it at once. */
  open(headers: Iterable<readonly [string, string]>): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    const pairs = [...headers];
    const stream = new SpdyStream(id, new Map(pairs), this);
    this.#streams.set(id, stream);
    const body = Buffer.concat([uint32s(id, 0), Buffer.alloc(2), this.#writer.encode(pairs)]);
    this.#send(encodeControl(frameTypes.synStream, 0, body));
    return stream;
  }

  /** Says goodbye after what was written, and leaves the peer a while to read it and close. */
  close(): void {
    if (this.#isEnded) return;
    this.#send(encodeControl(frameTypes.goAway, 0, uint32s(this.#lastPeerId, 0)));
    this.#transport.end();
    this.#destroyLater();
  }

  sendData(stream: SpdyStream, data: Buffer, isLast: boolean, done: (error?: Error | null) => void): void {
    const window = this.#windowOf(stream.id);
    if (window === undefined) {
      this.#writeData(stream.id, data, isLast, done);
      return;
    }
    window.queue.push({ data, isLast, done });
    this.#flush(stream.id, window);
  }

  onConsumed(stream: SpdyStream, bytes: number): void {
    this.#waitingBytes -= bytes;
    if (this.#windows !== undefined && bytes > 0 && !stream.destroyed) {
      this.#send(encodeControl(frameTypes.windowUpdate, 0, uint32s(stream.id, bytes)));
    }
    if (this.#waitingBytes <= waitingBytesMax / 2) this.#onDrained?.();
  }

  onClosed(stream: SpdyStream, isReset: boolean): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#windows?.delete(stream.id);
    if (isReset) this.#reset(stream.id, cancelled);
  }

  async #read(): Promise<void> {
    try {
      // Frames are handled strictly in order: a header block must be expanded before the data after it.
      for await (const chunk of this.#transport.iterator({ destroyOnReturn: false })) {
        for (const frame of this.#frames.push(chunk as Buffer)) await this.#handle(frame);
        if (this.#waitingBytes > waitingBytesMax) await this.#drained();
      }
    } catch (error) {
      const isClosed = errorCode(error) === "ERR_STREAM_PREMATURE_CLOSE";
      const message = isClosed ? "the SPDY connection was closed" : "the SPDY connection failed";
      this.#end(error instanceof SpdyProtocolError ? error : new Error(message, { cause: error }));
    }
    this.#end(new Error("the SPDY peer ended the connection"));
    this.#transport.end(() => {
      this.#transport.destroy();
    });
    this.#destroyLater();
  }

  #destroyLater(): void {
    const cancel = this.#options.clock.after(lingerMs, () => {
      this.#transport.destroy();
    });
    void this.closed.then(cancel);
  }

  async #drained(): Promise<void> {
    const drained = Promise.withResolvers<void>();
    this.#onDrained = drained.resolve;
    await drained.promise;
    this.#onDrained = undefined;
  }

  async #handle(frame: Frame): Promise<void> {
    if (frame.kind === "data") {
      this.#receive(frame);
      return;
    }
    const { type, body, flags } = frame;
    switch (type) {
      case frameTypes.synStream:
        await this.#accept(body, flags);
        return;
      case frameTypes.synReply:
        await this.#reader.decode(need(body, 4).subarray(4));
        return;
      case frameTypes.headers:
        await this.#reader.decode(need(body, 4).subarray(4));
        return;
      case frameTypes.rstStream:
        this.#streams.get(idOf(body))?.destroy(new Error("the peer reset the stream"));
        return;
      case frameTypes.ping:
        if (idOf(body) % 2 === (this.#options.isServer ? 1 : 0)) {
          this.#send(encodeControl(frameTypes.ping, 0, body.subarray(0, 4)));
        }
        return;
      case frameTypes.settings:
        this.#applySettings(need(body, 4));
        return;
      case frameTypes.windowUpdate:
        this.#widen(idOf(body), need(body, 8).readUInt32BE(4) & 0x7fffffff);
        return;
      default:
      // GOAWAY: the peer closes when it is done. Anything else isn't known and is skipped, as the protocol asks.
    }
  }

  #receive({ stream: id, data, isLast }: Extract<Frame, { kind: "data" }>): void {
    const stream = this.#streams.get(id);
    // Data for a stream we have just reset may still be on its way.
    if (stream === undefined) return;
    this.#waitingBytes += data.length;
    stream.receive(data, isLast);
  }

  async #accept(body: Buffer, flags: number): Promise<void> {
    const id = idOf(need(body, 10));
    const headers = await this.#reader.decode(body.subarray(10));
    const isOurs = id % 2 === (this.#options.isServer ? 0 : 1);
    if (isOurs || id <= this.#lastPeerId) throw new SpdyProtocolError(`stream ${id} opened out of turn`);
    this.#lastPeerId = id;
    if (this.#streams.size >= streamsMax) {
      this.#reset(id, refusedStream);
      return;
    }
    const stream = new SpdyStream(id, headers, this);
    this.#streams.set(id, stream);
    if (!this.#options.onStream(stream)) {
      this.#streams.delete(id);
      this.#reset(id, refusedStream);
      return;
    }
    this.#send(encodeControl(frameTypes.synReply, 0, Buffer.concat([uint32s(id), this.#writer.encode([])])));
    if ((flags & flagFin) !== 0) stream.receive(Buffer.alloc(0), true);
  }

  #reset(id: number, status: number): void {
    this.#send(encodeControl(frameTypes.rstStream, 0, uint32s(id, status)));
  }

  #applySettings(body: Buffer): void {
    const count = Math.min(body.readUInt32BE(0), Math.floor((body.length - 4) / 8));
    for (let at = 0; at < count; at++) {
      const id = body.readUInt32BE(4 + 8 * at) & 0xffffff;
      if (id !== initialWindowSetting) continue;
      this.#initialWindow = body.readUInt32BE(8 + 8 * at) & 0x7fffffff;
      this.#windows ??= new Map();
    }
  }

  #windowOf(id: number): SendWindow | undefined {
    if (this.#windows === undefined) return undefined;
    let window = this.#windows.get(id);
    if (window === undefined) {
      window = { left: this.#initialWindow, queue: [] };
      this.#windows.set(id, window);
    }
    return window;
  }

  #widen(id: number, bytes: number): void {
    this.#windows ??= new Map();
    if (!this.#streams.has(id)) return;
    const window = this.#windowOf(id);
    if (window === undefined) return;
    window.left += bytes;
    this.#flush(id, window);
  }

  #flush(id: number, window: SendWindow): void {
    for (;;) {
      const next = window.queue[0];
      if (next === undefined) return;
      const fits = Math.min(next.data.length, window.left);
      if (fits === 0 && next.data.length > 0) return;
      window.left -= fits;
      if (fits === next.data.length) {
        window.queue.shift();
        this.#writeData(id, next.data, next.isLast, next.done);
      } else {
        this.#writeData(id, next.data.subarray(0, fits), false, () => undefined);
        next.data = next.data.subarray(fits);
      }
    }
  }

  #writeData(id: number, data: Buffer, isLast: boolean, done: (error?: Error | null) => void): void {
    if (this.#isEnded) {
      done(new Error("the SPDY connection was closed"));
      return;
    }
    let at = 0;
    do {
      const piece = data.subarray(at, at + frameDataMax);
      at += piece.length;
      const isEnd = at >= data.length;
      this.#transport.write(encodeDataHead(id, isLast && isEnd, piece.length));
      if (isEnd) this.#transport.write(piece, done);
      else this.#transport.write(piece);
    } while (at < data.length);
  }

  #send(frame: Buffer): void {
    if (!this.#isEnded && this.#transport.writable) this.#transport.write(frame);
  }

  #end(error: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#onDrained?.();
    this.#reader.close();
    for (const window of this.#windows?.values() ?? []) {
      for (const { done } of window.queue) done(error);
    }
    for (const stream of this.#streams.values()) stream.hangUp(error);
    this.#streams.clear();
    if (error instanceof SpdyProtocolError) this.#transport.destroy();
  }
}

const idOf = (body: Buffer): number => need(body, 4).readUInt32BE(0) & 0x7fffffff;

function need(body: Buffer, length: number): Buffer {
  if (body.length < length) {
    throw new SpdyProtocolError(`control frame of ${body.length} bytes, needs ${length}`);
  }
  return body;
}

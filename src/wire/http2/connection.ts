/**
 * A server's end of one HTTP/2 connection, as gRPC needs it: streams that clients open, both sides' windows, no pushes,
 * no priorities. What is written within one turn of the event loop goes out in one piece. RFC 9113
 */
import type { Socket } from "node:net";
import { assert } from "#base/assert.ts";
import {
  contentOf,
  errorCodes,
  flags,
  type Frame,
  frameBytesMax,
  FrameReader,
  frameTypes,
  headOf,
  Http2Error,
  initialWindowBytes,
  numbersFrame,
  preface,
  settings,
  settingsFrame,
  windowBytesMax,
} from "./frames.ts";
import { type Header, HpackDecoder, HpackError } from "./hpack.ts";

/** What a client may send on one stream, and on all, before we have taken it. */
const streamWindowBytes = 2 ** 20;
const connectionWindowBytes = 16 * 2 ** 20;
const concurrentStreamsMax = 10_000;
/** Of a header block as it is sent. */
const blockBytesMax = 64 * 1024;
/** What isn't more is copied into one piece; beyond it many pieces are written at once. */
const joinBytesMax = 16 * 1024;
/** Written, and not yet taken by the system: from here on streams wait. */
const backlogBytesMax = 2 ** 20;
/** Of answers to pings and settings, which can't wait: a client that doesn't read them is left. */
const backlogBytesLimit = 8 * 2 ** 20;
/** A stream with more than this in its queue is full. */
const queueBytesMax = 64 * 1024;

const nothing = Buffer.alloc(0);

/** What becomes of a stream. */
export interface StreamHandler {
  /** A view, valid until this returns. `isLast`: the client sends no more. */
  readonly data: (bytes: Buffer, isLast: boolean) => void;
  /** The client gave up, or the connection has ended; not called when both sides have ended. */
  readonly closed: () => void;
  /** The stream was full and isn't any more. */
  readonly hasRoom: () => void;
}

export interface Http2Stream {
  readonly isClosed: boolean;
  /** Better wait for `hasRoom` before more. */
  readonly isFull: boolean;
  /** A block; `isLast` ends our side, after all data. */
  readonly sendHeaders: (block: Buffer, isLast: boolean) => void;
  readonly sendData: (bytes: Buffer) => void;
  /** So many bytes of data have been taken: the client may send as many more. */
  readonly consumed: (bytes: number) => void;
}

export type OpenStream = (stream: Http2Stream, headers: readonly Header[], isLast: boolean) => StreamHandler;

class StreamState implements Http2Stream {
  readonly id: number;
  readonly #connection: Http2Connection;
  handler: StreamHandler | undefined;
  sendWindow: number;
  receiveWindow = streamWindowBytes;
  /** Taken, and not yet given back to the client's window. */
  owed = 0;
  /** What waits for a window. */
  readonly queue: Buffer[] = [];
  queuedBytes = 0;
  /** To end with, behind the queue. */
  trailers: Buffer | undefined;
  hasEnded = false;
  hasPeerEnded = false;
  isClosed = false;

  constructor(id: number, sendWindow: number, connection: Http2Connection) {
    this.id = id;
    this.sendWindow = sendWindow;
    this.#connection = connection;
  }

  get isFull(): boolean {
    return this.queuedBytes > queueBytesMax;
  }

  sendHeaders(block: Buffer, isLast: boolean): void {
    this.#connection.sendHeaders(this, block, isLast);
  }

  sendData(bytes: Buffer): void {
    this.#connection.sendData(this, bytes);
  }

  consumed(bytes: number): void {
    this.#connection.consumed(this, bytes);
  }
}

export class Http2Connection {
  readonly #socket: Socket;
  readonly #open: OpenStream;
  readonly #reader = new FrameReader();
  readonly #decoder = new HpackDecoder();
  readonly #streams = new Map<number, StreamState>();
  /** Those with data that waits. */
  readonly #sending = new Set<StreamState>();
  /** Of the client's greeting, what is still to come. */
  #greeting: Buffer = preface;
  #lastStream = 0;
  /** A header block whose end hasn't come. */
  #block: { readonly frame: Frame; readonly parts: Buffer[]; bytes: number } | undefined;
  #sendWindow = initialWindowBytes;
  #peerStreamWindow = initialWindowBytes;
  #receiveWindow = connectionWindowBytes;
  #out: Buffer[] = [];
  #outBytes = 0;
  #isFlushing = false;
  #hasEnded = false;

  constructor(socket: Socket, open: OpenStream) {
    this.#socket = socket;
    this.#open = open;
    socket.on("data", (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on("drain", () => {
      this.#pumpAll();
    });
    socket.on("end", () => {
      socket.destroySoon();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closeAll();
    });
    this.#push(
      settingsFrame([
        [settings.concurrentStreamsMax, concurrentStreamsMax],
        [settings.initialWindow, streamWindowBytes],
      ]),
    );
    this.#push(numbersFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - initialWindowBytes));
  }

  /** Tells the client, and ends what runs. */
  close(code: number = errorCodes.none): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#push(numbersFrame(frameTypes.goAway, 0, this.#lastStream, code));
    this.#flush();
    this.#closeAll();
    this.#socket.destroySoon();
  }

  sendHeaders(stream: StreamState, block: Buffer, isLast: boolean): void {
    if (stream.isClosed) return;
    assert(!stream.hasEnded && stream.trailers === undefined, `headers after the end of stream ${stream.id}`);
    if (isLast && stream.queue.length > 0) stream.trailers = block;
    else this.#pushHeaders(stream, block, isLast);
  }

  sendData(stream: StreamState, bytes: Buffer): void {
    if (stream.isClosed) return;
    assert(!stream.hasEnded && stream.trailers === undefined, `data after the end of stream ${stream.id}`);
    stream.queue.push(bytes);
    stream.queuedBytes += bytes.length;
    this.#pump(stream);
  }

  consumed(stream: StreamState, bytes: number): void {
    stream.owed += bytes;
    if (stream.isClosed || stream.hasPeerEnded || stream.owed < streamWindowBytes / 2) return;
    stream.receiveWindow += stream.owed;
    this.#push(numbersFrame(frameTypes.windowUpdate, stream.id, stream.owed));
    stream.owed = 0;
  }

  #receive(chunk: Buffer): void {
    if (this.#hasEnded) return;
    try {
      const rest = this.#greeting.length === 0 ? chunk : this.#greet(chunk);
      if (rest.length > 0) {
        this.#reader.push(rest, (frame) => {
          if (!this.#hasEnded) this.#take(frame);
        });
      }
      if (this.#socket.writableLength > backlogBytesLimit) {
        throw new Http2Error(errorCodes.enhanceYourCalm, "answers aren't read");
      }
    } catch (error) {
      if (error instanceof Http2Error) this.close(error.code);
      else if (error instanceof HpackError) this.close(errorCodes.compression);
      else throw error;
    }
  }

  #greet(chunk: Buffer): Buffer {
    const length = Math.min(chunk.length, this.#greeting.length);
    if (!this.#greeting.subarray(0, length).equals(chunk.subarray(0, length))) {
      throw new Http2Error(errorCodes.protocol, "this isn't HTTP/2");
    }
    this.#greeting = this.#greeting.subarray(length);
    return chunk.subarray(length);
  }

  #take(frame: Frame): void {
    const { type, stream } = frame;
    if (
      this.#block !== undefined &&
      (type !== frameTypes.continuation || stream !== this.#block.frame.stream)
    ) {
      throw new Http2Error(errorCodes.protocol, "a header block is interrupted");
    }
    switch (type) {
      case frameTypes.data:
        this.#takeData(frame);
        return;
      case frameTypes.headers:
        this.#block = { frame, parts: [], bytes: 0 };
        this.#takeBlock(frame, contentOf(frame));
        return;
      case frameTypes.continuation:
        this.#takeBlock(frame, frame.payload);
        return;
      case frameTypes.reset:
        this.#known(stream, "reset");
        this.#drop(this.#streams.get(stream));
        return;
      case frameTypes.settings:
        this.#takeSettings(frame);
        return;
      case frameTypes.ping:
        if (frame.payload.length !== 8) throw new Http2Error(errorCodes.frameSize, "a ping isn't of 8 bytes");
        if ((frame.flags & flags.ack) !== 0) return;
        this.#push(headOf(frameTypes.ping, flags.ack, 0, 8), Buffer.from(frame.payload));
        return;
      case frameTypes.windowUpdate:
        this.#takeWindow(frame);
        return;
      case frameTypes.pushPromise:
        throw new Http2Error(errorCodes.protocol, "clients can't push");
      default:
      // Priorities, a client's goodbye, and types that are not for us.
    }
  }

  /** Throws for a stream that was never opened. */
  #known(stream: number, what: string): void {
    if (stream === 0 || stream > this.#lastStream) {
      throw new Http2Error(errorCodes.protocol, `${what} for stream ${stream}, which isn't open`);
    }
  }

  #takeData(frame: Frame): void {
    const { length } = frame.payload;
    this.#known(frame.stream, "data");
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new Http2Error(errorCodes.flowControl, "more data than was allowed");
    if (this.#receiveWindow < connectionWindowBytes / 2) {
      this.#push(numbersFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - this.#receiveWindow));
      this.#receiveWindow = connectionWindowBytes;
    }
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return;
    stream.receiveWindow -= length;
    if (stream.hasPeerEnded || stream.receiveWindow < 0) {
      this.#reset(stream, stream.hasPeerEnded ? errorCodes.streamClosed : errorCodes.flowControl);
      return;
    }
    const content = contentOf(frame);
    if (content.length < length) this.consumed(stream, length - content.length);
    this.#deliver(stream, content, (frame.flags & flags.endStream) !== 0);
  }

  #deliver(stream: StreamState, content: Buffer, isLast: boolean): void {
    stream.hasPeerEnded = isLast;
    stream.handler?.data(content, isLast);
    if (isLast && stream.hasEnded) this.#forget(stream);
  }

  #takeBlock(frame: Frame, content: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new Http2Error(errorCodes.protocol, "a continuation of nothing");
    block.bytes += content.length;
    if (block.bytes > blockBytesMax) throw new Http2Error(errorCodes.enhanceYourCalm, "headers are too long");
    block.parts.push(content);
    if ((frame.flags & flags.endHeaders) === 0) return;
    this.#block = undefined;
    const [only] = block.parts;
    const whole = block.parts.length === 1 && only !== undefined ? only : Buffer.concat(block.parts);
    this.#takeHeaders(block.frame, this.#decoder.decode(whole));
  }

  #takeHeaders({ stream: id, flags: flagBits }: Frame, headers: readonly Header[]): void {
    const isLast = (flagBits & flags.endStream) !== 0;
    if (id <= this.#lastStream) {
      // Trailers, of which gRPC's clients send none; of a stream that is gone, they are late.
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      if (!isLast || stream.hasPeerEnded) this.#reset(stream, errorCodes.protocol);
      else this.#deliver(stream, nothing, true);
      return;
    }
    if (id % 2 === 0) throw new Http2Error(errorCodes.protocol, `clients can't open stream ${id}`);
    this.#lastStream = id;
    if (this.#streams.size >= concurrentStreamsMax) {
      this.#push(numbersFrame(frameTypes.reset, id, errorCodes.refusedStream));
      return;
    }
    const stream = new StreamState(id, this.#peerStreamWindow, this);
    stream.hasPeerEnded = isLast;
    this.#streams.set(id, stream);
    stream.handler = this.#open(stream, headers, isLast);
  }

  #takeSettings({ stream, flags: flagBits, payload }: Frame): void {
    if (stream !== 0) throw new Http2Error(errorCodes.protocol, "settings of one stream");
    if ((flagBits & flags.ack) !== 0) return;
    if (payload.length % 6 !== 0) throw new Http2Error(errorCodes.frameSize, "settings are cut off");
    for (let at = 0; at < payload.length; at += 6) {
      if (payload.readUInt16BE(at) === settings.initialWindow) {
        this.#setPeerWindow(payload.readUInt32BE(at + 2));
      }
    }
    this.#push(headOf(frameTypes.settings, flags.ack, 0, 0));
    this.#pumpAll();
  }

  #setPeerWindow(bytes: number): void {
    if (bytes > windowBytesMax) throw new Http2Error(errorCodes.flowControl, `a window of ${bytes} bytes`);
    const more = bytes - this.#peerStreamWindow;
    this.#peerStreamWindow = bytes;
    for (const stream of this.#streams.values()) stream.sendWindow += more;
  }

  #takeWindow({ stream: id, payload }: Frame): void {
    if (payload.length !== 4) throw new Http2Error(errorCodes.frameSize, "a window update isn't of 4 bytes");
    const more = payload.readUInt32BE(0) & windowBytesMax;
    if (id === 0) {
      this.#sendWindow += more;
      if (more === 0 || this.#sendWindow > windowBytesMax) {
        throw new Http2Error(errorCodes.flowControl, `a window grows by ${more}`);
      }
      this.#pumpAll();
      return;
    }
    this.#known(id, "a window");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += more;
    if (more === 0 || stream.sendWindow > windowBytesMax) this.#reset(stream, errorCodes.flowControl);
    else this.#pump(stream);
  }

  #pumpAll(): void {
    for (const stream of this.#sending) this.#pump(stream);
  }

  #pump(stream: StreamState): void {
    const before = stream.queuedBytes;
    this.#sendQueue(stream);
    if (before > queueBytesMax && stream.queuedBytes <= queueBytesMax) stream.handler?.hasRoom();
  }

  /** What windows and backlog allow. */
  #sendQueue(stream: StreamState): void {
    const { queue } = stream;
    while (queue.length > 0) {
      const next = queue[0] as Buffer;
      const allowed = Math.min(stream.sendWindow, this.#sendWindow, frameBytesMax);
      const isBlocked = this.#outBytes + this.#socket.writableLength > backlogBytesMax;
      if ((allowed <= 0 && next.length > 0) || isBlocked) {
        this.#sending.add(stream);
        return;
      }
      if (next.length <= allowed) queue.shift();
      else queue[0] = next.subarray(allowed);
      this.#pushData(stream, next.length <= allowed ? next : next.subarray(0, allowed));
    }
    this.#sending.delete(stream);
    const { trailers } = stream;
    if (trailers === undefined) return;
    stream.trailers = undefined;
    this.#pushHeaders(stream, trailers, true);
  }

  #pushData(stream: StreamState, bytes: Buffer): void {
    const { length } = bytes;
    stream.queuedBytes -= length;
    stream.sendWindow -= length;
    this.#sendWindow -= length;
    this.#push(headOf(frameTypes.data, 0, stream.id, length), bytes);
  }

  #pushHeaders(stream: StreamState, block: Buffer, isLast: boolean): void {
    const first = block.subarray(0, frameBytesMax);
    const endStream = isLast ? flags.endStream : 0;
    const isWhole = first.length === block.length;
    const flagBits = endStream | (isWhole ? flags.endHeaders : 0);
    this.#push(headOf(frameTypes.headers, flagBits, stream.id, first.length), first);
    for (let at = first.length; at < block.length; at += frameBytesMax) {
      const part = block.subarray(at, at + frameBytesMax);
      const end = at + part.length === block.length ? flags.endHeaders : 0;
      this.#push(headOf(frameTypes.continuation, end, stream.id, part.length), part);
    }
    if (!isLast) return;
    stream.hasEnded = true;
    if (stream.hasPeerEnded) this.#forget(stream);
    else {
      // What the client may still send is for nobody.
      this.#push(numbersFrame(frameTypes.reset, stream.id, errorCodes.none));
      this.#forget(stream);
    }
  }

  #reset(stream: StreamState, code: number): void {
    this.#push(numbersFrame(frameTypes.reset, stream.id, code));
    this.#drop(stream);
  }

  #drop(stream: StreamState | undefined): void {
    if (stream === undefined) return;
    this.#forget(stream);
    stream.handler?.closed();
  }

  #forget(stream: StreamState): void {
    stream.isClosed = true;
    stream.queue.length = 0;
    this.#sending.delete(stream);
    this.#streams.delete(stream.id);
  }

  #closeAll(): void {
    this.#hasEnded = true;
    for (const stream of this.#streams.values()) this.#drop(stream);
  }

  #push(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#out.push(part);
      this.#outBytes += part.length;
    }
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(() => {
      this.#flush();
    });
  }

  #flush(): void {
    const out = this.#out;
    const bytes = this.#outBytes;
    this.#isFlushing = false;
    if (bytes === 0) return;
    this.#out = [];
    this.#outBytes = 0;
    if (!this.#socket.writable) return;
    if (bytes <= joinBytesMax) {
      this.#socket.write(Buffer.concat(out, bytes));
      return;
    }
    this.#socket.cork();
    for (const part of out) this.#socket.write(part);
    this.#socket.uncork();
  }
}

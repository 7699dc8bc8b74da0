/** A server's end of one HTTP/2 connection: clients' streams, both sides' windows, no pushes or priorities. RFC 9113 */
import type { Socket } from "node:net";
import type { Clock } from "#base/clock.ts";
import {
  contentOf,
  errorCodes,
  flags,
  type Frame,
  FrameReader,
  frameTypes,
  Http2Error,
  initialWindowBytes,
  numbersFrame,
  preface,
  settings,
  settingsFrame,
  windowBytesMax,
} from "./frames.ts";
import { type Header, HpackDecoder, HpackError } from "./hpack.ts";
import { HeaderBlock } from "./header-block.ts";
import { checkFrame, checkSetting } from "./frame-rules.ts";
import { Outbox } from "./outbox.ts";
import { ResetBudget } from "./reset-budget.ts";
import { Sender } from "./sender.ts";
import { type Http2Stream, type StreamHandler, type StreamOwner, StreamState } from "./stream.ts";

/** What a client may send on one stream, and on all, before we have taken it. */
const streamWindowBytes = 2 ** 20;
const connectionWindowBytes = 16 * 2 ** 20;
/** Of answers too short to wait for a window: who goes on asking and reads none of them is left. */
const unreadBytesMax = 16 * 2 ** 20;
/** How long a client that was told goodbye may take to close. */
const lingerMs = 5000;
/** Answers to pings and settings that wait, while what was written before isn't read. */
const unreadMax = 10_000;
/** Streams beyond those that may be open that a client may try. */
const refusedMax = 100;

const nothing = Buffer.alloc(0);

const wrongWindow = (more: number): number => (more === 0 ? errorCodes.protocol : errorCodes.flowControl);

export interface Http2ConnectionOptions {
  readonly open: (stream: Http2Stream, headers: readonly Header[], isLast: boolean) => StreamHandler;
  readonly clock: Clock;
  /** Of one request's headers, as they are sent and as they are read. */
  readonly headerBytesMax: number;
  /** Open at once. Default 10,000. */
  readonly streamsMax?: number;
}

export class Http2Connection implements StreamOwner {
  readonly #socket: Socket;
  readonly #options: Http2ConnectionOptions;
  readonly #streamsMax: number;
  readonly #out: Outbox;
  readonly #reader = new FrameReader();
  readonly #decoder: HpackDecoder;
  readonly #streams = new Map<number, StreamState>();
  readonly #sender: Sender;
  /** Of the client's greeting, what is still to come. */
  #greeting: Buffer = preface;
  #lastStream = 0;
  /** A header block whose end hasn't come. */
  #block: HeaderBlock | undefined;
  #peerStreamWindow = initialWindowBytes;
  #receiveWindow = connectionWindowBytes;
  readonly #resets: ResetBudget;
  /** Its settings come before all else. */
  #hasSettings = false;
  #refused = 0;
  #unread = 0;
  #isLeaving = false;
  #hasEnded = false;
  /** When a stream was opened or ended last, as the clock's monotonic time. */
  usedAt: number;

  constructor(socket: Socket, options: Http2ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#streamsMax = options.streamsMax ?? 10_000;
    this.#out = new Outbox(socket, () => {
      this.#sender.pumpAll();
    });
    this.#sender = new Sender(this.#out, this.#endOurSide);
    this.#decoder = new HpackDecoder(options.headerBytesMax);
    this.#resets = new ResetBudget(options.clock);
    this.usedAt = options.clock.monotonic();
    socket.on("data", this.#receive);
    socket.on("end", this.#endSoon);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closeAll();
    });
    this.#out.push(
      settingsFrame([
        [settings.concurrentStreamsMax, this.#streamsMax],
        [settings.initialWindow, streamWindowBytes],
        [settings.headerBytesMax, options.headerBytesMax],
      ]),
    );
    this.#out.push(numbersFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - initialWindowBytes));
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** Tells the client, and ends what runs. */
  close(code: number = errorCodes.none): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#sayGoodbye(code);
    this.#out.flush();
    this.#closeAll();
    this.#endSoon();
  }

  /** Tells the client, takes no new streams, and ends when there are none left. */
  leave(): void {
    if (this.#hasEnded || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#sayGoodbye(errorCodes.none);
    this.#endWhenDone();
  }

  /** At once, and without a word. */
  destroy(): void {
    this.#hasEnded = true;
    this.#socket.destroy();
    this.#closeAll();
  }

  sendHeaders(stream: StreamState, block: Uint8Array, isLast: boolean): void {
    if (!stream.isClosed) this.#sender.headers(stream, block, isLast);
  }

  sendData(stream: StreamState, bytes: Uint8Array, isLast: boolean, taken: (() => void) | undefined): void {
    if (stream.isClosed) {
      taken?.();
      return;
    }
    this.#sender.data(stream, bytes, isLast, taken);
    if (this.#sender.isOverfull) this.close(errorCodes.enhanceYourCalm);
  }

  consumed(stream: StreamState, bytes: number): void {
    stream.owed += bytes;
    if (stream.isClosed || stream.hasPeerEnded || stream.owed < streamWindowBytes / 2) return;
    stream.receiveWindow += stream.owed;
    this.#out.push(numbersFrame(frameTypes.windowUpdate, stream.id, stream.owed));
    stream.owed = 0;
  }

  reset(stream: StreamState, code: number): void {
    if (stream.isClosed) return;
    this.#out.push(numbersFrame(frameTypes.reset, stream.id, code));
    this.#drop(stream);
  }

  #sayGoodbye(code: number): void {
    this.#out.push(numbersFrame(frameTypes.goAway, 0, this.#lastStream, code));
  }

  readonly #receive = (chunk: Buffer): void => {
    if (this.#hasEnded) return;
    if (this.#out.backlogBytes > unreadBytesMax) {
      this.close(errorCodes.enhanceYourCalm);
      return;
    }
    try {
      const rest = this.#greeting.length === 0 ? chunk : this.#greet(chunk);
      if (rest.length > 0) this.#reader.push(rest, this.#takeFrame);
    } catch (error) {
      if (error instanceof Http2Error) this.close(error.code);
      else if (error instanceof HpackError) this.close(errorCodes.compression);
      else throw error;
    }
  };

  #greet(chunk: Buffer): Buffer {
    const length = Math.min(chunk.length, this.#greeting.length);
    if (!this.#greeting.subarray(0, length).equals(chunk.subarray(0, length))) {
      throw new Http2Error(errorCodes.protocol, "this isn't HTTP/2");
    }
    this.#greeting = this.#greeting.subarray(length);
    return chunk.subarray(length);
  }

  readonly #takeFrame = (frame: Frame): void => {
    if (!this.#hasEnded) this.#take(frame);
  };

  #take(frame: Frame): void {
    const { type, stream } = frame;
    checkFrame(frame);
    if (!this.#hasSettings && type !== frameTypes.settings) {
      throw new Http2Error(errorCodes.protocol, "a client begins with its settings");
    }
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
        this.#block = new HeaderBlock(frame, this.#options.headerBytesMax);
        this.#takeBlock(frame, contentOf(frame));
        return;
      case frameTypes.continuation:
        this.#takeBlock(frame, frame.payload);
        return;
      case frameTypes.reset:
        this.#takeReset(frame);
        return;
      case frameTypes.settings:
        this.#takeSettings(frame);
        return;
      case frameTypes.ping:
        if ((frame.flags & flags.ack) === 0) this.#acknowledge(frameTypes.ping, frame.payload);
        return;
      case frameTypes.windowUpdate:
        this.#takeWindow(frame);
        return;
      default:
      // Priorities, a client's goodbye, and types that are not for us.
    }
  }

  /** Throws for a stream that was never opened. */
  #known(stream: number, what: string): void {
    if (this.#isLeaving && stream !== 0) return;
    if (stream % 2 === 0 || stream > this.#lastStream) {
      throw new Http2Error(errorCodes.protocol, `${what} for stream ${stream}, which isn't open`);
    }
  }

  #takeReset({ stream: id }: Frame): void {
    this.#known(id, "reset");
    const stream = this.#streams.get(id);
    if (stream?.hasBegun !== true && !this.#resets.take()) {
      throw new Http2Error(errorCodes.enhanceYourCalm, "too many resets");
    }
    this.#drop(stream);
  }

  #takeData(frame: Frame): void {
    const { length } = frame.payload;
    this.#known(frame.stream, "data");
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) throw new Http2Error(errorCodes.flowControl, "more data than was allowed");
    if (this.#receiveWindow < connectionWindowBytes / 2) {
      this.#out.push(numbersFrame(frameTypes.windowUpdate, 0, connectionWindowBytes - this.#receiveWindow));
      this.#receiveWindow = connectionWindowBytes;
    }
    const stream = this.#streams.get(frame.stream);
    if (stream === undefined) return;
    stream.receiveWindow -= length;
    if (stream.hasPeerEnded || stream.receiveWindow < 0) {
      this.reset(stream, stream.hasPeerEnded ? errorCodes.streamClosed : errorCodes.flowControl);
      return;
    }
    const content = contentOf(frame);
    if (content.length < length) this.consumed(stream, length - content.length);
    this.#deliver(stream, content, (frame.flags & flags.endStream) !== 0);
  }

  #deliver(stream: StreamState, content: Buffer, isLast: boolean): void {
    stream.hasPeerEnded = isLast;
    stream.handler?.data(content, isLast);
    if (isLast && stream.hasEnded && !stream.isClosed) this.#forget(stream);
  }

  #takeBlock(frame: Frame, content: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new Http2Error(errorCodes.protocol, "a continuation of nothing");
    const whole = block.add(frame, content);
    if (whole === undefined) return;
    this.#block = undefined;
    this.#takeHeaders(block.frame, this.#decoder.decode(whole));
  }

  #takeHeaders({ stream: id, flags: flagBits }: Frame, headers: readonly Header[]): void {
    const isLast = (flagBits & flags.endStream) !== 0;
    if (id % 2 === 0) throw new Http2Error(errorCodes.protocol, `clients can't open stream ${id}`);
    if (id <= this.#lastStream) {
      // Trailers, which mean nothing here; of a stream that is gone, they are late.
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      if (stream.hasPeerEnded) this.reset(stream, errorCodes.streamClosed);
      else if (!isLast || headers.some(({ name }) => name.startsWith(":"))) {
        this.reset(stream, errorCodes.protocol);
      } else this.#deliver(stream, nothing, true);
      return;
    }
    if (this.#isLeaving) return;
    this.#lastStream = id;
    if (this.#streams.size >= this.#streamsMax) {
      if (++this.#refused > refusedMax) throw new Http2Error(errorCodes.enhanceYourCalm, "too many streams");
      this.#out.push(numbersFrame(frameTypes.reset, id, errorCodes.refusedStream));
      return;
    }
    const stream = new StreamState(id, this, this.#peerStreamWindow, streamWindowBytes);
    stream.hasPeerEnded = isLast;
    this.#streams.set(id, stream);
    this.usedAt = this.#options.clock.monotonic();
    stream.handler = this.#options.open(stream, headers, isLast);
    stream.handler.opened?.();
  }

  #takeSettings({ flags: flagBits, payload }: Frame): void {
    if ((flagBits & flags.ack) !== 0) return;
    this.#hasSettings = true;
    for (let at = 0; at < payload.length; at += 6) {
      const id = payload.readUInt16BE(at);
      const value = payload.readUInt32BE(at + 2);
      checkSetting(id, value);
      if (id === settings.initialWindow) this.#setPeerWindow(value);
    }
    this.#acknowledge(frameTypes.settings, nothing);
    this.#sender.pumpAll();
  }

  #acknowledge(type: number, payload: Buffer): void {
    this.#unread = this.#socket.writableLength === 0 ? 0 : this.#unread + 1;
    if (this.#unread > unreadMax) throw new Http2Error(errorCodes.enhanceYourCalm, "answers aren't read");
    this.#out.frame(type, flags.ack, 0, payload);
  }

  #setPeerWindow(bytes: number): void {
    const more = bytes - this.#peerStreamWindow;
    this.#peerStreamWindow = bytes;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += more;
      if (stream.sendWindow > windowBytesMax) {
        throw new Http2Error(errorCodes.flowControl, `windows grow by ${more}`);
      }
    }
  }

  #takeWindow({ stream: id, payload }: Frame): void {
    const more = payload.readUInt32BE(0) & windowBytesMax;
    if (id === 0) {
      if (!this.#sender.grow(more) || more === 0) {
        throw new Http2Error(wrongWindow(more), `a window grows by ${more}`);
      }
      this.#sender.pumpAll();
      return;
    }
    this.#known(id, "a window");
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += more;
    if (more === 0 || stream.sendWindow > windowBytesMax) this.reset(stream, wrongWindow(more));
    else this.#sender.pump(stream);
  }

  /** What the client may still send is for whoever answers to decide about; without him it is for nobody. */
  readonly #endOurSide = (stream: StreamState): void => {
    const { handler, hasPeerEnded } = stream;
    if (hasPeerEnded) this.#forget(stream);
    else if (handler?.sent === undefined) {
      this.#out.push(numbersFrame(frameTypes.reset, stream.id, errorCodes.none));
      this.#forget(stream);
    }
    handler?.sent?.(hasPeerEnded);
  };

  #drop(stream: StreamState | undefined): void {
    if (stream === undefined) return;
    this.#forget(stream);
    stream.handler?.closed();
  }

  #forget(stream: StreamState): void {
    stream.isClosed = true;
    this.#sender.forget(stream);
    this.#streams.delete(stream.id);
    this.usedAt = this.#options.clock.monotonic();
    if (this.#isLeaving) this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.#streams.size > 0 || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#out.flush();
    this.#socket.end();
    this.#linger();
  }

  /** Once what was written is read. */
  readonly #endSoon = (): void => {
    this.#socket.destroySoon();
    if (!this.#socket.destroyed) this.#linger();
  };

  #linger(): void {
    const cancel = this.#options.clock.after(lingerMs, () => {
      this.#socket.destroy();
    });
    this.#socket.once("close", cancel);
  }

  #closeAll(): void {
    this.#hasEnded = true;
    for (const stream of this.#streams.values()) this.#drop(stream);
  }
}

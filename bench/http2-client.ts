/**
 * The load's side of HTTP/2, as far as benchmarks need it: one TLS connection with the windows of Go's client, frames made
 * by hand, answers counted and thrown away. Node's own client can't ask for more than 15,000 objects a second, and its
 * window of 64 KiB makes big answers wait for it. upstream: golang.org/x/net/http2/transport.go
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

export interface Http2Target {
  readonly port: number;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Http2Request {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
}

/**
 * Called for each answer: its head, its body piece by piece, its end. One of `end` and `fail` comes last. A piece is good
 * until the call returns.
 */
export interface AnswerReader {
  head(status: number): void;
  data(piece: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const types = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;
const settings = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4 } as const;
const cancelCode = 8;

const frameHeadBytes = 9;
/** What a peer takes that says nothing else. */
const frameBytesMax = 16_384;
const defaultWindow = 65_535;
const streamWindow = 4 << 20;
const connectionWindow = 1 << 30;
/** Windows are opened again after so much. */
const refreshBytes = 64 << 10;

/** The most that is read at once. */
const readBytes = 256 << 10;
const noBytes = Buffer.alloc(0);

interface Stream {
  readonly reader: AnswerReader;
  hasHead: boolean;
  /** Come since its window was opened last. */
  unannounced: number;
}

interface Waiting {
  readonly id: number;
  readonly body: Buffer;
}

export class Http2Client implements Disposable {
  readonly #socket: TLSSocket;
  readonly #authority: string;
  readonly #streams = new Map<number, Stream>();
  /** Request heads are the same again and again. */
  readonly #heads = new Map<string, Buffer>();
  #nextId = 1;
  /** The beginning of a frame that isn't data. */
  #rest: Buffer = noBytes;
  /** Of the data frame that is being read. */
  #dataId = 0;
  #dataLeft = 0;
  #isLastData = false;
  #out: Buffer[] = [];
  #isFlushing = false;
  #unannounced = 0;
  /** What the peer still takes, of all streams together. */
  #sendWindow = defaultWindow;
  #peerStreamWindow = defaultWindow;
  #waiting: Waiting[] = [];

  private constructor({ port, ca, cert, key }: Http2Target) {
    this.#authority = `127.0.0.1:${port}`;
    // What comes is looked at where it lies and forgotten: one buffer will do.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(readBytes),
      callback: (size: number, buffer: Uint8Array): boolean => this.#read(buffer as Buffer, size),
    };
    const options = { host: "127.0.0.1", port, ca, cert, key, ALPNProtocols: ["h2"], onread };
    const socket = connect(options);
    this.#socket = socket;
    socket.on("error", (error: Error) => {
      this.#failAll(error);
    });
    socket.on("close", () => {
      this.#failAll(new Error("the connection is closed"));
    });
  }

  static async connect(target: Http2Target): Promise<Http2Client> {
    const client = new Http2Client(target);
    const socket = client.#socket;
    await once(socket, "secureConnect");
    socket.setNoDelay(true);
    if (socket.alpnProtocol !== "h2") throw new Error(`the server speaks ${String(socket.alpnProtocol)}`);
    client.#write(Buffer.from(preface, "latin1"));
    // No dynamic table: the answers' heads can then be read without keeping one.
    client.#frame(
      types.settings,
      0,
      0,
      settingsOf(
        [settings.headerTableSize, 0],
        [settings.enablePush, 0],
        [settings.initialWindowSize, streamWindow],
      ),
    );
    client.#openWindow(0, connectionWindow - defaultWindow);
    return client;
  }

  /** Call what it returns to give up on the answer. */
  request(request: Http2Request, reader: AnswerReader): () => void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, { reader, hasHead: false, unannounced: 0 });
    const body = request.body === undefined ? undefined : Buffer.from(request.body, "utf8");
    const head = this.#headOf(request, body?.length);
    this.#frame(types.headers, flags.endHeaders | (body === undefined ? flags.endStream : 0), id, head);
    if (body !== undefined) this.#send({ id, body });
    return () => {
      if (!this.#streams.delete(id)) return;
      const code = Buffer.alloc(4);
      code.writeUInt32BE(cancelCode);
      this.#frame(types.reset, 0, id, code);
    };
  }

  [Symbol.dispose](): void {
    this.#streams.clear();
    this.#socket.destroy();
  }

  /** Bodies of benchmarks are small: one frame each, and never more than a stream's window. */
  #send(waiting: Waiting): void {
    const { id, body } = waiting;
    if (body.length > Math.min(frameBytesMax, this.#peerStreamWindow)) {
      throw new Error(`a body of ${body.length} bytes is more than a frame`);
    }
    if (body.length > this.#sendWindow || this.#waiting.length > 0) {
      this.#waiting.push(waiting);
      return;
    }
    this.#sendWindow -= body.length;
    this.#frame(types.data, flags.endStream, id, body);
  }

  #sendWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) this.#send(each);
  }

  #headOf(
    { method, path, contentType = "application/json" }: Http2Request,
    bodyBytes: number | undefined,
  ): Buffer {
    const key = `${method} ${path} ${contentType} ${bodyBytes ?? ""}`;
    let head = this.#heads.get(key);
    if (head === undefined) {
      const pairs: [name: string, value: string][] = [
        [":method", method],
        [":scheme", "https"],
        [":authority", this.#authority],
        [":path", path],
        ["accept", "application/json"],
        ["user-agent", "mini-k8s-bench"],
      ];
      if (bodyBytes !== undefined) {
        pairs.push(["content-type", contentType], ["content-length", String(bodyBytes)]);
      }
      head = Buffer.concat(pairs.flatMap(([name, value]) => [literalMark, textOf(name), textOf(value)]));
      if (this.#heads.size < 1000) this.#heads.set(key, head);
    }
    return head;
  }

  #frame(type: number, frameFlags: number, id: number, payload: Buffer): void {
    const head = Buffer.allocUnsafe(frameHeadBytes);
    head.writeUIntBE(payload.length, 0, 3);
    head[3] = type;
    head[4] = frameFlags;
    head.writeUInt32BE(id, 5);
    this.#write(head);
    this.#write(payload);
  }

  /** All of a turn goes out at once. */
  #write(bytes: Buffer): void {
    this.#out.push(bytes);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    process.nextTick(() => {
      this.#isFlushing = false;
      const out = this.#out;
      this.#out = [];
      if (this.#socket.writable) this.#socket.write(Buffer.concat(out));
    });
  }

  #openWindow(id: number, bytes: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(bytes);
    this.#frame(types.windowUpdate, 0, id, payload);
  }

  #read(buffer: Buffer, size: number): boolean {
    try {
      this.#take(buffer.subarray(0, size));
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
    return true;
  }

  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#dataLeft > 0) {
        const end = Math.min(chunk.length, at + this.#dataLeft);
        this.#dataLeft -= end - at;
        this.#onData(chunk.subarray(at, end));
        at = end;
      } else {
        at = this.#takeFrame(chunk, at);
      }
    }
  }

  /** A frame's head and, but for data, its payload. What isn't there yet is kept. Answers where it ends. */
  #takeFrame(chunk: Buffer, start: number): number {
    const kept = this.#rest;
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk.subarray(start)]);
    const at = kept.length === 0 ? start : 0;
    const isWhole = bytes.length - at >= frameHeadBytes;
    const length = isWhole ? bytes.readUIntBE(at, 3) : 0;
    const isData = isWhole && bytes[at + 3] === types.data;
    const end = at + frameHeadBytes + (isData ? 0 : length);
    if (!isWhole || end > bytes.length) {
      this.#rest = Buffer.from(bytes.subarray(at));
      return chunk.length;
    }
    this.#rest = noBytes;
    const frameFlags = bytes[at + 4] as number;
    const id = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
    if (isData) this.#beginData(frameFlags, id, length);
    else this.#onFrame(bytes[at + 3] as number, frameFlags, id, bytes.subarray(at + frameHeadBytes, end));
    return chunk.length - (bytes.length - end);
  }

  #onFrame(type: number, frameFlags: number, id: number, payload: Buffer): void {
    switch (type) {
      case types.headers:
        this.#onHeaders(frameFlags, id, payload);
        return;
      case types.settings:
        if ((frameFlags & flags.ack) === 0) this.#onSettings(payload);
        return;
      case types.ping:
        if ((frameFlags & flags.ack) === 0) this.#frame(types.ping, flags.ack, 0, payload);
        return;
      case types.windowUpdate:
        if (id !== 0) return;
        this.#sendWindow += payload.readUInt32BE(0);
        this.#sendWaiting();
        return;
      case types.reset: {
        const stream = this.#streams.get(id);
        this.#streams.delete(id);
        stream?.reader.fail(new Error(`the stream was reset with code ${payload.readUInt32BE(0)}`));
        return;
      }
      case types.goaway:
        this.#failAll(new Error(`the server goes away with code ${payload.readUInt32BE(4)}`));
        return;
      case types.continuation:
        throw new Error("a head in several frames");
      default:
    }
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) === settings.initialWindowSize) {
        this.#peerStreamWindow = payload.readUInt32BE(at + 2);
      }
    }
    this.#frame(types.settings, flags.ack, 0, noBytes);
  }

  #onHeaders(frameFlags: number, id: number, payload: Buffer): void {
    if ((frameFlags & flags.endHeaders) === 0) throw new Error("a head in several frames");
    const stream = this.#streams.get(id);
    if (stream !== undefined && !stream.hasHead) {
      stream.hasHead = true;
      stream.reader.head(statusOf(unpadded(frameFlags, payload)));
    }
    if ((frameFlags & flags.endStream) !== 0) this.#end(id);
  }

  #beginData(frameFlags: number, id: number, length: number): void {
    if ((frameFlags & flags.padded) !== 0) throw new Error("padded data");
    this.#dataId = id;
    this.#dataLeft = length;
    this.#isLastData = (frameFlags & flags.endStream) !== 0;
    if (length === 0 && this.#isLastData) this.#end(id);
  }

  #onData(piece: Buffer): void {
    const id = this.#dataId;
    this.#unannounced += piece.length;
    if (this.#unannounced >= refreshBytes) {
      this.#openWindow(0, this.#unannounced);
      this.#unannounced = 0;
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.reader.data(piece);
    if (this.#dataLeft === 0 && this.#isLastData) {
      this.#end(id);
      return;
    }
    stream.unannounced += piece.length;
    if (stream.unannounced < refreshBytes) return;
    this.#openWindow(id, stream.unannounced);
    stream.unannounced = 0;
  }

  #end(id: number): void {
    const stream = this.#streams.get(id);
    this.#streams.delete(id);
    stream?.reader.end();
  }

  #failAll(error: Error): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const { reader } of streams) reader.fail(error);
  }
}

function settingsOf(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * pairs.length);
  pairs.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  });
  return payload;
}

/** HPACK: a header by name and value that the table isn't told of. */
const literalMark = Buffer.from([0x00]);

/** HPACK: a text as it is, its length in 7 bits or more. */
function textOf(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let left = bytes.length - 127;
  for (; left >= 128; left >>>= 7) length.push((left & 0x7f) | 0x80);
  length.push(left);
  return Buffer.concat([Buffer.from(length), bytes]);
}

function unpadded(frameFlags: number, payload: Buffer): Buffer {
  const isPadded = (frameFlags & flags.padded) !== 0;
  const start = (isPadded ? 1 : 0) + ((frameFlags & flags.priority) === 0 ? 0 : 5);
  return start === 0 ? payload : payload.subarray(start, payload.length - (isPadded ? (payload[0] ?? 0) : 0));
}

/** Entries 8 to 14 of HPACK's static table. */
const staticStatuses = [200, 204, 206, 304, 400, 404, 500];

/** The status comes first in a head. upstream: RFC 7541, 6.1 to 6.3 */
function statusOf(head: Buffer): number {
  let at = 0;
  // The table is made as small as we wanted it.
  while (((head[at] ?? 0) & 0xe0) === 0x20) at += 1;
  const mark = head[at] ?? 0;
  const known = mark >= 0x88 && mark <= 0x8e ? staticStatuses[mark - 0x88] : undefined;
  if (known !== undefined) return known;
  const name = (mark & 0xc0) === 0x40 ? mark & 0x3f : mark & 0x0f;
  const length = head[at + 1] ?? 0;
  const value = head.subarray(at + 2, at + 2 + (length & 0x7f));
  if (name < 8 || name > 14) throw new Error(`a head begins with ${head.subarray(0, 8).toString("hex")}`);
  return Number((length & 0x80) === 0 ? value.toString("latin1") : digitsOf(value));
}

/** Huffman's code for digits: 0 to 2 have five bits, 3 to 9 have six. upstream: RFC 7541, appendix B */
function digitsOf(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  while (bits.length >= 5 && !/^1+$/.test(bits)) {
    const short = Number.parseInt(bits.slice(0, 5), 2);
    const size = short <= 2 ? 5 : 6;
    digits += String(size === 5 ? short : Number.parseInt(bits.slice(0, 6), 2) - 0x19 + 3);
    bits = bits.slice(size);
  }
  return digits;
}

/** Header blocks of SPDY/3: names and values with their lengths, compressed as one stream per direction. */
import { constants, createInflate, type Inflate } from "node:zlib";
import { headerDictionary } from "./dictionary.ts";
import { SpdyProtocolError } from "./frames.ts";

/** Names in lower case. */
export type SpdyHeaders = ReadonlyMap<string, string>;

const expandedMax = 64 << 10;
const countMax = 100;
/**
 * An empty stored block, as zlib's sync flush ends with. Go's reader hands out a block only when the next one has
 * begun: without this it runs into the end of the frame, and the following header block fails.
 */
const flushMark = Buffer.from([0, 0, 0, 0xff, 0xff]);

/**
 * Writes header blocks uncompressed inside the zlib stream: a few bytes more on the wire, no state, no waiting.
 * One per session: the first block carries the stream's head.
 */
export class HeaderWriter {
  #isFirst = true;

  encode(headers: Iterable<readonly [string, string]>): Buffer {
    const pairs = [...headers];
    const parts: Buffer[] = [uint32(pairs.length)];
    for (const [name, value] of pairs) parts.push(...textParts(name.toLowerCase()), ...textParts(value));
    const plain = Buffer.concat(parts);
    const head = this.#isFirst ? Buffer.from([0x78, 0x01]) : Buffer.alloc(0);
    this.#isFirst = false;
    // Deflate's stored block: type 00, length, its complement. At most 65,535 bytes, far above any header block here.
    const block = Buffer.alloc(5);
    block.writeUInt16LE(plain.length, 1);
    block.writeUInt16LE(~plain.length & 0xffff, 3);
    return Buffer.concat([head, block, plain, flushMark]);
  }
}

/** Reads header blocks; blocks must come in the order they were received, one at a time. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({
    dictionary: headerDictionary(),
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #chunks: Buffer[] = [];
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
    });
    this.#inflate.on("error", (error) => {
      this.#failure = error;
    });
  }

  /** Throws SpdyProtocolError, or another error when it was closed meanwhile. */
  async decode(block: Buffer): Promise<SpdyHeaders> {
    const written = Promise.withResolvers<void>();
    const onEnd = (): void => {
      written.resolve();
    };
    // A write whose stream is destroyed meanwhile calls nobody back.
    for (const event of ["error", "close"]) this.#inflate.once(event, onEnd);
    this.#inflate.write(block, onEnd);
    await written.promise;
    // What the write has yielded is handed out by the end of this turn of the event loop.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    for (const event of ["error", "close"]) this.#inflate.off(event, onEnd);
    if (this.#failure !== undefined) {
      throw new SpdyProtocolError("header block can't be expanded", { cause: this.#failure });
    }
    if (this.#inflate.destroyed) throw new Error("the SPDY connection was closed");
    const plain = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return parseHeaders(plain);
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parseHeaders(plain: Buffer): SpdyHeaders {
  if (plain.length > expandedMax) throw new SpdyProtocolError(`header block of ${plain.length} bytes`);
  let at = 0;
  const readLength = (): number => {
    if (at + 4 > plain.length) throw new SpdyProtocolError("header block ends early");
    at += 4;
    return plain.readUInt32BE(at - 4);
  };
  const readText = (): string => {
    const length = readLength();
    if (at + length > plain.length) throw new SpdyProtocolError("header block ends early");
    at += length;
    return plain.toString("utf8", at - length, at);
  };
  const count = readLength();
  if (count > countMax) throw new SpdyProtocolError(`${count} headers, at most ${countMax} are allowed`);
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = readText().toLowerCase();
    // Several values of one name are joined by NUL; the first one counts.
    headers.set(name, readText().split("\0", 1)[0] ?? "");
  }
  return headers;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function textParts(text: string): Buffer[] {
  const bytes = Buffer.from(text, "utf8");
  return [uint32(bytes.length), bytes];
}

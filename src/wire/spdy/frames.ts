/** SPDY/3.1 frames as bytes. SPDY protocol draft 3.1, section 2.2 and 2.6. Header blocks stay compressed here. */

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const flagFin = 0x01;
export const initialWindowSetting = 7;

export type Frame =
  | { readonly kind: "data"; readonly stream: number; readonly isLast: boolean; readonly data: Buffer }
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly body: Buffer };

/** The peer breaks the protocol: the connection can't go on. */
export class SpdyProtocolError extends Error {
  override readonly name = "SpdyProtocolError";
  readonly code = "SPDY_PROTOCOL";
}

const headLength = 8;
/** Peers of this protocol write 32 KiB at a time; more than this is no frame but an attack. */
const dataMax = 4 << 20;
const controlMax = 64 << 10;

/** Cuts what arrives into frames, whatever the pieces it arrives in. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #size = 0;

  /** Throws SpdyProtocolError for a frame that is too long or of another version. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#size < headLength) return frames;
      const head = this.#peek();
      const isControl = (head.readUInt8(0) & 0x80) !== 0;
      const length = head.readUIntBE(5, 3);
      checkHead(head, isControl, length);
      if (this.#size < headLength + length) return frames;
      const frame = this.#take(headLength + length);
      frames.push(isControl ? controlFrame(frame) : dataFrame(frame));
    }
  }

  /** The first chunk, joined with the next ones until it holds a whole head. */
  #peek(): Buffer {
    let first = this.#chunks[0] ?? Buffer.alloc(0);
    if (first.length < headLength) {
      first = Buffer.concat(this.#chunks);
      this.#chunks = [first];
    }
    return first;
  }

  #take(length: number): Buffer {
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const left = all.subarray(length);
    this.#chunks = left.length === 0 ? [] : [left];
    this.#size = left.length;
    return all.subarray(0, length);
  }
}

function checkHead(head: Buffer, isControl: boolean, length: number): void {
  const max = isControl ? controlMax : dataMax;
  if (length > max) throw new SpdyProtocolError(`frame of ${length} bytes, at most ${max} are allowed`);
  const version = head.readUInt16BE(0) & 0x7fff;
  if (isControl && version !== 3) throw new SpdyProtocolError(`frame of SPDY version ${version}, not 3`);
}

const dataFrame = (frame: Buffer): Frame => ({
  kind: "data",
  stream: frame.readUInt32BE(0) & 0x7fffffff,
  isLast: (frame.readUInt8(4) & flagFin) !== 0,
  data: frame.subarray(headLength),
});

const controlFrame = (frame: Buffer): Frame => ({
  kind: "control",
  type: frame.readUInt16BE(2),
  flags: frame.readUInt8(4),
  body: frame.subarray(headLength),
});

export function encodeControl(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

/** The head only: the data follows as it is. */
export function encodeDataHead(stream: number, isLast: boolean, length: number): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(stream, 0);
  head.writeUInt8(isLast ? flagFin : 0, 4);
  head.writeUIntBE(length, 5, 3);
  return head;
}

export function uint32s(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) buffer.writeUInt32BE(value, 4 * at);
  return buffer;
}

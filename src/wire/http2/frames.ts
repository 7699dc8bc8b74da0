/** HTTP/2's frames as bytes. RFC 9113, sections 4 and 6. */

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const settings = {
  enablePush: 2,
  concurrentStreamsMax: 3,
  initialWindow: 4,
  frameBytesMax: 5,
  headerBytesMax: 6,
} as const;

export const errorCodes = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
export const headBytes = 9;
/** What both sides begin with; we never allow more. */
export const frameBytesMax = 16 * 1024;
export const initialWindowBytes = 65_535;
export const windowBytesMax = 2 ** 31 - 1;

/** The peer breaks the protocol: the connection ends with `code`, one of errorCodes. */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** A view of what was received. */
  readonly payload: Buffer;
}

const nothing = Buffer.alloc(0);

/** Cuts what arrives into frames, whatever the pieces it arrives in. */
export class FrameReader {
  #rest: Buffer = nothing;

  /** Throws Http2Error for a frame that is too long. */
  push(chunk: Buffer, onFrame: (frame: Frame) => void): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const length = bytes.readUIntBE(at, 3);
      if (length > frameBytesMax) {
        throw new Http2Error(errorCodes.frameSize, `a frame of ${length} bytes, allowed ${frameBytesMax}`);
      }
      const end = at + headBytes + length;
      if (end > bytes.length) break;
      onFrame({
        type: bytes[at + 3] ?? 0,
        flags: bytes[at + 4] ?? 0,
        stream: bytes.readUInt32BE(at + 5) & 0x7f_ff_ff_ff,
        payload: bytes.subarray(at + headBytes, end),
      });
      at = end;
    }
    this.#rest = at === bytes.length ? nothing : bytes.subarray(at);
  }
}

/** A frame's head. */
export function headOf(type: number, flagBits: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  writeHead(head, 0, { type, flags: flagBits, stream, length });
  return head;
}

export function writeHead(
  into: Buffer,
  at: number,
  head: { readonly type: number; readonly flags: number; readonly stream: number; readonly length: number },
): void {
  into[at] = head.length >>> 16;
  into[at + 1] = (head.length >>> 8) & 0xff;
  into[at + 2] = head.length & 0xff;
  into[at + 3] = head.type;
  into[at + 4] = head.flags;
  into.writeUInt32BE(head.stream, at + 5);
}

/** A frame whose payload is whole numbers of 32 bits. */
export function numbersFrame(type: number, stream: number, ...numbers: readonly number[]): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + 4 * numbers.length);
  writeHead(frame, 0, { type, flags: 0, stream, length: 4 * numbers.length });
  for (const [index, number] of numbers.entries()) frame.writeUInt32BE(number, headBytes + 4 * index);
  return frame;
}

export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + 6 * values.length);
  writeHead(frame, 0, { type: frameTypes.settings, flags: 0, stream: 0, length: 6 * values.length });
  for (const [index, [id, value]] of values.entries()) {
    frame.writeUInt16BE(id, headBytes + 6 * index);
    frame.writeUInt32BE(value, headBytes + 6 * index + 2);
  }
  return frame;
}

/** Without its padding, and of a HEADERS frame without its priority. Throws Http2Error. */
export function contentOf({ flags: flagBits, payload, type }: Frame): Buffer {
  const isPadded = (flagBits & flags.padded) !== 0;
  const padding = isPadded ? (payload[0] ?? 0) : 0;
  const hasPriority = type === frameTypes.headers && (flagBits & flags.priority) !== 0;
  const start = (isPadded ? 1 : 0) + (hasPriority ? 5 : 0);
  const end = payload.length - padding;
  if (end < start) throw new Http2Error(errorCodes.protocol, "a frame is shorter than its padding");
  return start === 0 && end === payload.length ? payload : payload.subarray(start, end);
}

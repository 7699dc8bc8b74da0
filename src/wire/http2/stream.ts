/** One stream of a connection, as whoever answers it sees it. */

/** What becomes of a stream. */
export interface StreamHandler {
  /** Once, before all others. */
  readonly opened?: () => void;
  /** A view, valid until this returns. `isLast`: the client sends no more. */
  readonly data: (bytes: Buffer, isLast: boolean) => void;
  /** The client gave up, we reset it, or the connection has ended; not called when both sides have ended. */
  readonly closed: () => void;
  /** The stream was full and isn't any more. */
  readonly hasRoom: () => void;
  /** Our side has ended, and all of it has gone out. `isOver`: the client's has, too. */
  readonly sent?: (isOver: boolean) => void;
}

export interface Http2Stream {
  readonly isClosed: boolean;
  /** Better wait for `hasRoom` before more. */
  readonly isFull: boolean;
  /** A block, free when this returns; `isLast` ends our side, after all data. */
  readonly sendHeaders: (block: Uint8Array, isLast: boolean) => void;
  /** `isLast` ends our side. `taken` is called when the bytes' memory is free again. */
  readonly sendData: (bytes: Uint8Array, isLast?: boolean, taken?: () => void) => void;
  /** So many bytes of data have been taken: the client may send as many more. */
  readonly consumed: (bytes: number) => void;
  /** `code`: one of errorCodes. */
  readonly reset: (code: number) => void;
}

interface Chunk {
  bytes: Uint8Array;
  readonly taken: (() => void) | undefined;
}

export interface StreamOwner {
  sendHeaders(stream: StreamState, block: Uint8Array, isLast: boolean): void;
  sendData(stream: StreamState, bytes: Uint8Array, isLast: boolean, taken: (() => void) | undefined): void;
  consumed(stream: StreamState, bytes: number): void;
  reset(stream: StreamState, code: number): void;
}

/** A stream with more than this in its queue is full. */
const queueBytesMax = 64 * 1024;

export class StreamState implements Http2Stream {
  readonly id: number;
  readonly #owner: StreamOwner;
  handler: StreamHandler | undefined;
  sendWindow: number;
  receiveWindow: number;
  /** Taken, and not yet given back to the client's window. */
  owed = 0;
  /** What waits for a window. */
  readonly queue: Chunk[] = [];
  queuedBytes = 0;
  /** It was full when something was sent: who sends may wait. */
  isHeldUp = false;
  /** The queue's end is our side's, with these headers or without any. */
  isEnding = false;
  trailers: Uint8Array | undefined;
  /** Its answer's head is out. */
  hasBegun = false;
  hasEnded = false;
  hasPeerEnded = false;
  isClosed = false;

  constructor(id: number, owner: StreamOwner, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.#owner = owner;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  get isFull(): boolean {
    return this.queuedBytes > queueBytesMax;
  }

  sendHeaders(block: Uint8Array, isLast: boolean): void {
    this.#owner.sendHeaders(this, block, isLast);
  }

  sendData(bytes: Uint8Array, isLast = false, taken?: () => void): void {
    this.#owner.sendData(this, bytes, isLast, taken);
  }

  consumed(bytes: number): void {
    this.#owner.consumed(this, bytes);
  }

  reset(code: number): void {
    this.#owner.reset(this, code);
  }

  dropQueue(): void {
    for (const { taken } of this.queue.splice(0)) taken?.();
    this.queuedBytes = 0;
  }
}

/** What streams have to say, as far as the client's windows, and what it has read so far, allow: one frame of each by turns. */
import { assert } from "#base/assert.ts";
import { flags, frameBytesMax, frameTypes, initialWindowBytes, windowBytesMax } from "./frames.ts";
import type { Outbox } from "./outbox.ts";
import type { StreamState } from "./stream.ts";

/** Written, and not yet taken by the system: from here on streams wait. Long bodies, which Node would copy, wait for all. */
const backlogBytesMax = 2 ** 20;
/** Queued for all streams together: a client that asks for more and reads nothing is left. upstream: maxSessionMemory of Node */
const queuedBytesMax = 256 * 2 ** 20;

export class Sender {
  readonly #out: Outbox;
  readonly #ended: (stream: StreamState) => void;
  /** Those with data that waits. */
  readonly #waiting = new Set<StreamState>();
  #window = initialWindowBytes;
  #queuedBytes = 0;

  /** `ended` is called when all of our side of a stream has gone out. */
  constructor(out: Outbox, ended: (stream: StreamState) => void) {
    this.#out = out;
    this.#ended = ended;
  }

  get isOverfull(): boolean {
    return this.#queuedBytes > queuedBytesMax;
  }

  headers(stream: StreamState, block: Uint8Array, isLast: boolean): void {
    assert(!stream.hasEnded && !stream.isEnding, `headers after the end of stream ${stream.id}`);
    if (isLast && stream.queue.length > 0) {
      stream.isEnding = true;
      stream.trailers = Uint8Array.from(block);
    } else this.#pushHeaders(stream, block, isLast);
  }

  data(stream: StreamState, bytes: Uint8Array, isLast: boolean, taken: (() => void) | undefined): void {
    assert(!stream.hasEnded && !stream.isEnding, `data after the end of stream ${stream.id}`);
    stream.queue.push({ bytes, taken });
    stream.queuedBytes += bytes.length;
    this.#queuedBytes += bytes.length;
    stream.isEnding = isLast;
    this.pump(stream);
    stream.isHeldUp = stream.isFull;
  }

  /** The client takes so many bytes more, of all streams together. False: more than there can be. */
  grow(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= windowBytesMax;
  }

  pumpAll(): void {
    let left = this.#waiting.size;
    for (const stream of this.#waiting) {
      if (left-- === 0) return;
      this.pump(stream);
    }
  }

  /** Sends what windows and backlog allow. */
  pump(stream: StreamState): void {
    const { queue } = stream;
    let hasSent = false;
    for (let chunk = queue[0]; chunk !== undefined; chunk = queue[0]) {
      const { length } = chunk.bytes;
      const allowed = this.#allowed(stream);
      if (allowed < Math.min(length, 1)) {
        // Now the others have their turn.
        if (hasSent) this.#waiting.delete(stream);
        this.#waiting.add(stream);
        this.#tellRoom(stream);
        return;
      }
      const isWhole = length <= allowed;
      if (isWhole) queue.shift();
      const isEnd = isWhole && queue.length === 0 && stream.isEnding && stream.trailers === undefined;
      this.#pushData(stream, isWhole ? chunk.bytes : chunk.bytes.subarray(0, allowed), isEnd);
      hasSent = true;
      if (isWhole) chunk.taken?.();
      else chunk.bytes = chunk.bytes.subarray(allowed);
    }
    this.#waiting.delete(stream);
    const { trailers } = stream;
    if (trailers !== undefined) {
      stream.trailers = undefined;
      this.#pushHeaders(stream, trailers, true);
    } else if (stream.isEnding) this.#end(stream);
    else this.#tellRoom(stream);
  }

  /** Nothing more goes out of it. */
  forget(stream: StreamState): void {
    this.#queuedBytes -= stream.queuedBytes;
    stream.dropQueue();
    this.#waiting.delete(stream);
  }

  /** How many bytes of it may go out in one frame; below 0: not even an empty one. */
  #allowed(stream: StreamState): number {
    const isLong = stream.queuedBytes > frameBytesMax;
    const mustWait = this.#out.backlogBytes > backlogBytesMax || (isLong && this.#out.isWriting);
    return mustWait ? -1 : Math.max(0, Math.min(stream.sendWindow, this.#window, frameBytesMax));
  }

  #tellRoom(stream: StreamState): void {
    if (!stream.isHeldUp || stream.isFull) return;
    stream.isHeldUp = false;
    stream.handler?.hasRoom();
  }

  #pushData(stream: StreamState, bytes: Uint8Array, isEnd: boolean): void {
    const { length } = bytes;
    stream.queuedBytes -= length;
    this.#queuedBytes -= length;
    stream.sendWindow -= length;
    this.#window -= length;
    this.#out.frame(frameTypes.data, isEnd ? flags.endStream : 0, stream.id, bytes);
  }

  #pushHeaders(stream: StreamState, block: Uint8Array, isLast: boolean): void {
    stream.hasBegun = true;
    this.#out.headers(stream.id, block, isLast);
    if (isLast) this.#end(stream);
  }

  #end(stream: StreamState): void {
    stream.hasEnded = true;
    this.#ended(stream);
  }
}

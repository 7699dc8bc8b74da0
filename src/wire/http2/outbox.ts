/**
 * What goes out on one connection: frames, copied into few pieces of memory that go round, each written at once. What was
 * handed over is free when a call returns. What comes within one turn of the event loop goes out together.
 */
import type { Socket } from "node:net";
import { flags, frameBytesMax, frameTypes, headBytes, writeHead } from "./frames.ts";

/** Of `bytes` each, of which `idleMax` are kept for all connections. */
interface Slabs {
  readonly bytes: number;
  readonly idleMax: number;
  readonly idle: Buffer[];
}

const slabsOf = (bytes: number, idleMax: number): Slabs => ({ bytes, idleMax, idle: [] });
const usual = slabsOf(64 << 10, 16);
/** Of full frames: what encrypts them takes as much time for a few as for one. */
const large = slabsOf(16 * (headBytes + frameBytesMax), 3);
const noPayload = new Uint8Array(0);

export class Outbox {
  readonly #socket: Socket;
  readonly #taken: () => void;
  #slabs = usual;
  #slab: Buffer | undefined;
  #used = 0;
  #isScheduled = false;
  #writes = 0;

  /** `taken` is called whenever the system has taken something. */
  constructor(socket: Socket, taken: () => void) {
    this.#socket = socket;
    this.#taken = taken;
  }

  /** Not yet taken by the system. */
  get backlogBytes(): number {
    return this.#used + this.#socket.writableLength;
  }

  /** Something was written that `taken` hasn't been called for. */
  get isWriting(): boolean {
    return this.#writes > 0;
  }

  frame(type: number, flagBits: number, stream: number, payload: Uint8Array = noPayload): void {
    const { length } = payload;
    const slab = this.#slabFor(headBytes + length);
    writeHead(slab, this.#used, { type, flags: flagBits, stream, length });
    this.#used += headBytes;
    slab.set(payload, this.#used);
    this.#used += length;
    this.#schedule();
  }

  /** In as many frames as it takes. */
  headers(stream: number, block: Uint8Array, isLast: boolean): void {
    const first = block.length <= frameBytesMax ? block : block.subarray(0, frameBytesMax);
    const endStream = isLast ? flags.endStream : 0;
    const isWhole = first === block;
    this.frame(frameTypes.headers, endStream | (isWhole ? flags.endHeaders : 0), stream, first);
    for (let at = first.length; at < block.length; at += frameBytesMax) {
      const part = block.subarray(at, at + frameBytesMax);
      const end = at + part.length === block.length ? flags.endHeaders : 0;
      this.frame(frameTypes.continuation, end, stream, part);
    }
  }

  /** A whole frame. */
  push(frame: Uint8Array): void {
    this.#slabFor(frame.length).set(frame, this.#used);
    this.#used += frame.length;
    this.#schedule();
  }

  /** Now, not at the end of the turn. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const slab = this.#slab;
    if (slab === undefined || this.#used === 0) return;
    const bytes = slab.subarray(0, this.#used);
    const { idle, idleMax } = this.#slabs;
    this.#slab = undefined;
    this.#used = 0;
    this.#writes++;
    this.#socket.write(bytes, (error) => {
      this.#writes--;
      if (idle.length < idleMax) idle.push(slab);
      if (error === null || error === undefined) this.#taken();
    });
  };

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.flush);
  }

  /** With room for so many bytes: at most a frame. */
  #slabFor(bytes: number): Buffer {
    if (this.#slab !== undefined && this.#slab.length - this.#used < bytes) {
      const isScheduled = this.#isScheduled;
      this.flush();
      this.#isScheduled = isScheduled;
    }
    if (this.#slab === undefined) {
      this.#slabs = bytes < frameBytesMax ? usual : large;
      this.#slab = this.#slabs.idle.pop() ?? Buffer.allocUnsafeSlow(this.#slabs.bytes);
    }
    return this.#slab;
  }
}

/**
 * What goes out on one connection: frames, copied into few pieces of memory that go round, each written at once. What was
 * handed over is free when a call returns. What comes within one turn of the event loop goes out together.
 */
import type { Socket } from "node:net";
import { headBytes, writeHead } from "./frames.ts";

const slabBytes = 64 << 10;
/** So many are kept, for all connections. */
const idleMax = 16;
const idle: Buffer[] = [];
const noPayload = new Uint8Array(0);

export class Outbox {
  readonly #socket: Socket;
  #slab: Buffer | undefined;
  #used = 0;
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Not yet taken by the system. */
  get backlogBytes(): number {
    return this.#used + this.#socket.writableLength;
  }

  frame(type: number, flags: number, stream: number, payload: Uint8Array = noPayload): void {
    const { length } = payload;
    const slab = this.#slabFor(headBytes);
    writeHead(slab, this.#used, { type, flags, stream, length });
    this.#used += headBytes;
    this.#copy(payload);
    this.#schedule();
  }

  /** A whole frame. */
  push(frame: Uint8Array): void {
    this.#copy(frame);
    this.#schedule();
  }

  /** Now, not at the end of the turn. */
  readonly flush = (): void => {
    this.#isScheduled = false;
    const slab = this.#slab;
    if (slab === undefined || this.#used === 0) return;
    const bytes = slab.subarray(0, this.#used);
    this.#slab = undefined;
    this.#used = 0;
    this.#socket.write(bytes, () => {
      if (idle.length < idleMax) idle.push(slab);
    });
  };

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.flush);
  }

  #slabFor(bytes: number): Buffer {
    if (this.#slab !== undefined && slabBytes - this.#used < bytes) {
      const isScheduled = this.#isScheduled;
      this.flush();
      this.#isScheduled = isScheduled;
    }
    this.#slab ??= idle.pop() ?? Buffer.allocUnsafeSlow(slabBytes);
    return this.#slab;
  }

  #copy(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const slab = this.#slabFor(1);
      const count = Math.min(bytes.length - at, slabBytes - this.#used);
      slab.set(count === bytes.length ? bytes : bytes.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
    }
  }
}

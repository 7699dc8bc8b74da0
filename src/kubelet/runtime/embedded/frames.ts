/** The shim's messages: type (1 byte), length (4 bytes, big-endian), payload. See scripts/shim/serve.h. */
import type { Readable, Writable } from "node:stream";
import { assert } from "#base/assert.ts";

export const toShim = { stdin: 0, stdinEnd: 1, resize: 2, signal: 3, reopenLog: 4, listen: 5 } as const;
export const fromShim = { stdout: 1, stderr: 2, exit: 3, started: 4, failed: 5, logReopened: 6 } as const;

const headerBytes = 5;
/** The shim takes 64 KiB a frame; half of it leaves it room for others. */
export const stdinFrameMax = 32 * 1024;

export function encodeFrame(type: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32BE(payload.length, 1);
  payload.copy(frame, headerBytes);
  return frame;
}

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (data.length >= headerBytes) {
      const end = headerBytes + data.readUInt32BE(1);
      if (data.length < end) break;
      frames.push({ type: data.readUInt8(0), payload: data.subarray(headerBytes, end) });
      data = data.subarray(end);
    }
    this.#rest = Buffer.from(data);
    return frames;
  }
}

export interface ShimEvents {
  /** False asks for no more until `resume`. */
  onOutput?: (stream: "stdout" | "stderr", chunk: Buffer) => boolean;
  onStarted?: (pid: number) => void;
  onFailed?: () => void;
  onExit?: (code: number) => void;
  onLogReopened?: () => void;
  /** Nothing more comes. */
  onClose?: () => void;
}

/** A conversation with a shim over its socket, or over the pipes of an exec. */
export class ShimConnection {
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #decoder = new FrameDecoder();
  readonly #events: ShimEvents;
  #isClosed = false;

  constructor(readable: Readable, writable: Writable, events: ShimEvents) {
    this.#readable = readable;
    this.#writable = writable;
    this.#events = events;
    readable.on("data", (chunk: Buffer) => {
      for (const frame of this.#decoder.push(chunk)) this.#take(frame);
    });
    // An error is followed by close; the writing half may fail when the shim has ended.
    readable.on("error", () => undefined);
    writable.on("error", () => undefined);
    readable.once("close", () => {
      this.#isClosed = true;
      events.onClose?.();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls back once the data is on its way. */
  send(type: number, payload: Buffer = Buffer.alloc(0), onSent?: () => void): void {
    this.#writable.write(encodeFrame(type, payload), () => onSent?.());
  }

  signal(number: number): void {
    this.send(toShim.signal, Buffer.from([number]));
  }

  resize(size: { readonly width: number; readonly height: number }): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt16BE(Math.min(size.width, 65_535), 0);
    payload.writeUInt16BE(Math.min(size.height, 65_535), 2);
    this.send(toShim.resize, payload);
  }

  resume(): void {
    this.#readable.resume();
  }

  close(): void {
    this.#writable.destroy();
    this.#readable.destroy();
  }

  #take({ type, payload }: Frame): void {
    const events = this.#events;
    switch (type) {
      case fromShim.stdout:
      case fromShim.stderr: {
        const wantsMore = events.onOutput?.(
          type === fromShim.stdout ? "stdout" : "stderr",
          Buffer.from(payload),
        );
        if (wantsMore === false) this.#readable.pause();
        return;
      }
      case fromShim.exit:
        events.onExit?.(payload.readUInt32BE(0));
        return;
      case fromShim.started:
        events.onStarted?.(payload.readUInt32BE(0));
        return;
      case fromShim.failed:
        events.onFailed?.();
        return;
      case fromShim.logReopened:
        events.onLogReopened?.();
        return;
      default:
        assert(false, `the shim sent a frame of type ${type}`);
    }
  }
}

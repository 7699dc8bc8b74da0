/** A header block that comes in several frames. What it may take before its end is bounded. */
import { errorCodes, flags, type Frame, Http2Error } from "./frames.ts";

/** For which a block of 1 MiB has room. */
const framesMax = 128;

export class HeaderBlock {
  /** The one that it began with. */
  readonly frame: Frame;
  readonly #bytesMax: number;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(frame: Frame, bytesMax: number) {
    this.frame = frame;
    this.#bytesMax = bytesMax;
  }

  /** The whole block, if this is its end: a view, where it came in one frame. Throws Http2Error. */
  add(frame: Frame, content: Buffer): Buffer | undefined {
    this.#bytes += content.length;
    if (this.#bytes > this.#bytesMax || this.#parts.length === framesMax) {
      throw new Http2Error(errorCodes.enhanceYourCalm, "headers are too long");
    }
    const isWhole = (frame.flags & flags.endHeaders) !== 0;
    if (isWhole && this.#parts.length === 0) return content;
    // What was received may be overwritten by what comes next.
    this.#parts.push(isWhole ? content : Buffer.from(content));
    return isWhole ? Buffer.concat(this.#parts) : undefined;
  }
}

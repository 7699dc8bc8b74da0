/**
 * Writing big and long answers: in chunks, waiting for the client, giving up on one that doesn't read.
 * On an HTTP/2 connection whose client is gone without a word, blocked writes are the only sign: after a while the
 * connection itself is destroyed, or its watches would stay for ever.
 */
import type { Clock } from "#base/clock.ts";
import { ClientGoneError, type Exchange, type HeaderPairs } from "./exchange.ts";

/** How long one write may wait for the client. */
const drainMaxMs = 60_000;

export class BodyWriter {
  readonly #exchange: Exchange;
  readonly #clock: Clock;

  constructor(exchange: Exchange, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** Undefined when more may be written at once; otherwise resolves then. Throws ClientGoneError. */
  write(chunk: Uint8Array, done?: (error?: Error | null) => void): Promise<void> | undefined {
    if (this.#exchange.isOver) throw new ClientGoneError();
    return this.#exchange.write(chunk, done) ? undefined : this.#drained();
  }

  end(trailers?: HeaderPairs): void {
    if (!this.#exchange.isOver) this.#exchange.end(trailers);
  }

  #drained(): Promise<void> {
    const exchange = this.#exchange;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        cancel();
        stopDrain();
        stopClose?.();
        finish();
      };
      const stopDrain = exchange.onDrain(() => {
        settle(resolve);
      });
      const cancel = this.#clock.after(drainMaxMs, () => {
        settle(() => {
          exchange.destroyConnection();
          reject(new ClientGoneError());
        });
      });
      // Last, as it may call back at once.
      let stopClose: (() => void) | undefined;
      stopClose = exchange.onClose(() => {
        settle(() => {
          reject(new ClientGoneError());
        });
      });
    });
  }
}

export async function writeEach(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  writer: BodyWriter,
): Promise<void> {
  for await (const chunk of chunks) await writer.write(chunk);
}

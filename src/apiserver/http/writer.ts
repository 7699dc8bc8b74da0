/**
 * Writing big and long answers: in chunks, waiting for the client, giving up on one that doesn't read.
 * On an HTTP/2 connection whose client is gone without a word, blocked writes are the only sign: after a while the
 * connection itself is destroyed, or its watches would stay for ever.
 */
import type { Clock } from "#base/clock.ts";
import { ClientGoneError, type Outgoing } from "./exchange.ts";

/** How long one write may wait for the client. */
const drainMaxMs = 60_000;

export class BodyWriter {
  readonly #outgoing: Outgoing;
  readonly #clock: Clock;

  constructor(outgoing: Outgoing, clock: Clock) {
    this.#outgoing = outgoing;
    this.#clock = clock;
  }

  /** Resolves when more may be written. Throws ClientGoneError. */
  async write(chunk: Uint8Array): Promise<void> {
    if (isClosed(this.#outgoing)) throw new ClientGoneError();
    if (writeChunk(this.#outgoing, chunk)) return;
    await this.#drained();
  }

  end(): void {
    if (!isClosed(this.#outgoing)) this.#outgoing.end();
  }

  #drained(): Promise<void> {
    const outgoing = this.#outgoing;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        cancel();
        outgoing.off("drain", onDrain);
        outgoing.off("close", onClose);
        finish();
      };
      const onDrain = (): void => {
        settle(resolve);
      };
      const onClose = (): void => {
        settle(() => {
          reject(new ClientGoneError());
        });
      };
      const cancel = this.#clock.after(drainMaxMs, () => {
        settle(() => {
          destroyConnection(outgoing);
          reject(new ClientGoneError());
        });
      });
      outgoing.on("drain", onDrain);
      outgoing.on("close", onClose);
    });
  }
}

function isClosed(outgoing: Outgoing): boolean {
  return outgoing.destroyed || outgoing.writableEnded;
}

/** The last bytes and the end. */
export function endWith(outgoing: Outgoing, body: Uint8Array): void {
  (outgoing as unknown as NodeJS.WritableStream).end(body as never);
}

/** The client sees the head before there is a body. */
export function flushHead(outgoing: Outgoing): void {
  (outgoing as unknown as { flushHeaders(): void }).flushHeaders();
}

function writeChunk(outgoing: Outgoing, chunk: Uint8Array): boolean {
  return (outgoing as unknown as NodeJS.WritableStream).write(chunk as never);
}

function destroyConnection(outgoing: Outgoing): void {
  if ("stream" in outgoing) outgoing.stream.session?.destroy();
  else outgoing.destroy();
}

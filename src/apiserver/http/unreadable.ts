/**
 * Last words to a connection of HTTP/1.1 on which something came that can't be read, in Go's words.
 * upstream: Go's net/http/server.go (serve, closeWriteAndWait)
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";

/**
 * What still comes is read, and thrown away, for so long: a connection that is closed with bytes unread is reset, and who
 * sends them may never see the answer. upstream: rstAvoidanceDelay
 */
const lingerMs = 500;

const texts: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", "413 Payload Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);
const badRequest = "400 Bad Request";

export class LastWords {
  readonly #clock: Clock;
  readonly #answering = new WeakMap<Duplex, ServerResponse>();
  readonly #told = new WeakSet<Duplex>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The last of its connection, so far. */
  follow(outgoing: ServerResponse): void {
    if (outgoing.socket !== null) this.#answering.set(outgoing.socket, outgoing);
  }

  /** May be called again: of all that comes after it. */
  tell(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (this.#told.has(socket)) return;
    this.#told.add(socket);
    const answer = this.#answering.get(socket);
    const isAmidAnswer = answer?.headersSent === true && !answer.writableFinished;
    if (!socket.writable || isAmidAnswer) {
      socket.destroy();
      return;
    }
    const text = texts.get(error.code ?? "") ?? badRequest;
    socket.end(
      `HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`,
    );
    const cancel = this.#clock.after(lingerMs, () => {
      socket.destroy();
    });
    socket.once("close", cancel);
  }
}

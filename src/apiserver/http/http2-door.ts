/** The door's connections of HTTP/2. */
import type { TLSSocket } from "node:tls";
import { httpDate, type Clock } from "#base/clock.ts";
import { errorCodes } from "#wire/http2/frames.ts";
import { Http2Connection } from "#wire/http2/connection.ts";
import { BlockWriter, type Header } from "#wire/http2/hpack.ts";
import type { Http2Stream, StreamHandler } from "#wire/http2/stream.ts";
import { Http2Exchange, type Http2Peer } from "./http2-exchange.ts";
import { http2HeadOf } from "./http2-head.ts";

export interface Http2DoorDeps {
  readonly clock: Clock;
  readonly headerBytesMax: number;
  /** Connections that nothing goes over end after this. */
  readonly idleMs: number;
  /** Of one connection; 0, the default: the connection's own bound. */
  readonly streamsMax?: number;
  readonly handle: (exchange: Http2Exchange) => void;
}

const ignoring: StreamHandler = {
  data: () => undefined,
  closed: () => undefined,
  hasRoom: () => undefined,
};
const blocks = new BlockWriter();
const secondMs = 1000;

export class Http2Door {
  readonly #deps: Http2DoorDeps;
  readonly #connections = new Set<Http2Connection>();
  #date = "";
  #dateUntil = 0;

  constructor(deps: Http2DoorDeps) {
    this.#deps = deps;
  }

  accept(socket: TLSSocket): void {
    const { clock, headerBytesMax, handle, streamsMax = 0 } = this.#deps;
    const connection = new Http2Connection(socket, {
      clock,
      headerBytesMax,
      ...(streamsMax === 0 ? {} : { streamsMax }),
      open: (stream, headers, isLast) => this.#open(peer, stream, headers, isLast),
    });
    const peer: Http2Peer = { connection, socket, date: this.#dateNow, handle };
    this.#connections.add(connection);
    const stopWatching = this.#endWhenIdle(connection);
    socket.once("close", () => {
      stopWatching();
      this.#connections.delete(connection);
    });
  }

  /** Tells all clients; what runs goes on. */
  leave(): void {
    for (const connection of this.#connections) connection.leave();
  }

  #open(peer: Http2Peer, stream: Http2Stream, sent: readonly Header[], isLast: boolean): StreamHandler {
    const head = http2HeadOf(sent);
    if (head === undefined) {
      stream.reset(errorCodes.protocol);
      return ignoring;
    }
    const { expect } = head.headers;
    const refusal = head.method === "CONNECT" ? "405" : "417";
    if (head.method === "CONNECT" || (expect !== undefined && expect !== "100-continue")) {
      stream.sendHeaders(blocks.block(refusal, []), true);
      return ignoring;
    }
    if (expect !== undefined) stream.sendHeaders(blocks.block("100", []), false);
    return new Http2Exchange(stream, head, isLast, peer);
  }

  /** As Go's server does. A quiet watch is no idleness. */
  #endWhenIdle(connection: Http2Connection): () => void {
    const { clock, idleMs } = this.#deps;
    const look = (): void => {
      const leftMs = connection.openStreams === 0 ? connection.usedAt + idleMs - clock.monotonic() : idleMs;
      if (leftMs <= 0) connection.leave();
      else cancel = clock.after(leftMs, look);
    };
    let cancel = clock.after(idleMs, look);
    return () => {
      cancel();
    };
  }

  readonly #dateNow = (): string => {
    const now = this.#deps.clock.now();
    if (now >= this.#dateUntil || now < this.#dateUntil - secondMs) {
      this.#date = httpDate(now);
      this.#dateUntil = now - (now % secondMs) + secondMs;
    }
    return this.#date;
  };
}

/**
 * The server's end of port-forward: SPDY streams in pairs (data and error), directly or tunnelled in WebSocket messages,
 * or the channels of port-forward-channels.ts.
 * upstream: kubelet/pkg/cri/streaming/portforward/httpstream.go, apimachinery/pkg/util/portforward
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket } from "ws";
import type { Clock } from "#base/clock.ts";
import { channelV4 } from "./channels.ts";
import { portsOf, serveForwardChannels } from "./port-forward-channels.ts";
import { SpdySession } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";
import { acceptSpdy } from "./spdy/upgrade.ts";
import { acceptWebSocket, chooseProtocol, isWebSocketUpgrade, refuseUpgrade } from "./websocket.ts";

const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
const protocol = "portforward.k8s.io";
const messageBytesMax = 32 << 20;
/** How long the second stream of a pair may take. upstream: streamCreationTimeout */
const pairMs = 30_000;

export interface ForwardedConnection {
  readonly port: number;
  readonly data: Duplex;
  /** Tells the client what went wrong and ends the connection. */
  fail(message: string): void;
}

export interface PortForward {
  /** The client is gone. */
  readonly closed: Promise<void>;
  close(): void;
}

/** Undefined when the handshake failed: the client has been told. `onConnection` may be called many times. */
export async function servePortForward(
  connection: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  onConnection: (connection: ForwardedConnection) => void,
  clock: Clock,
): Promise<PortForward | undefined> {
  const { request, socket, head } = connection;
  if (!isWebSocketUpgrade(request.headers)) {
    const isAccepted = acceptSpdy(request, socket, head, [protocol]) !== undefined;
    return isAccepted ? serveSpdy(socket, onConnection, clock) : undefined;
  }
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  const isTunnel = chooseProtocol(offered, [tunnelProtocol]) === tunnelProtocol;
  const ports = isTunnel ? [] : portsOf(request);
  if (typeof ports === "string") {
    refuseUpgrade(socket, 400, ports);
    return undefined;
  }
  const accepted = await acceptWebSocket(request, socket, head, {
    protocols: [tunnelProtocol, channelV4],
    messageBytesMax,
  });
  if (accepted === undefined) return undefined;
  return isTunnel
    ? serveSpdy(tunnelOf(accepted.socket), onConnection, clock)
    : serveForwardChannels(accepted.socket, ports, onConnection);
}

/** The library's stream waits to be destroyed once both ends of its WebSocket are gone. */
function tunnelOf(socket: WebSocket): Duplex {
  const stream = createWebSocketStream(socket);
  stream.once("end", () => {
    if (socket.readyState === socket.CLOSED) stream.destroy();
  });
  return stream;
}

function serveSpdy(
  transport: Duplex,
  onConnection: (connection: ForwardedConnection) => void,
  clock: Clock,
): PortForward {
  const pairs = new Pairs(onConnection, clock);
  const session = new SpdySession(transport, {
    clock,
    isServer: true,
    onStream: (stream) => pairs.add(stream),
  });
  void session.closed.then(() => {
    pairs.close();
  });
  return {
    closed: session.closed,
    close: () => {
      session.close();
    },
  };
}

interface Half {
  readonly error: SpdyStream | undefined;
  readonly data: SpdyStream | undefined;
  readonly port: number;
  readonly cancel: () => void;
}

/** Streams find their partner by request id. */
class Pairs {
  readonly #waiting = new Map<string, Half>();
  readonly #onConnection: (connection: ForwardedConnection) => void;
  readonly #clock: Clock;

  constructor(onConnection: (connection: ForwardedConnection) => void, clock: Clock) {
    this.#onConnection = onConnection;
    this.#clock = clock;
  }

  /** False for a stream that no port-forward has. */
  add(stream: SpdyStream): boolean {
    const type = stream.headers.get("streamtype");
    const port = Number(stream.headers.get("port") ?? "");
    if ((type !== "error" && type !== "data") || !Number.isInteger(port) || port < 1 || port > 65535) {
      return false;
    }
    // Clients older than the request id opened the data stream right after its error stream: ids two apart.
    const id = stream.headers.get("requestid") ?? String(type === "error" ? stream.id : stream.id - 2);
    const half = this.#waiting.get(id);
    if (half === undefined) this.#await(id, stream, type, port);
    else if (half[type] !== undefined || half.port !== port) return false;
    else this.#join(id, half, stream);
    return true;
  }

  close(): void {
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  #await(id: string, stream: SpdyStream, type: "error" | "data", port: number): void {
    const cancel = this.#clock.after(pairMs, () => {
      this.#waiting.delete(id);
      stream.destroy(new Error("the other stream of the pair didn't come"));
    });
    const isError = type === "error";
    const half = { error: isError ? stream : undefined, data: isError ? undefined : stream, port, cancel };
    this.#waiting.set(id, half);
  }

  #join(id: string, half: Half, stream: SpdyStream): void {
    half.cancel();
    this.#waiting.delete(id);
    const error = half.error ?? stream;
    const data = half.data ?? stream;
    error.resume();
    // A connection that ends well says nothing on its error stream.
    data.once("close", () => {
      error.end();
    });
    this.#onConnection({
      port: half.port,
      data,
      fail: (message) => {
        error.end(message, () => {
          data.destroy();
        });
      },
    });
  }
}

/** Accepting a WebSocket on a connection whose request the caller has judged already, and opening one. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";

export interface WebSocketOptions {
  /** Protocols this side speaks, the best first. */
  readonly protocols: readonly string[];
  /** A longer message ends the connection. */
  readonly messageBytesMax: number;
}

export interface AcceptedWebSocket {
  readonly socket: WebSocket;
  /** "" when the client asked for none. */
  readonly protocol: string;
}

export const isWebSocketUpgrade = (headers: IncomingMessage["headers"]): boolean =>
  headers.upgrade?.toLowerCase() === "websocket";

/** The first of ours that the client offers; undefined when it offers only others, "" when it offers none. */
export function chooseProtocol(offered: string, ours: readonly string[]): string | undefined {
  const theirs = offered.split(",").map((each) => each.trim());
  if (theirs.every((each) => each === "")) return "";
  return ours.find((protocol) => theirs.includes(protocol));
}

/**
 * Completes the handshake. Undefined when the client offers no protocol of ours: it then got a 403, and the
 * connection is closed.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: WebSocketOptions,
): Promise<AcceptedWebSocket | undefined> {
  const offered = request.headers["sec-websocket-protocol"] ?? "";
  const protocol = chooseProtocol(offered, options.protocols);
  if (protocol === undefined) {
    refuseUpgrade(socket, 403, "no acceptable subprotocol");
    return Promise.resolve(undefined);
  }
  const { messageBytesMax } = options;
  const accepted = openWebSocket(request, socket, head, { protocol, messageBytesMax });
  return Promise.resolve(accepted === undefined ? undefined : { socket: accepted, protocol });
}

/**
 * Completes the handshake, with a protocol that has been chosen ("": none). Undefined when it is none, and the client got a
 * 400, or the client is gone.
 */
export function openWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { protocol, messageBytesMax }: { readonly protocol: string; readonly messageBytesMax: number },
): WebSocket | undefined {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
  });
  // The library refuses "SPDY/3.1+portforward.k8s.io" for its slash, with a 400 that makes clients fall back silently:
  // so it never sees the header, and the answer is added here.
  const withoutProtocol = Object.create(request, {
    headers: { value: { ...request.headers, "sec-websocket-protocol": undefined } },
  }) as IncomingMessage;
  if (protocol !== "") {
    server.on("headers", (headers) => {
      headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
    });
  }
  let opened: WebSocket | undefined;
  // At once: nobody is asked.
  server.handleUpgrade(withoutProtocol, socket, head, (accepted) => {
    opened = accepted;
  });
  return opened;
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  500: "Internal Server Error",
};

/** An HTTP answer on a connection that isn't upgraded after all. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  const body = Buffer.from(`${text}\n`, "utf8");
  socket.end(
    `HTTP/1.1 ${status} ${reasons[status] ?? "Error"}\r\n` +
      "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n" +
      `Content-Length: ${body.length}\r\n\r\n${body.toString("utf8")}`,
  );
}

/** Sends one binary message; calls back when it has left this process's buffers. */
export function sendMessage(
  socket: WebSocket,
  parts: readonly Uint8Array[],
  done: (error?: Error | null) => void,
): void {
  socket.send(Buffer.concat(parts), { binary: true }, (error) => {
    done(error);
  });
}

/** The handshake of SPDY/3.1 on an HTTP/1.1 connection. upstream: apimachinery/pkg/util/httpstream/spdy/upgrade.go */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { chooseProtocol, refuseUpgrade } from "../websocket.ts";

const protocolHeader = "x-stream-protocol-version";

export const isSpdyUpgrade = (headers: IncomingMessage["headers"]): boolean =>
  (headers.upgrade ?? "").toLowerCase() === "spdy/3.1";

/**
 * Switches the connection to SPDY. Answers the stream protocol; undefined when there is none in common: the client was
 * told, and the connection is closed. A client that offers none gets the last of `protocols`, the oldest.
 */
export function acceptSpdy(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocols: readonly string[],
): string | undefined {
  if (!isSpdyUpgrade(request.headers)) {
    refuseUpgrade(socket, 400, "unable to upgrade: missing upgrade headers in request");
    return undefined;
  }
  const header = request.headers[protocolHeader];
  const offered = Array.isArray(header) ? header.join(",") : (header ?? "");
  const chosen = chooseProtocol(offered, protocols);
  if (chosen === undefined) {
    refuseUpgrade(
      socket,
      403,
      `unable to upgrade: unable to negotiate protocol: client supports ${offered}, server accepts ${protocols.join(", ")}`,
    );
    return undefined;
  }
  const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1"];
  if (chosen !== "") lines.push(`X-Stream-Protocol-Version: ${chosen}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return chosen === "" ? protocols.at(-1) : chosen;
}

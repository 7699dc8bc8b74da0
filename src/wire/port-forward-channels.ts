/**
 * Port-forward in the channel protocol, as clients without SPDY speak it: the query names the ports, each has a
 * channel for data (2n) and one for errors (2n+1), and both begin with the port, two bytes, the lower first.
 * upstream: kubelet/pkg/cri/streaming/portforward/websocket.go
 */
import type { IncomingMessage } from "node:http";
import { finished } from "node:stream";
import type { WebSocket } from "ws";
import { Channels } from "./channels.ts";
import type { ForwardedConnection, PortForward } from "./port-forward.ts";

/** Channel numbers are one byte. */
const portsMax = 127;

/** The ports that the query asks for, or a sentence about what is wrong with it. */
export function portsOf(request: IncomingMessage): readonly number[] | string {
  const asked = new URL(request.url ?? "/", "http://kubelet").searchParams.getAll("port");
  if (asked.length === 0) return `query parameter "port" is required`;
  if (asked.includes("")) return `query parameter "port" cannot be empty`;
  const texts = asked.flatMap((each) => each.split(","));
  const wrong = texts.find((each) => !/^\d{1,5}$/.test(each) || Number(each) > 65535);
  if (wrong !== undefined) return `unable to parse "${wrong}" as a port`;
  const zero = texts.find((each) => Number(each) === 0);
  if (zero !== undefined) return `port "${zero}" must be > 0`;
  if (texts.length > portsMax) return `${texts.length} ports are asked for, at most ${portsMax} go`;
  return texts.map(Number);
}

/** Each port is one connection; the WebSocket is closed when all of them have ended. */
export function serveForwardChannels(
  socket: WebSocket,
  ports: readonly number[],
  onConnection: (connection: ForwardedConnection) => void,
): PortForward {
  const channels = new Channels(socket, { count: 2 * ports.length, canHalfClose: false });
  const close = (): void => {
    channels.close();
  };
  let open = ports.length;
  const onEnd = (): void => {
    if (--open === 0) close();
  };
  for (const [index, port] of ports.entries()) {
    const data = channels.channel(2 * index);
    const error = channels.channel(2 * index + 1);
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16LE(port);
    data.write(prefix);
    error.write(prefix);
    error.resume();
    // Everything is written, or nothing can be written any more.
    finished(data, { readable: false }, onEnd);
    onConnection({
      port,
      data,
      fail: (message) => {
        error.end(message, () => {
          data.destroy();
        });
      },
    });
  }
  return { closed: channels.closed, close };
}

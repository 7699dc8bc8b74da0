/**
 * The server's end of exec and attach: WebSocket channels (v5, v4) or SPDY/3.1 streams, one shape for both.
 * upstream: kubelet/pkg/cri/streaming/remotecommand
 */
import type { IncomingMessage } from "node:http";
import type { Duplex, Readable, Writable } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { Channels, channelV4, channelV5 } from "./channels.ts";
import { SpdySession } from "./spdy/session.ts";
import type { SpdyStream } from "./spdy/stream.ts";
import { acceptSpdy } from "./spdy/upgrade.ts";
import { acceptWebSocket, isWebSocketUpgrade } from "./websocket.ts";

export interface RemoteCommandOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** With a terminal there is no separate stderr: leave it false. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface RemoteCommandStreams {
  /** Ends when the client half-closes it or goes away. Undefined when not asked for. */
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Sizes in the order they came, the ones sent before the call included. */
  onResize(handle: (size: TerminalSize) => void): void;
  /**
   * Tells the result, a metav1.Status as JSON value, and closes the connection. End stdout and stderr before, and wait
   * until they have finished, or their last bytes may come after the result.
   */
  finish(status: object): Promise<void>;
  /** The connection is gone, by either side. */
  readonly closed: Promise<void>;
}

const messageBytesMax = 32 << 20;
/** How long an SPDY client may take to open its streams. upstream: DefaultStreamCreationTimeout */
const streamsMs = 30_000;
const spdyProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"];

/** Undefined when the handshake failed: the client has been told. */
export async function serveRemoteCommand(
  connection: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  options: RemoteCommandOptions,
  clock: Clock,
): Promise<RemoteCommandStreams | undefined> {
  const { request, socket, head } = connection;
  if (!isWebSocketUpgrade(request.headers)) return overSpdy(connection, options, clock);
  const accepted = await acceptWebSocket(request, socket, head, {
    protocols: [channelV5, channelV4],
    messageBytesMax,
  });
  if (accepted === undefined) return undefined;
  const channels = new Channels(accepted.socket, { count: 5, canHalfClose: accepted.protocol === channelV5 });
  return overChannels(channels, options);
}

function overChannels(channels: Channels, options: RemoteCommandOptions): RemoteCommandStreams {
  const result = channels.channel(3);
  const output = (wanted: boolean, number: number): Writable | undefined => {
    if (!wanted) return undefined;
    const channel = channels.channel(number);
    channel.resume();
    return channel;
  };
  const resizes = new Resizes();
  if (options.tty) resizes.follow(channels.channel(4));
  return {
    stdin: options.stdin ? channels.channel(0) : undefined,
    stdout: output(options.stdout, 1),
    stderr: output(options.stderr, 2),
    onResize: (handle) => {
      resizes.listen(handle);
    },
    finish: async (status) => {
      await written(result, JSON.stringify(status));
      channels.close();
    },
    closed: channels.closed,
  };
}

async function overSpdy(
  {
    request,
    socket,
    head,
  }: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  options: RemoteCommandOptions,
  clock: Clock,
): Promise<RemoteCommandStreams | undefined> {
  const protocol = acceptSpdy(request, socket, head, spdyProtocols);
  if (protocol === undefined) return undefined;
  const wanted = ["error"];
  if (options.stdin) wanted.push("stdin");
  if (options.stdout) wanted.push("stdout");
  if (options.stderr && !options.tty) wanted.push("stderr");
  const hasResize = options.tty && (protocol.startsWith("v4") || protocol.startsWith("v3"));
  if (hasResize) wanted.push("resize");

  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<boolean>();
  const session = new SpdySession(socket, {
    clock,
    isServer: true,
    onStream: (stream) => {
      const type = stream.headers.get("streamtype") ?? "";
      if (!wanted.includes(type) || streams.has(type)) return false;
      streams.set(type, stream);
      if (streams.size === wanted.length) complete.resolve(true);
      return true;
    },
  });
  void session.closed.then(() => {
    complete.resolve(false);
  });
  const cancel = clock.after(streamsMs, () => {
    complete.resolve(false);
  });
  const isComplete = await complete.promise;
  cancel();
  if (!isComplete) {
    session.close();
    return undefined;
  }
  return overStreams(session, streams, protocol);
}

function overStreams(
  session: SpdySession,
  streams: ReadonlyMap<string, SpdyStream>,
  protocol: string,
): RemoteCommandStreams {
  const resizes = new Resizes();
  const resize = streams.get("resize");
  if (resize !== undefined) resizes.follow(resize);
  const output = (name: string): SpdyStream | undefined => {
    const stream = streams.get(name);
    stream?.resume();
    return stream;
  };
  const result = output("error");
  return {
    stdin: streams.get("stdin"),
    stdout: output("stdout"),
    stderr: output("stderr"),
    onResize: (handle) => {
      resizes.listen(handle);
    },
    finish: async (status) => {
      const text = protocol.startsWith("v4") ? JSON.stringify(status) : legacyText(status);
      if (result !== undefined && text !== "") await written(result, text);
      result?.end();
      session.close();
      await session.closed;
    },
    closed: session.closed,
  };
}

/** Before v4 the error stream carried only a message, and nothing meant success. */
function legacyText(status: object): string {
  const { status: outcome, message } = status as { status?: unknown; message?: unknown };
  return outcome === "Success" || typeof message !== "string" ? "" : message;
}

function written(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => {
      resolve();
    });
  });
}

/** Resizes may come before anybody listens: the last one then counts. */
class Resizes {
  #last: TerminalSize | undefined;
  #handle: ((size: TerminalSize) => void) | undefined;

  /** A stream of JSON objects, one after the other. */
  follow(stream: Readable): void {
    let text = "";
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      if (text.length > 4096) text = "";
      for (let end = text.indexOf("}"); end >= 0; end = text.indexOf("}")) {
        this.#take(text.slice(0, end + 1));
        text = text.slice(end + 1);
      }
    });
  }

  listen(handle: (size: TerminalSize) => void): void {
    this.#handle = handle;
    if (this.#last !== undefined) handle(this.#last);
  }

  #take(text: string): void {
    let size: { Width?: unknown; Height?: unknown };
    try {
      size = JSON.parse(text) as typeof size;
    } catch {
      return;
    }
    const { Width: width, Height: height } = size;
    if (typeof width !== "number" || typeof height !== "number" || width <= 0 || height <= 0) return;
    this.#last = { width, height };
    this.#handle?.(this.#last);
  }
}

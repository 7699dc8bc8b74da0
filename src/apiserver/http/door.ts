/**
 * The listening socket: HTTP/2 and HTTP/1.1 over TLS, the routes beside the API, upgrades, and a graceful end.
 */
import {
  createSecureServer,
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2SecureServer,
  type IncomingHttpHeaders as Http2Headers,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Front } from "./front.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { NodeExchange } from "./node-exchange.ts";

/** Routes that the supervisor adds beside the API, with Hono's own means. */
export type ApiserverApp = Hono<{ Bindings: HttpBindings }>;

export interface DoorOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Whose client certificates may be asked for; judged by the authenticator, not by TLS. */
  readonly clientCaPem: string;
}

export interface DoorDeps {
  readonly clock: Clock;
  readonly front: Front;
  readonly extraRoutes?: ((app: ApiserverApp, front: Front) => void) | undefined;
}

/** client-go puts all its watches on one connection. */
const streamsPerConnection = 10_000;
/** In MB. The default of 10 refuses the 175th stream of a connection. */
const sessionMemoryMax = 1000;
const windowBytes = 1 << 20;
const keepAliveMs = 30_000;
/** upstream: MaxHeaderBytes of Go's server, which kube-apiserver sets: the URI counts too. */
const headerBytesMax = 1 << 20;
/** A request's head must have come by then, and before it the handshake. upstream: ReadHeaderTimeout */
const headMs = 32_000;
/** Connections that nothing goes over. Go's clients leave theirs after 90 s, and are confused by a server that is faster. */
const idleMs = 180_000;
const http1Options: object = {
  keepAliveTimeout: idleMs,
  headersTimeout: headMs,
  // Bodies have no time of their own: the request's covers them, and connects last.
  requestTimeout: 0,
  maxHeaderSize: headerBytesMax,
};
/**
 * What a peer of HTTP/2 may do for nothing before its connection is ended: resets (1000, and 33 more each second),
 * frames that break the protocol, streams beyond the limit. Unanswered pings and settings, and CONTINUATION frames, are
 * bounded by nghttp2 itself.
 */
const http2Limits = {
  streamResetBurst: 1000,
  streamResetRate: 33,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxHeaderListPairs: 1000,
  maxSettings: 32,
};
/** How long running requests may go on after the server was told to stop. Below what a component has for its end. */
const drainMs = 15_000;
/** For the last bytes to go out. */
const lingerMs = 500;

/** What lies beside the API. */
interface Extra {
  readonly paths: ReadonlySet<string>;
  readonly listener: ReturnType<typeof getRequestListener>;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #deps: DoorDeps;
  /** Of TCP, and of TLS once they have shaken hands. */
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Map<ServerHttp2Session, IdleWatch>();
  readonly #upgraded = new Set<Duplex>();
  #server: Http2SecureServer | undefined;

  constructor(options: DoorOptions, deps: DoorDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** The port it listens on. Rejects when the address can't be had. */
  async open(): Promise<number> {
    const { certificatePem: cert, keyPem: key, clientCaPem: ca, host, port } = this.#options;
    const extra = this.#extra();
    const server = createSecureServer(
      {
        allowHTTP1: true,
        cert,
        key,
        ca,
        requestCert: true,
        rejectUnauthorized: false,
        minVersion: "TLSv1.2",
        handshakeTimeout: headMs,
        ...http1Options,
        ...http2Limits,
        maxSessionMemory: sessionMemoryMax,
        settings: {
          maxConcurrentStreams: streamsPerConnection,
          initialWindowSize: windowBytes,
          maxHeaderListSize: headerBytesMax,
        },
      },
      (incoming, outgoing) => {
        if (extra.paths.has(pathOf(incoming.url))) void extra.listener(incoming, outgoing);
        else void this.#deps.front.handle(new NodeExchange(incoming, outgoing));
      },
    );
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#follow(socket);
    });
    this.#takeStreams(server, extra);
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#follow(socket);
      socket.setNoDelay(true);
      // A peer that is gone without a word is found out by this, also when nothing is written to it.
      socket.setKeepAlive(true, keepAliveMs);
      socket.on("error", () => undefined);
    });
    server.on("session", (session) => {
      this.#sessions.set(session, new IdleWatch(session, this.#deps.clock));
      session.once("close", () => {
        this.#sessions.delete(session);
      });
      session.on("error", () => undefined);
      session.once("connect", () => {
        session.setLocalWindowSize(windowBytes);
      });
    });
    server.on("sessionError", () => undefined);
    server.on("tlsClientError", () => undefined);
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgraded.add(socket);
      socket.once("close", () => {
        this.#upgraded.delete(socket);
      });
      void this.#deps.front.handleUpgrade(request, socket, head);
    });
    await listen(server, host, port);
    return (server.address() as AddressInfo).port;
  }

  #follow(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
    });
  }

  /** HTTP/2 doesn't take Node's detour of looking like HTTP/1.1, but for the paths beside the API. */
  #takeStreams(server: Http2SecureServer, extra: Extra): void {
    server.removeAllListeners("stream");
    const onStream = (
      stream: ServerHttp2Stream,
      headers: Http2Headers,
      _flags: number,
      rawHeaders: string[] = [],
    ): void => {
      if (!isOrdinary(stream, headers)) return;
      const idle = this.#sessions.get(stream.session as ServerHttp2Session);
      if (extra.paths.has(pathOf(headers[":path"]))) {
        const request = new Http2ServerRequest(stream, headers, {}, rawHeaders);
        void extra.listener(request, new Http2ServerResponse(stream));
      } else {
        void this.#deps.front.handle(new Http2Exchange(stream, headers, rawHeaders));
      }
      idle?.note(stream);
    };
    server.on("stream", onStream);
  }

  /**
   * Takes no new connections and no new requests, ends watches, lets requests finish for a while, then cuts what is left:
   * exec and its like among it.
   */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const { front, clock } = this.#deps;
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    const idle = front.stop();
    for (const session of this.#sessions.keys()) session.close();
    await within(drainMs, idle, clock);
    for (const socket of this.#upgraded) socket.destroy();
    await within(lingerMs, closed, clock);
    for (const socket of this.#sockets) socket.destroy();
    await within(lingerMs, closed, clock);
  }

  /**
   * Only what lies beside the API goes through Hono: it refuses paths by itself and without a Status, and over HTTP/2 it
   * breaks off an answer whose request has a body that nobody read.
   */
  #extra(): Extra {
    const app: ApiserverApp = new Hono();
    this.#deps.extraRoutes?.(app, this.#deps.front);
    const paths = new Set(app.routes.map(({ path }) => path));
    for (const path of paths) assert(!/[:*]/.test(path), `${path} is not one path but a pattern`);
    app.all("*", async ({ env }) => {
      await this.#deps.front.handle(new NodeExchange(env.incoming, env.outgoing));
      return RESPONSE_ALREADY_SENT;
    });
    return { paths, listener: getRequestListener(app.fetch, { overrideGlobalObjects: true }) };
  }
}

function pathOf(url = "/"): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}

/** What Node would do for us: it tells who wants to be told before he sends a body. False: it is answered. */
function isOrdinary(stream: ServerHttp2Stream, headers: Http2Headers): boolean {
  if (headers[":method"] === "CONNECT") {
    stream.respond({ ":status": 405 }, { endStream: true });
    return false;
  }
  if (headers.expect === undefined) return true;
  if (headers.expect === "100-continue") {
    stream.additionalHeaders({ ":status": 100 });
    return true;
  }
  stream.respond({ ":status": 417 }, { endStream: true });
  return false;
}

/** Ends a connection of HTTP/2 that nothing goes over, as Go's server does, with a GOAWAY. A quiet watch is no idleness. */
class IdleWatch {
  readonly #session: ServerHttp2Session;
  readonly #clock: Clock;
  #open = 0;
  #since: number;
  #cancel: () => void;

  constructor(session: ServerHttp2Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    this.#since = clock.monotonic();
    this.#cancel = clock.after(idleMs, this.#look);
    session.once("close", () => {
      this.#cancel();
    });
  }

  /** A request has come; most are answered by now. */
  note(stream: ServerHttp2Stream): void {
    this.#since = this.#clock.monotonic();
    if (stream.writableEnded) return;
    this.#open++;
    stream.once("close", () => {
      this.#open--;
      this.#since = this.#clock.monotonic();
    });
  }

  readonly #look = (): void => {
    const leftMs = this.#open === 0 ? this.#since + idleMs - this.#clock.monotonic() : idleMs;
    if (leftMs <= 0) this.#session.close();
    else this.#cancel = this.#clock.after(leftMs, this.#look);
  };
}

/**
 * Resolves with what is waited for, at the latest after `ms`. The wait itself keeps the process alive: a connection that
 * nobody reads from doesn't, and we would be gone in the middle of the end.
 */
async function within(ms: number, awaited: Promise<void>, clock: Clock): Promise<void> {
  const over = new AbortController();
  const late = clock.sleep(ms, over.signal).catch(() => undefined);
  await Promise.race([awaited, late]);
  over.abort(new Error("no longer waited for"));
}

function listen(server: Http2SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/**
 * The listening socket: HTTP/2 and HTTP/1.1 over TLS, the routes beside the API, upgrades, and a graceful end.
 */
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { assert } from "#base/assert.ts";
import type { Clock } from "#base/clock.ts";
import type { Front } from "./front.ts";

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
/** Go's clients keep idle connections for 90 s and are confused when a server closes one just then. */
const http1Options: object = { keepAliveTimeout: 180_000, requestTimeout: 0 };
/** How long open requests may go on after the server was told to stop. */
const drainMs = 5000;

export class Door {
  readonly #options: DoorOptions;
  readonly #deps: DoorDeps;
  readonly #sockets = new Set<TLSSocket>();
  readonly #sessions = new Set<ServerHttp2Session>();
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
        ...http1Options,
        maxSessionMemory: sessionMemoryMax,
        settings: { maxConcurrentStreams: streamsPerConnection, initialWindowSize: windowBytes },
      },
      (incoming, outgoing) => {
        if (extra.paths.has(pathOf(incoming.url))) void extra.listener(incoming, outgoing);
        else void this.#deps.front.handle(incoming, outgoing);
      },
    );
    this.#server = server;
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      // A peer that is gone without a word is found out by this, also when nothing is written to it.
      socket.setKeepAlive(true, keepAliveMs);
      socket.once("close", () => {
        this.#sockets.delete(socket);
      });
      socket.on("error", () => undefined);
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
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

  /** Takes no new connections, lets requests finish for a while, then cuts what is left. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    this.#deps.front.endWatches();
    for (const session of this.#sessions) session.close();
    for (const socket of this.#upgraded) socket.destroy();
    (server as unknown as { closeIdleConnections?: () => void }).closeIdleConnections?.();
    const cancel = this.#deps.clock.after(drainMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancel();
  }

  /**
   * Only what lies beside the API goes through Hono: it refuses paths by itself and without a Status, and over HTTP/2 it
   * breaks off an answer whose request has a body that nobody read.
   */
  #extra(): {
    readonly paths: ReadonlySet<string>;
    readonly listener: ReturnType<typeof getRequestListener>;
  } {
    const app: ApiserverApp = new Hono();
    this.#deps.extraRoutes?.(app, this.#deps.front);
    const paths = new Set(app.routes.map(({ path }) => path));
    for (const path of paths) assert(!/[:*]/.test(path), `${path} is not one path but a pattern`);
    app.all("*", async ({ env }) => {
      await this.#deps.front.handle(env.incoming, env.outgoing);
      return RESPONSE_ALREADY_SENT;
    });
    return { paths, listener: getRequestListener(app.fetch, { overrideGlobalObjects: true }) };
  }
}

const pathOf = (url = "/"): string => url.split("?", 1).join("");

function listen(server: Http2SecureServer, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

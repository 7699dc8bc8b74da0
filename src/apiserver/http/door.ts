/**
 * The listening socket: HTTP/2 and HTTP/1.1 over TLS, the routes beside the API, upgrades, and a graceful end.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import {
  createSecureContext,
  createServer as createTlsServer,
  type SecureContextOptions,
  type Server as TlsServer,
  type TlsOptions,
  type TLSSocket,
} from "node:tls";
import { within, type Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import { Beside, type ExtraRoutes } from "./beside.ts";
import type { Front } from "./front.ts";
import { Http2Door } from "./http2-door.ts";
import { NodeExchange } from "./node-exchange.ts";
import type { ServingOptions } from "./serving-options.ts";
import { SniCertificates, type ServingPair } from "./sni-certificates.ts";
import { cipherList } from "./tls-names.ts";
import { LastWords } from "./unreadable.ts";
import { WebSocketExchange } from "./websocket-exchange.ts";

export interface DoorOptions {
  readonly host: string;
  /** 0 picks one. */
  readonly port: number;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Whose client certificates may be asked for; judged by the authenticator, not by TLS. */
  readonly clientCaPem: string;
  readonly serving: ServingOptions;
}

export interface DoorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly front: Front;
  /** Somebody connected, and didn't agree on TLS. */
  readonly handshakeFailed: () => void;
  readonly extraRoutes?: ExtraRoutes | undefined;
}

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
/** How long running requests may go on after the server was told to stop. Below what a component has for its end. */
const drainMs = 15_000;
/** For the last bytes to go out. */
const lingerMs = 500;

export class Door {
  readonly #options: DoorOptions;
  readonly #deps: DoorDeps;
  readonly #http2: Http2Door;
  readonly #beside: Beside;
  readonly #lastWords: LastWords;
  /** Of TCP, and of TLS once they have shaken hands. */
  readonly #sockets = new Set<Socket>();
  readonly #upgraded = new Set<Duplex>();
  #server: Server | undefined;
  #unfollow: (() => void) | undefined;

  constructor(options: DoorOptions, deps: DoorDeps) {
    const { clock, front, extraRoutes } = deps;
    this.#options = options;
    this.#deps = deps;
    this.#beside = new Beside(front, clock, extraRoutes);
    this.#lastWords = new LastWords(clock);
    this.#http2 = new Http2Door({
      clock,
      headerBytesMax,
      idleMs,
      streamsMax: options.serving.http2StreamsMax,
      handle: (exchange) => {
        if (this.#beside.has(exchange.url)) void this.#beside.answer(exchange);
        else void front.handle(exchange);
      },
    });
  }

  /** The port it listens on. Rejects when the address can't be had. */
  async open(): Promise<number> {
    await this.#deps.front.load();
    const { certificatePem: cert, keyPem: key, clientCaPem: ca, host, port, serving } = this.#options;
    const ciphers = cipherList(serving.cipherSuites);
    const shared = { ca, minVersion: serving.tlsMinVersion, ...(ciphers === undefined ? {} : { ciphers }) };
    const byName = await this.#byName(shared);
    const own = byName === undefined ? undefined : createSecureContext({ ...shared, cert, key });
    const optionsOf = (pair: ServingPair): TlsOptions => ({
      ALPNProtocols: ["h2", "http/1.1"],
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: headMs,
      ...shared,
      ...pair,
      ...(byName === undefined
        ? {}
        : { SNICallback: (name, done) => done(null, byName.contextOf(name) ?? own) }),
    });
    const server = this.#serverOf(optionsOf({ cert, key }));
    this.#server = server;
    if (byName !== undefined) byAddress(server, byName, (pair) => this.#shakerOf(server, optionsOf(pair)));
    await listen(server, host, port);
    return (server.address() as AddressInfo).port;
  }

  #serverOf(options: ServerOptions): Server {
    const server = createServer(
      {
        shouldUpgradeCallback: (request) => this.#deps.front.upgrades.mayTakeOver(request),
        ...http1Options,
        ...options,
      },
      (incoming, outgoing) => {
        this.#takeHttp1(incoming, outgoing);
      },
    );
    server.on("connection", (socket: Socket) => {
      this.#follow(socket);
    });
    this.#takeConnections(server);
    server.on("tlsClientError", this.#deps.handshakeFailed);
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
      this.#lastWords.tell(error, socket);
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const { front } = this.#deps;
      if (front.upgrades.tellsInMessages(request)) {
        void front.handle(new WebSocketExchange(request, socket, head));
        return;
      }
      this.#upgraded.add(socket);
      socket.once("close", () => {
        this.#upgraded.delete(socket);
      });
      void front.upgrades.handle(request, socket, head);
    });
    return server;
  }

  /** Shakes hands in the server's place. The connections are the server's: so their requests have its times, and its end. */
  #shakerOf(server: Server, options: TlsOptions): TlsServer {
    const shaker = createTlsServer(options);
    shaker.on("connection", (socket: Socket) => {
      this.#follow(socket);
    });
    shaker.on("secureConnection", (socket) => server.emit("secureConnection", socket));
    shaker.on("tlsClientError", (error, socket) => server.emit("tlsClientError", error, socket));
    return shaker;
  }

  /** Undefined: there is one certificate for all names. */
  async #byName(shared: SecureContextOptions): Promise<SniCertificates | undefined> {
    const { sniCertificates } = this.#options.serving;
    if (sniCertificates.length === 0) return undefined;
    const byName = new SniCertificates(sniCertificates, shared, this.#deps.log);
    await byName.load();
    this.#unfollow = byName.follow();
    return byName;
  }

  #follow(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
    });
  }

  /** What has agreed on HTTP/2 isn't left to Node, which would take it for HTTP/1.1. */
  #takeConnections(server: Server): void {
    const takers = server.listeners("secureConnection");
    server.removeAllListeners("secureConnection");
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#follow(socket);
      socket.setNoDelay(true);
      // A peer that is gone without a word is found out by this, also when nothing is written to it.
      socket.setKeepAlive(true, keepAliveMs);
      socket.on("error", () => undefined);
      if (socket.alpnProtocol === "h2") this.#http2.accept(socket);
      else for (const take of takers) take.call(server, socket);
    });
  }

  #takeHttp1(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#lastWords.follow(outgoing);
    if (this.#beside.has(incoming.url)) this.#beside.listen(incoming, outgoing);
    else void this.#deps.front.handle(new NodeExchange(incoming, outgoing));
  }

  /**
   * Takes no new connections (or, with --shutdown-send-retry-after, only to send them away) and no new requests, ends watches, lets requests finish for a while, then cuts what is left:
   * exec and its like among it.
   */
  async close(): Promise<void> {
    this.#unfollow?.();
    const server = this.#server;
    if (server === undefined) return;
    const { front, clock } = this.#deps;
    const { sendsRetryAfter, watchGraceMs } = this.#options.serving;
    const early = sendsRetryAfter ? undefined : closing(server);
    const idle = front.stop();
    this.#http2.leave();
    await within(drainMs, idle, clock);
    if (watchGraceMs > 0) await within(watchGraceMs, front.watchesOver(), clock);
    const closed = early ?? closing(server);
    for (const socket of this.#upgraded) socket.destroy();
    await within(lingerMs, closed, clock);
    for (const socket of this.#sockets) socket.destroy();
    await within(lingerMs, closed, clock);
  }
}

/**
 * Connections to an address that has a certificate of its own are shown it by a server of TLS alone: clients that ask for
 * no name are all shown the same by one.
 */
function byAddress(
  server: Server,
  certificates: SniCertificates,
  shakerOf: (pair: ServingPair) => TlsServer,
): void {
  const shakers = new WeakMap<ServingPair, TlsServer>();
  const takers = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const pair = certificates.pairOf(socket.localAddress ?? "");
    if (pair === undefined) {
      for (const take of takers) take.call(server, socket);
      return;
    }
    const shaker = shakers.get(pair) ?? shakerOf(pair);
    shakers.set(pair, shaker);
    shaker.emit("connection", socket);
  });
}

/** Resolves when nobody is connected any more. */
const closing = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

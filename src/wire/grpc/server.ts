/** A gRPC server: methods by path, over HTTP/2 on TCP, TLS or unix sockets. */
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Http2Connection } from "../http2/connection.ts";
import { preface } from "../http2/frames.ts";
import type { Http2Stream, StreamHandler } from "../http2/stream.ts";
import { encodeHeaders, type Header } from "../http2/hpack.ts";
import { Call, type GrpcCallDeps, type GrpcMethod } from "./call.ts";
import { GrpcError, status } from "./status.ts";

export type { GrpcMethod, GrpcStream } from "./call.ts";

export interface GrpcTls {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Clients must have a certificate of this CA; absent: anybody may connect. */
  readonly clientCaPem: string | undefined;
}

export type GrpcAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface GrpcServerOptions extends GrpcCallDeps {
  /** Answers clients of the same port that speak HTTP/1.1. */
  readonly http: RequestListener;
}

const keepAliveMs = 60_000;
/** No method of HTTP/1.1 begins as HTTP/2's preface does. */
const tellingBytes = 3;
/** grpc-go's default allows 16 MiB; no client of ours sends 1 % of that. */
const headerBytesMax = 64 * 1024;

export class GrpcServer {
  readonly #deps: GrpcCallDeps;
  readonly #methods = new Map<string, GrpcMethod>();
  readonly #services = new Set<string>();
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Http2Connection>();
  readonly #sockets = new Set<Socket>();
  /** Never listens: it is handed connections. */
  readonly #http: ReturnType<typeof createHttpServer>;

  constructor({ http, ...deps }: GrpcServerOptions) {
    this.#deps = deps;
    this.#http = createHttpServer(http);
  }

  add(service: string, name: string, method: GrpcMethod): void {
    this.#services.add(service);
    this.#methods.set(`/${service}/${name}`, method);
  }

  /** Returns the port; 0 for a path. */
  async listen(address: GrpcAddress, tls?: GrpcTls): Promise<number> {
    const server = tls === undefined ? createServer({ noDelay: true }) : tlsServer(tls);
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      this.#accept(socket);
    });
    server.listen(address);
    await once(server, "listening");
    this.#servers.push(server);
    const bound = server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  /** Ends every call. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => once(server, "close"));
    for (const server of this.#servers) server.close();
    for (const connection of this.#connections) connection.close();
    // Those that have said nothing yet, and those of HTTP/1.1; nor does anybody wait for a client that doesn't read.
    for (const socket of this.#sockets) {
      if (socket.writableLength > 0 || !socket.writableEnded) socket.destroy();
    }
    await Promise.all(closed);
  }

  #accept(socket: Socket): void {
    socket.setKeepAlive(true, keepAliveMs);
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
    });
    const fault = (): void => {
      socket.destroy();
    };
    socket.on("error", fault);
    let first = Buffer.alloc(0);
    const look = (chunk: Buffer): void => {
      first = Buffer.concat([first, chunk]);
      if (first.length < tellingBytes) return;
      socket.off("data", look);
      socket.off("error", fault);
      socket.pause();
      socket.unshift(first);
      if (first.subarray(0, tellingBytes).equals(preface.subarray(0, tellingBytes))) this.#serve(socket);
      else this.#http.emit("connection", socket);
      socket.resume();
    };
    socket.on("data", look);
  }

  #serve(socket: Socket): void {
    const connection = new Http2Connection(socket, {
      open: (stream, headers, isLast) => this.#open(stream, headers, isLast),
      clock: this.#deps.clock,
      headerBytesMax,
    });
    this.#connections.add(connection);
    socket.once("close", () => {
      this.#connections.delete(connection);
    });
  }

  #open(stream: Http2Stream, headers: readonly Header[], isLast: boolean): StreamHandler {
    const valueOf = (wanted: string): string => headers.find(({ name }) => name === wanted)?.value ?? "";
    const path = valueOf(":path");
    const refusal = refusalOf(valueOf);
    if (refusal !== undefined) {
      stream.sendHeaders(encodeHeaders([{ name: ":status", value: refusal }]), true);
      return ignoring;
    }
    const call = new Call(stream, headers, this.#methods.get(path) ?? this.#unknown(path), this.#deps);
    call.start(isLast);
    return call;
  }

  /** upstream: grpc-go's server.go, handleStream */
  #unknown(path: string): GrpcMethod {
    const [, service = "", method = ""] = path.split("/");
    const text = this.#services.has(service)
      ? `unknown method ${method} for service ${service}`
      : `unknown service ${service}`;
    return { kind: "stream", run: () => Promise.reject(new GrpcError(status.unimplemented, text)) };
  }
}

const ignoring: StreamHandler = {
  data: () => undefined,
  closed: () => undefined,
  hasRoom: () => undefined,
};

/** HTTP's status for what is no call of gRPC's. */
function refusalOf(valueOf: (name: string) => string): string | undefined {
  if (valueOf(":method") !== "POST") return "405";
  return valueOf("content-type").startsWith("application/grpc") ? undefined : "415";
}

function tlsServer({ certificatePem, keyPem, clientCaPem }: GrpcTls): Server {
  return createTlsServer({
    cert: certificatePem,
    key: keyPem,
    ca: clientCaPem,
    requestCert: clientCaPem !== undefined,
    rejectUnauthorized: clientCaPem !== undefined,
    ALPNProtocols: ["h2", "http/1.1"],
    noDelay: true,
  });
}

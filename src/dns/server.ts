/** The sockets: UDP and TCP on one address and port. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { errorCode } from "#base/files.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Responder } from "./responder.ts";

/** TCP clients that say nothing are let go. */
const idleMs = 10_000;
const connectionsMax = 200;
const portTries = 5;

export interface DnsServerDeps {
  readonly responder: Responder;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** Listens on `port`, or on a free one when that is taken. */
export async function listenDns(address: string, port: number, deps: DnsServerDeps): Promise<Listening> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await listenOn(address, attempt === 0 ? port : 0, deps);
    } catch (error) {
      if (errorCode(error) !== "EADDRINUSE" || attempt === portTries) throw error;
      deps.log.info("DNS port is taken, another one will do", { address, port });
    }
  }
}

async function listenOn(address: string, port: number, deps: DnsServerDeps): Promise<Listening> {
  await using stack = new AsyncDisposableStack();
  const tcp = createServer((socket) => {
    serveTcp(socket, deps);
  });
  tcp.maxConnections = connectionsMax;
  const chosen = await listenTcp(tcp, address, port);
  const sockets = new Set<Socket>();
  tcp.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      tcp.close(resolve);
    });
  });
  const udp = createSocket("udp4");
  await bindUdp(udp, address, chosen);
  stack.defer(
    () =>
      new Promise<void>((resolve) => {
        udp.close(() => {
          resolve();
        });
      }),
  );
  udp.on("message", (bytes, from) => {
    deps.responder.respond(bytes, true).then(
      (answer) => {
        if (answer !== undefined) udp.send(answer, from.port, from.address);
      },
      (error: unknown) => {
        deps.log.warn("question not answered", { error });
      },
    );
  });
  udp.on("error", (error) => {
    deps.log.warn("DNS socket", { error });
  });
  const owned = stack.move();
  return { port: chosen, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function listenTcp(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve(typeof bound === "object" && bound !== null ? bound.port : port);
    });
  });
}

function bindUdp(socket: UdpSocket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

/** Messages with their length in front, answered one after another. */
function serveTcp(socket: Socket, { responder, clock, log }: DnsServerDeps): void {
  let received = Buffer.alloc(0);
  let queue: Promise<void> = Promise.resolve();
  let cancel = clock.after(idleMs, () => socket.destroy());
  const answer = async (query: Buffer): Promise<void> => {
    const bytes = await responder.respond(query, false);
    if (bytes === undefined || socket.destroyed) return;
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  };
  socket.on("data", (chunk: Buffer) => {
    cancel();
    cancel = clock.after(idleMs, () => socket.destroy());
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      const end = 2 + received.readUInt16BE();
      const query = received.subarray(2, end);
      received = received.subarray(end);
      queue = queue
        .then(() => answer(query))
        .catch((error: unknown) => {
          log.warn("question not answered", { error });
          socket.destroy();
        });
    }
  });
  socket.once("error", () => socket.destroy());
  socket.once("close", () => {
    cancel();
  });
}

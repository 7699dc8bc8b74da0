/** A network between a store and its database, that can break. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  isDown = false;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  static async to(port: number): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const proxy = new TcpProxy(server);
    server.on("connection", (client) => {
      proxy.#connect(client, port);
    });
    return proxy;
  }

  /** Every connection breaks, in the middle of whatever is under way. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing more comes through the connections that there are, and nobody is told. */
  silence(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #connect(client: Socket, port: number): void {
    if (this.isDown) {
      client.destroy();
      return;
    }
    const database = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

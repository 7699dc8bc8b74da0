/** A client of HTTP/2 that sends whatever it is told to, and listens. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { FrameReader, type Frame } from "#wire/http2/frames.ts";
import type { TestServer } from "#testing/server.ts";

export class RawHttp2Client {
  readonly socket: Socket;
  /** All that the server has said so far. */
  readonly heard: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #reader = new FrameReader();
  #fault: Error | undefined;
  #onFrame: (() => void) | undefined;
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#isClosed = true;
        this.#onFrame?.();
        resolve();
      });
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        this.#reader.push(chunk, (frame) => {
          this.heard.push({ ...frame, payload: Buffer.from(frame.payload) });
        });
      } catch (error) {
        this.#fault = error instanceof Error ? error : new Error(String(error));
      }
      this.#onFrame?.();
    });
  }

  static async open(server: Pick<TestServer, "port" | "certificate">): Promise<RawHttp2Client> {
    const { port } = server;
    const options = { host: "127.0.0.1", ALPNProtocols: ["h2"], rejectUnauthorized: false };
    const { certificatePem: cert, keyPem: key } = server.certificate("fuzz", ["system:masters"]);
    const socket = connect({ port, ...options, cert, key });
    await once(socket, "secureConnect");
    return new RawHttp2Client(socket);
  }

  send(bytes: Buffer): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** The first such frame; undefined when the connection has ended without one. Throws where the server speaks no HTTP/2. */
  async first(wanted: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (let at = 0; ;) {
      if (this.#fault !== undefined) throw this.#fault;
      for (; at < this.heard.length; at++) {
        const frame = this.heard[at];
        if (frame !== undefined && wanted(frame)) return frame;
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => {
        this.#onFrame = resolve;
      });
    }
  }
}

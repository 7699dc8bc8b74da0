/** The kubelet's end of an exec or attach: Node streams over a conversation with the shim. */
import { PassThrough, Writable } from "node:stream";
import type { Session, StreamOptions } from "../runtime.ts";
import { stdinFrameMax, toShim, type ShimConnection } from "./frames.ts";

const killSignal = 9;

export class ShimSession implements Session {
  readonly stdin: Writable | undefined;
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  readonly exit: Promise<number>;
  readonly #kills: boolean;
  readonly #endsStdin: boolean;
  readonly #ended: (code: number) => void;
  #connection: ShimConnection | undefined;
  #isClosed = false;

  /**
   * `kills`: closing it kills the process (exec); otherwise it only detaches (attach).
   * `endsStdin`: the end of our stdin is the end of the process's.
   */
  constructor(options: StreamOptions, rules: { readonly kills: boolean; readonly endsStdin: boolean }) {
    this.#kills = rules.kills;
    this.#endsStdin = rules.endsStdin;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exit = promise;
    this.#ended = resolve;
    this.stdout = options.stdout ? new PassThrough() : undefined;
    this.stderr = options.stderr && !options.tty ? new PassThrough() : undefined;
    this.stdin = options.stdin ? this.#stdinWriter() : undefined;
  }

  /** Called once, before anything is written. */
  use(connection: ShimConnection): void {
    this.#connection = connection;
    for (const stream of [this.stdout, this.stderr]) {
      stream?.on("drain", () => {
        connection.resume();
      });
      // A reader that goes away must not hold up the process.
      stream?.on("close", () => {
        connection.resume();
      });
    }
  }

  output(stream: "stdout" | "stderr", chunk: Buffer): boolean {
    const target = this[stream];
    return target === undefined || target.destroyed || target.write(chunk);
  }

  /** The process ended, or the conversation did. */
  end(code: number): void {
    this.stdout?.end();
    this.stderr?.end();
    this.#ended(code);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection?.close();
  }

  resize(size: { readonly width: number; readonly height: number }): void {
    if (!this.#isClosed) this.#connection?.resize(size);
  }

  close(): void {
    if (this.#isClosed) return;
    if (this.#kills) this.#connection?.signal(killSignal);
    this.end(this.#kills ? 128 + killSignal : 0);
  }

  #stdinWriter(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#isClosed || this.#connection === undefined) {
          done();
          return;
        }
        for (let at = 0; at < chunk.length; at += stdinFrameMax) {
          const piece = chunk.subarray(at, at + stdinFrameMax);
          const isLast = at + stdinFrameMax >= chunk.length;
          this.#connection.send(toShim.stdin, piece, isLast ? done : undefined);
        }
        if (chunk.length === 0) done();
      },
      final: (done) => {
        if (!this.#isClosed && this.#endsStdin) this.#connection?.send(toShim.stdinEnd);
        done();
      },
    });
  }
}

/** Exec and attach over Docker's hijacked connections. */
import { PassThrough, Writable, type Duplex } from "node:stream";
import type { Session, StreamOptions } from "../runtime.ts";
import { Demultiplexer } from "./multiplex.ts";

export interface DockerSessionOptions {
  readonly streams: StreamOptions;
  /** The exit code, once the connection's output has ended. */
  readonly exitCode: () => Promise<number>;
  readonly resize: (size: { readonly width: number; readonly height: number }) => Promise<unknown>;
  /** Exec: kills the process. */
  readonly kill: (() => Promise<void>) | undefined;
  /** Whether the end of our stdin is the end of the process's. */
  readonly endsStdin: boolean;
}

const killedCode = 137;

export class DockerSession implements Session {
  readonly stdin: Writable | undefined;
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  readonly exit: Promise<number>;
  readonly #connection: Duplex;
  readonly #options: DockerSessionOptions;
  readonly #exited: (code: number) => void;
  /** What is typed after a resize comes after it: they go different ways to the daemon. */
  #resizing: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(connection: Duplex, options: DockerSessionOptions) {
    this.#connection = connection;
    this.#options = options;
    const { streams } = options;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exit = promise;
    this.#exited = resolve;
    this.stdout = streams.stdout ? new PassThrough() : undefined;
    this.stderr = streams.stderr && !streams.tty ? new PassThrough() : undefined;
    this.stdin = streams.stdin ? this.#stdinWriter() : undefined;
    connection.on("error", () => undefined); // close follows
    void this.#pump();
  }

  resize(size: { readonly width: number; readonly height: number }): void {
    if (this.#isClosed) return;
    // A process that has just ended has no terminal.
    const resizing = this.#options.resize(size).catch(() => undefined);
    this.#resizing = Promise.all([this.#resizing, resizing]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { kill } = this.#options;
    const code = kill === undefined ? 0 : killedCode;
    // The process may have ended by itself just now: then there is nothing to kill.
    const killed = (kill?.() ?? Promise.resolve()).catch(() => undefined);
    void killed.then(() => {
      this.#connection.destroy();
      this.#exited(code);
    });
  }

  async #pump(): Promise<void> {
    const demultiplexer = this.#options.streams.tty ? undefined : new Demultiplexer();
    try {
      for await (const chunk of this.#connection as AsyncIterable<Buffer>) {
        const pieces = demultiplexer?.push(chunk) ?? [{ stream: "stdout" as const, data: chunk }];
        for (const { stream, data } of pieces) await this.#write(this[stream], data);
      }
    } catch {
      // The connection broke: what ended is ended, the exit code tells how.
    }
    const wasClosed = this.#isClosed;
    const code = wasClosed ? killedCode : await this.#options.exitCode().catch(() => killedCode);
    this.#isClosed = true;
    this.stdout?.end();
    this.stderr?.end();
    this.#connection.destroy();
    this.#exited(code);
  }

  async #write(target: PassThrough | undefined, data: Buffer): Promise<void> {
    if (target === undefined || target.destroyed || target.write(data)) return;
    await new Promise<void>((resolve) => {
      target.once("drain", resolve);
      // A reader that goes away must not hold up the process, nor one that has closed the session.
      target.once("close", resolve);
      void this.exit.then(() => {
        resolve();
      });
    });
  }

  #stdinWriter(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        void this.#resizing.then(() => {
          this.#send(chunk, done);
        });
      },
      final: (done) => {
        if (!this.#isClosed && this.#options.endsStdin) this.#connection.end();
        done();
      },
    });
  }

  #send(chunk: Buffer, done: () => void): void {
    if (this.#isClosed || this.#connection.destroyed) {
      done();
      return;
    }
    this.#connection.write(chunk, () => {
      done();
    });
  }
}

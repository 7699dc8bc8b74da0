/** A process of the fake runtime: a program in TypeScript with streams, signals and an exit code. */
import { PassThrough } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { Subscription } from "#base/subscription.ts";
import type { LogStream } from "./cri-log.ts";
import type { Session, StreamOptions } from "./runtime.ts";

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** What a program sees of its world. */
export interface FakeProcess {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly containerId: string;
  /** The container's name in the pod. */
  readonly containerName: string;
  readonly clock: Clock;
  readonly tty: boolean;
  /** Ends when stdin is closed; ended from the start when there is none. */
  readonly stdin: AsyncIterable<Buffer>;
  write(text: string, stream?: LogStream): void;
  /** Resolves with the next signal ("TERM"). A program that never asks ends at TERM with 143. */
  nextSignal(): Promise<string>;
  /** Aborts when the process is killed: what the program does from then on is ignored. */
  readonly killed: AbortSignal;
  terminalSize(): TerminalSize | undefined;
}

/** Resolves with the exit code. A rejection is exit code 1 with the error on stderr. */
export type FakeProgram = (process: FakeProcess) => Promise<number>;

export interface RunningOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly containerId: string;
  readonly containerName: string;
  readonly clock: Clock;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly onOutput: (stream: LogStream, chunk: Buffer) => void;
  readonly onExit: (exitCode: number) => void;
}

const stdinChunksMax = 10_000;

export class RunningProcess {
  readonly exit: Promise<number>;
  readonly #options: RunningOptions;
  readonly #stdin = new Subscription<Buffer>({ max: stdinChunksMax });
  readonly #killed = new AbortController();
  readonly #sessions = new Set<FakeSession>();
  readonly #exited: (exitCode: number) => void;
  #signalWaiter: ((name: string) => void) | undefined;
  #hasExited = false;
  #size: TerminalSize | undefined;

  constructor(program: FakeProgram, options: RunningOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exit = promise;
    this.#exited = resolve;
    if (!options.stdin) this.#stdin.close();
    program(this.#world()).then(
      (exitCode) => {
        this.#end(exitCode);
      },
      (error: unknown) => {
        this.#output("stderr", Buffer.from(`${String(error)}\n`));
        this.#end(1);
      },
    );
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  writeStdin(chunk: Buffer): void {
    this.#stdin.push(chunk);
  }

  closeStdin(): void {
    this.#stdin.close();
  }

  resize(size: TerminalSize): void {
    this.#size = size;
  }

  signal(name: string): void {
    if (this.#hasExited) return;
    if (name === "KILL") {
      this.#end(137);
    } else if (this.#signalWaiter === undefined) {
      if (name === "TERM" || name === "INT") this.#end(name === "TERM" ? 143 : 130);
    } else {
      const waiter = this.#signalWaiter;
      this.#signalWaiter = undefined;
      waiter(name);
    }
  }

  /** Ends it with this code whatever the program does: a crash, an OOM kill. */
  end(exitCode: number): void {
    this.#end(exitCode);
  }

  /** `early` is output from before the session, given to it first. */
  open(
    options: StreamOptions,
    onDetach: () => void,
    early: readonly (readonly [LogStream, Buffer])[] = [],
  ): Session {
    const session = new FakeSession(this, options, () => {
      this.#sessions.delete(session);
      onDetach();
    });
    this.#sessions.add(session);
    for (const [stream, chunk] of early) session.output(stream, chunk);
    if (this.#hasExited) session.end();
    return session;
  }

  #world(): FakeProcess {
    const { command, env, containerId, containerName, clock, tty } = this.#options;
    return {
      command,
      env,
      containerId,
      containerName,
      clock,
      tty,
      stdin: this.#stdin,
      killed: this.#killed.signal,
      write: (text, stream = "stdout") => {
        this.#output(stream, Buffer.from(text));
      },
      nextSignal: () =>
        new Promise((resolve) => {
          this.#signalWaiter = resolve;
        }),
      terminalSize: () => this.#size,
    };
  }

  #output(stream: LogStream, chunk: Buffer): void {
    if (this.#hasExited) return;
    const seen = this.#options.tty ? "stdout" : stream;
    this.#options.onOutput(seen, chunk);
    for (const session of this.#sessions) session.output(seen, chunk);
  }

  #end(exitCode: number): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#killed.abort();
    this.#stdin.cancel();
    this.#options.onExit(exitCode);
    this.#exited(exitCode);
    for (const session of this.#sessions) session.end();
  }
}

class FakeSession implements Session {
  readonly stdin: PassThrough | undefined;
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  readonly exit: Promise<number>;
  readonly #process: RunningProcess;
  readonly #detached: (exitCode: number) => void;
  readonly #onDetach: () => void;
  #ended = false;

  constructor(process: RunningProcess, options: StreamOptions, onDetach: () => void) {
    this.#process = process;
    this.#onDetach = onDetach;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#detached = resolve;
    this.exit = Promise.race([process.exit, promise]);
    this.stdout = options.stdout ? new PassThrough() : undefined;
    this.stderr = options.stderr && !options.tty ? new PassThrough() : undefined;
    if (options.stdin) {
      this.stdin = new PassThrough();
      this.stdin.on("data", (chunk: Buffer) => {
        process.writeStdin(chunk);
      });
      this.stdin.once("end", () => {
        process.closeStdin();
      });
    }
  }

  output(stream: LogStream, chunk: Buffer): void {
    this[stream]?.write(chunk);
  }

  resize(size: TerminalSize): void {
    this.#process.resize(size);
  }

  close(): void {
    if (this.#ended) return;
    this.#detached(0);
    this.end();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.stdout?.end();
    this.stderr?.end();
    this.#onDetach();
  }
}

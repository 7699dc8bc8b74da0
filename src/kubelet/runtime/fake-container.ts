/** A container of the fake runtime: its status, its main process, and what is executed in it. */
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "#base/clock.ts";
import { LogLines, type LogStream } from "./cri-log.ts";
import { RunningProcess, type FakeProgram } from "./fake-process.ts";
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerStatus,
  type ExecOutput,
  type LinuxResources,
  type SandboxConfig,
  type Session,
  type StreamOptions,
} from "./runtime.ts";

export interface FakeStart {
  readonly kind: "container" | "exec";
  readonly command: readonly string[];
  readonly container: ContainerConfig;
  readonly sandbox: SandboxConfig;
}

export interface FakeContainerOptions {
  readonly config: ContainerConfig;
  readonly sandbox: SandboxConfig;
  readonly status: ContainerStatus;
  readonly writesLogs: boolean;
}

export interface FakeContainerDeps {
  readonly clock: Clock;
  readonly nanos: () => bigint;
  readonly programs: ((start: FakeStart) => FakeProgram | Error | undefined) | undefined;
  readonly onExit: () => void;
}

const untilTerm: FakeProgram = async (process) => {
  while ((await process.nextSignal()) !== "TERM");
  return 0;
};
const succeed: FakeProgram = () => Promise.resolve(0);

export class FakeContainer {
  status: ContainerStatus;
  config: ContainerConfig;
  readonly #options: FakeContainerOptions;
  readonly #deps: FakeContainerDeps;
  readonly #lines = { stdout: new LogLines("stdout"), stderr: new LogLines("stderr") };
  #process: RunningProcess | undefined;
  #endReason: string | undefined;

  constructor(options: FakeContainerOptions, deps: FakeContainerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.status = options.status;
    this.config = options.config;
  }

  start(): void {
    const { config, status } = this;
    if (status.state !== "created") {
      throw new RuntimeError("unknown", `container ${status.id} is ${status.state}, not created`);
    }
    const command = [...config.command, ...config.args];
    const program = this.#program("container", command) ?? untilTerm;
    const now = this.#deps.nanos();
    if (program instanceof Error) {
      const ended = { exitCode: 128, reason: "StartError", message: program.message, finishedAt: now };
      this.status = { ...status, ...ended, state: "exited" };
      throw new RuntimeError("unknown", program.message);
    }
    // The pid is made up, but differs from container to container.
    const pid = 100_000 + Number.parseInt(status.id.slice(0, 6), 16);
    this.status = { ...status, state: "running", startedAt: now, pid };
    this.#process = this.#run(program, command, {
      stdin: config.stdin,
      tty: config.tty,
      onOutput: (stream, chunk) => {
        this.#writeLog(this.#lines[stream].push(chunk, this.#deps.nanos()));
      },
      onExit: (exitCode) => {
        this.#onExit(exitCode);
      },
    });
  }

  async stop(graceMs: number): Promise<void> {
    const process = this.#process;
    if (process === undefined || process.hasExited) return;
    const { stopSignal } = this.config;
    // Without grace there is nothing to be polite about.
    const first = stopSignal === "" ? "TERM" : stopSignal.replace(/^SIG/, "");
    process.signal(graceMs > 0 ? first : "KILL");
    const cancel = this.#deps.clock.after(graceMs, () => {
      process.signal("KILL");
    });
    await process.exit;
    cancel();
  }

  kill(): void {
    this.#process?.signal("KILL");
  }

  crash(exitCode: number, reason: string | undefined): void {
    this.#endReason = reason;
    this.#process?.end(exitCode);
  }

  updateResources(resources: LinuxResources): void {
    this.config = { ...this.config, resources };
  }

  async execSync(command: readonly string[], timeoutMs: number): Promise<ExecOutput> {
    const output: Record<LogStream, Buffer[]> = { stdout: [], stderr: [] };
    const process = this.#exec(command, { stdin: false, tty: false }, (stream, chunk) => {
      output[stream].push(chunk);
    });
    const state = { isLate: false };
    const onLate = (): void => {
      state.isLate = true;
      process.signal("KILL");
    };
    const cancel = timeoutMs > 0 ? this.#deps.clock.after(timeoutMs, onLate) : undefined;
    const exitCode = await process.exit;
    cancel?.();
    if (state.isLate) {
      throw new RuntimeError("deadline", `command ${command.join(" ")} timed out after ${timeoutMs} ms`);
    }
    return { stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr), exitCode };
  }

  exec(command: readonly string[], options: StreamOptions): Session {
    // A program may write before the session is there; nothing of that is lost.
    const early: [LogStream, Buffer][] = [];
    let session: Session | undefined = undefined;
    const process = this.#exec(command, options, (stream, chunk) => {
      if (session === undefined) early.push([stream, chunk]);
    });
    session = process.open(
      options,
      () => {
        process.signal("KILL");
      },
      early,
    );
    return session;
  }

  attach(options: StreamOptions): Session {
    const process = this.running();
    const { stdin, stdinOnce } = this.config;
    return process.open({ ...options, stdin: options.stdin && stdin }, () => {
      if (options.stdin && stdinOnce) process.closeStdin();
    });
  }

  /** The main process; throws when there is none. */
  running(): RunningProcess {
    if (this.#process === undefined || this.#process.hasExited) {
      throw new RuntimeError("unknown", `container ${this.status.id} is not running`);
    }
    return this.#process;
  }

  #program(kind: FakeStart["kind"], command: readonly string[]): FakeProgram | Error | undefined {
    return this.#deps.programs?.({ kind, command, container: this.config, sandbox: this.#options.sandbox });
  }

  #exec(
    command: readonly string[],
    streams: { readonly stdin: boolean; readonly tty: boolean },
    onOutput: (stream: LogStream, chunk: Buffer) => void,
  ): RunningProcess {
    const main = this.running();
    const program = this.#program("exec", command) ?? succeed;
    if (program instanceof Error) throw new RuntimeError("unknown", program.message);
    const { stdin, tty } = streams;
    const process = this.#run(program, command, { stdin, tty, onOutput, onExit: () => undefined });
    // An exec dies with its container.
    void main.exit.then(() => {
      process.signal("KILL");
    });
    return process;
  }

  #run(
    program: FakeProgram,
    command: readonly string[],
    rest: {
      readonly stdin: boolean;
      readonly tty: boolean;
      readonly onOutput: (stream: LogStream, chunk: Buffer) => void;
      readonly onExit: (exitCode: number) => void;
    },
  ): RunningProcess {
    return new RunningProcess(program, {
      command,
      env: Object.fromEntries(this.config.env.map(({ name, value }) => [name, value])),
      containerId: this.status.id,
      containerName: this.config.name,
      clock: this.#deps.clock,
      ...rest,
    });
  }

  #onExit(exitCode: number): void {
    const finishedAt = this.#deps.nanos();
    this.#writeLog([...this.#lines.stdout.end(finishedAt), ...this.#lines.stderr.end(finishedAt)]);
    const reason = this.#endReason ?? (exitCode === 0 ? "Completed" : "Error");
    this.status = { ...this.status, state: "exited", finishedAt, exitCode, reason, pid: 0 };
    this.#deps.onExit();
  }

  #writeLog(lines: readonly Buffer[]): void {
    if (!this.#options.writesLogs || lines.length === 0) return;
    mkdirSync(dirname(this.status.logPath), { recursive: true });
    appendFileSync(this.status.logPath, Buffer.concat(lines));
  }
}

/** Running other programs. */
import { spawn } from "node:child_process";

export class ExecError extends Error {
  override readonly name = "ExecError";
  readonly code = "EXEC_FAILED";
  readonly exitCode: number | null;
  readonly stderr: string;
  constructor(command: string, exitCode: number | null, stderr: string, options?: ErrorOptions) {
    super(`${command} ended with ${exitCode ?? "a signal"}: ${stderr.trim().slice(0, 2000)}`, options);
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface ExecOptions {
  readonly input?: string | Buffer;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs to the end and returns the output; throws ExecError when the exit code isn't 0. */
export function exec(file: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
  const command = [file, ...args].join(" ").slice(0, 200);
  const child = spawn(file, args, {
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    out.push(chunk);
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err.push(chunk);
  });
  child.stdin.on("error", () => undefined); // the program may end before it has read everything
  child.stdin.end(options.input);
  child.once("error", (cause) => {
    reject(new ExecError(command, null, cause.message, { cause }));
  });
  child.once("close", (exitCode) => {
    const stderr = Buffer.concat(err).toString();
    if (exitCode === 0) resolve({ stdout: Buffer.concat(out).toString(), stderr });
    else reject(new ExecError(command, exitCode, stderr));
  });
  return promise;
}

/** A server on this machine, without agent unless its runtime is named, as a process of its own, and the real kubectls and helms to talk to it. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { exec, ExecError } from "#base/exec.ts";
import type { KubectlVersion } from "./cluster.ts";
import type { Said } from "./bare-server.ts";
import { eventually } from "./wait.ts";

export interface TryOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** After so many ms it gets SIGTERM: for what goes on until it is stopped. */
  readonly timeout?: number;
}

const root = resolve(import.meta.dirname, "..");
const readyMs = 30_000;

export interface GoingOn extends AsyncDisposable {
  says(wanted: RegExp): Promise<RegExpExecArray>;
}

export class PlainServer implements AsyncDisposable {
  readonly directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
  }

  static async start(more: readonly string[] = []): Promise<PlainServer> {
    const directory = mkdtempSync(join(tmpdir(), "mini-k8s-e2e-"));
    const agent = more.includes("--runtime") ? [] : ["--disable-agent"];
    const args = ["server", ...agent, "--data-dir", directory, ...more];
    const where = [
      "--https-listen-port",
      String(await freePort()),
      "--write-kubeconfig",
      join(directory, "kubeconfig"),
    ];
    const child = spawn(process.execPath, [join(root, "bin", "mini-k8s.js"), ...args, ...where], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
    await eventually("the server is ready", readyMs, () =>
      Promise.resolve(child.exitCode !== null || output.includes("ready in ")),
    );
    if (child.exitCode !== null) {
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`it ended with ${child.exitCode}:\n${output.slice(-4000)}`);
    }
    return new PlainServer(directory, child);
  }

  /** Standard output. Throws ExecError with what it said on standard error. */
  run(program: string, args: readonly string[], input = ""): Promise<string> {
    return this.#exec([join(root, ".cache", "bin", program), ...args], input);
  }

  async #exec([file = "", ...args]: readonly string[], input: string): Promise<string> {
    const { stdout } = await exec(file, args, { env: this.#env(), input });
    return stdout;
  }

  #env(): Record<string, string> {
    return {
      PATH: process.env["PATH"] ?? "",
      HOME: this.directory,
      KUBECONFIG: join(this.directory, "kubeconfig"),
    };
  }

  /** Whatever becomes of it: the exit code, and what it said. */
  tries(
    program: string,
    args: readonly string[],
    { input = "", env = {}, timeout = 30_000 }: TryOptions = {},
  ): Promise<Said> {
    const file = join(root, ".cache", "bin", program);
    return new Promise((done) => {
      const options = { env: { ...this.#env(), ...env }, timeout, cwd: this.directory };
      const child = execFile(file, args, options, (error, stdout, stderr) => {
        done({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
      });
      child.stdin?.on("error", () => undefined); // it may end before it has read everything
      child.stdin?.end(input);
    });
  }

  /** What goes on until it is killed, and what it has said so far. */
  goesOn(program: string, args: readonly string[]): GoingOn {
    const child = spawn(join(root, ".cache", "bin", program), args, {
      env: this.#env(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const gone = new Promise((done) => child.once("exit", done));
    return {
      says: (wanted) =>
        eventually(`${program} ${args.join(" ")} says ${String(wanted)}`, readyMs, () =>
          Promise.resolve(wanted.exec(said) ?? undefined),
        ),
      [Symbol.asyncDispose]: async () => {
        child.kill("SIGTERM");
        await gone;
      },
    };
  }

  kubectl(version: KubectlVersion, args: readonly string[], input?: string): Promise<string> {
    return this.run(`kubectl-${version}`, args, input);
  }

  /** What kubectl diff shows: it ends with 1 when there is a difference. */
  differs(version: KubectlVersion, args: readonly string[], input: string): Promise<string> {
    const program = join(root, ".cache", "bin", `kubectl-${version}`);
    return this.#exec(["sh", "-c", '"$@"; [ $? = 1 ]', "sh", program, ...args], input);
  }

  /** What it said on standard error when it failed. */
  async fails(run: Promise<string>): Promise<string> {
    try {
      throw new Error(`it succeeded: ${await run}`);
    } catch (error) {
      if (error instanceof ExecError) return error.stderr;
      throw error;
    }
  }

  /** What somebody without credentials is answered. */
  async anonymously(path: string): Promise<{ readonly status: number | undefined; readonly text: string }> {
    const server = "jsonpath={.clusters[0].cluster.server}";
    const url = await this.kubectl("1.35", ["config", "view", "-o", server]);
    const { promise, resolve: answer, reject } = Promise.withResolvers<IncomingMessage>();
    request(`${url}${path}`, { rejectUnauthorized: false }, answer).once("error", reject).end();
    const response = await promise;
    return { status: response.statusCode, text: await text(response) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((done) => this.#child.once("exit", done));
    this.#child.kill("SIGTERM");
    await gone;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function freePort(): Promise<number> {
  return new Promise((done, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        done(port);
      });
    });
  });
}

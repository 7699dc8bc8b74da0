/** A server without agent on this machine, as a process of its own, and the real kubectls and helms to talk to it. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { exec, ExecError } from "#base/exec.ts";
import type { KubectlVersion } from "./cluster.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const readyMs = 30_000;

export class PlainServer implements AsyncDisposable {
  readonly directory: string;
  readonly #child: ChildProcess;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
  }

  static async start(): Promise<PlainServer> {
    const directory = mkdtempSync(join(tmpdir(), "mini-k8s-e2e-"));
    const args = ["server", "--disable-agent", "--data-dir", directory];
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
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${output.slice(-4000)}`);
    return new PlainServer(directory, child);
  }

  /** Standard output. Throws ExecError with what it said on standard error. */
  run(program: string, args: readonly string[], input = ""): Promise<string> {
    return this.#exec([join(root, ".cache", "bin", program), ...args], input);
  }

  async #exec([file = "", ...args]: readonly string[], input: string): Promise<string> {
    const env = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.directory,
      KUBECONFIG: join(this.directory, "kubeconfig"),
    };
    const { stdout } = await exec(file, args, { env, input });
    return stdout;
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

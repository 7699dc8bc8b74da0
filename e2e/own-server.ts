/** A server as a process of its own on this machine, in a folder of its own; without a node unless a runtime is named. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePorts } from "./free-ports.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const readyMs = 30_000;

export class OwnServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "mini-k8s-e2e-"));
  readonly #child: ChildProcess;
  #output = "";

  private constructor(args: readonly string[]) {
    const where = ["--data-dir", join(this.directory, "data"), "--write-kubeconfig", this.kubeconfig];
    const program = [join(root, "bin", "mini-k8s.js"), "server"];
    const child = spawn(process.execPath, [...program, ...where, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  /** Resolves once it is ready. Throws with what it said if it ends, or isn't ready in time; nothing is left of it then. */
  static async start(more: readonly string[]): Promise<OwnServer> {
    const [port] = await freePorts(1);
    const agent = more.includes("--runtime") ? [] : ["--disable-agent"];
    await using stack = new AsyncDisposableStack();
    const server = stack.use(new OwnServer(["--https-listen-port", String(port), ...agent, ...more]));
    await eventually("the server is ready", readyMs, () =>
      Promise.resolve(server.#hasEnded || server.#output.includes("ready in ")),
    );
    if (server.#hasEnded) {
      throw new Error(`it ended with ${server.#child.exitCode}:\n${server.#output.slice(-4000)}`);
    }
    stack.move();
    return server;
  }

  get kubeconfig(): string {
    return join(this.directory, "kubeconfig");
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) {
      const gone = new Promise((done) => this.#child.once("exit", done));
      this.#child.kill("SIGTERM");
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** A server without a node of its own, as a process on this machine, and the real kubectl to talk to it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { freePorts } from "../free-ports.ts";

const root = resolve(import.meta.dirname, "../..");
const readyMaxMs = 60_000;
const run = promisify(execFile);

export class MiniServer {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #directory: string;
  #port = 0;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.#args = args;
    this.#directory = mkdtempSync(join(tmpdir(), `mini-k8s-${name}-`));
  }

  get output(): string {
    return this.#output;
  }

  get kubeconfig(): string {
    return join(this.#directory, "kubeconfig.yaml");
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get exitCode(): number | null | undefined {
    return this.#child?.exitCode;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    if (this.#port === 0) [this.#port = 0] = await freePorts(1);
    const args = ["server", "--disable-agent", "--data-dir", join(this.#directory, "data")];
    const own = ["--node-name", this.name, "--https-listen-port", String(this.#port)];
    const program = [
      join(root, "bin", "mini-k8s.js"),
      ...args,
      ...own,
      "--write-kubeconfig",
      this.kubeconfig,
    ];
    const child = spawn(process.execPath, [...program, ...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#output = "";
    const ready = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
        if (this.#output.includes("ready in ")) ready.resolve();
      });
    }
    child.once("exit", (code) => {
      ready.reject(new Error(`${this.name} ended with ${code}:\n${this.#output.slice(-3000)}`));
    });
    const timer = setTimeout(() => {
      ready.reject(new Error(`${this.name} is not ready within ${readyMaxMs} ms`));
    }, readyMaxMs);
    await ready.promise.finally(() => {
      clearTimeout(timer);
    });
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async remove(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Standard output. Rejects with what kubectl said. */
  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const program = join(root, ".cache", "bin", "kubectl-1.35");
    const running = run(program, ["--kubeconfig", this.kubeconfig, ...args]);
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  /** One request with the administrator's certificate, without kubectl's tries. */
  async call(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    const { promise, resolve: settle, reject } = Promise.withResolvers<{ status: number; text: string }>();
    const sent = request(`${this.url}${path}`, {
      method,
      ...credentialsIn(readFileSync(this.kubeconfig, "utf8")),
      headers: { "content-type": "application/json" },
      agent: false,
    });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("error", reject);
      response.on("end", () => {
        settle({ status: response.statusCode ?? 0, text });
      });
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }
}

/** The CA and the client's certificate and key. */
export function credentialsIn(kubeconfig: string): { ca: string; cert: string; key: string } {
  const field = (name: string): string => {
    const [, encoded = ""] = new RegExp(`${name}: "?([A-Za-z0-9+/=]+)`).exec(kubeconfig) ?? [];
    return Buffer.from(encoded, "base64").toString();
  };
  return {
    ca: field("certificate-authority-data"),
    cert: field("client-certificate-data"),
    key: field("client-key-data"),
  };
}

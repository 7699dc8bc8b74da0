/** A server as a process of its own: as `npm start` runs it or the one executable, on a free port and a new data directory. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { engineFlags } from "./harness.ts";

const root = resolve(import.meta.dirname, "..");
const binary = join(root, "dist", "mini-k8s");
const readyMs = 30_000;
const betweenAsksMs = 2;

export type Variant = "npm start" | "executable";

/** The executable only where it was built. */
export function variants(): Variant[] {
  return existsSync(binary) ? ["npm start", "executable"] : ["npm start"];
}

export function programOf(variant: Variant): string[] {
  if (variant === "executable") return [binary];
  execFileSync(process.execPath, [join(root, "scripts", "run-bundle.ts")]);
  return [
    "/usr/bin/env",
    "MALLOC_ARENA_MAX=1",
    process.execPath,
    ...engineFlags,
    join(root, "bin", "bundled.cjs"),
  ];
}

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  /** From exec to the first 200 of /readyz. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #kubeconfig: string;

  private constructor(child: ChildProcess, port: number, kubeconfig: string, tookMs: number) {
    this.#child = child;
    this.port = port;
    this.#kubeconfig = kubeconfig;
    this.readyMs = tookMs;
  }

  /** Without a node: only the control plane. */
  static async start(variant: Variant, folder: string): Promise<ServerProcess> {
    const port = await freePort();
    const kubeconfig = join(folder, "kubeconfig.yaml");
    const [file = "", ...args] = programOf(variant);
    const options = [
      ["--disable-agent", "--data-dir", join(folder, "data"), "--write-kubeconfig", kubeconfig],
      ["--bind-address", "127.0.0.1", "--https-listen-port", String(port)],
    ].flat();
    const startedAt = performance.now();
    const child = spawn(file, [...args, "server", ...options], { stdio: "ignore" });
    try {
      await untilReady(port, child, startedAt + readyMs);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
    return new ServerProcess(child, port, kubeconfig, performance.now() - startedAt);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What the kubeconfig of the first administrator says; it is written when all components are ready. */
  async credentials(): Promise<{ readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer }> {
    const deadline = performance.now() + readyMs;
    while (!existsSync(this.#kubeconfig)) {
      if (performance.now() > deadline) throw new Error(`no ${this.#kubeconfig} within ${readyMs} ms`);
      await pause(betweenAsksMs);
    }
    const text = readFileSync(this.#kubeconfig, "utf8");
    const field = (name: string): Buffer => {
      const value = new RegExp(`${name}: *"?([A-Za-z0-9+/=]+)`).exec(text)?.[1];
      if (value === undefined) throw new Error(`${this.#kubeconfig} has no ${name}`);
      return Buffer.from(value, "base64");
    };
    return {
      ca: field("certificate-authority-data"),
      cert: field("client-certificate-data"),
      key: field("client-key-data"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }
}

async function untilReady(port: number, child: ChildProcess, deadline: number): Promise<void> {
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    if (performance.now() > deadline) throw new Error(`the server is not ready within ${readyMs} ms`);
    await pause(betweenAsksMs);
  }
}

function isReady(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const options = { host: "127.0.0.1", port, path: "/readyz", rejectUnauthorized: false, agent: false };
    const asked = request(options, (response) => {
      response.resume();
      answer(response.statusCode === 200);
    });
    asked.once("error", () => {
      answer(false);
    });
    asked.end();
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

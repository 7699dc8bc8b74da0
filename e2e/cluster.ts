/** A real server or agent on a lab host, and the real kubectl to talk to it. */
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createWriteStream } from "node:fs";
import { join, resolve } from "node:path";
import { ExecError } from "#base/exec.ts";
import type { LabHost } from "./lab.ts";
import { eventually } from "./wait.ts";

const root = resolve(import.meta.dirname, "..");
const readyMs = 60_000;
const stopMs = 30_000;

export type KubectlVersion = "1.35" | "1.33" | "1.27";

export interface StartOptions {
  readonly args?: readonly string[];
  /** Image tars of .cache/images to preload. */
  readonly images?: readonly string[];
  /** What to run instead of the sources, up to mini-k8s's own arguments. */
  readonly program?: readonly string[];
}

/** Where a host keeps /var/lib/mini-k8s, seen from outside. */
const dataDirOf = (host: LabHost): string => join(host.directory, "lib", "mini-k8s");

export class NodeProcess implements AsyncDisposable {
  readonly host: LabHost;
  readonly #args: readonly string[];
  readonly #options: StartOptions;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(host: LabHost, args: readonly string[], options: StartOptions) {
    this.host = host;
    this.#args = args;
    this.#options = options;
  }

  /** Everything it has printed, log included. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    preload(this.host, this.#options.images ?? []);
    const program = this.#options.program ?? [process.execPath, join(root, "bin", "mini-k8s.js")];
    const child = this.host.spawn([...program, ...this.#args, ...(this.#options.args ?? [])], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const log = createWriteStream(join(this.host.directory, "mini-k8s.log"), { flags: "a" });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
        log.write(chunk);
      });
    }
    child.once("close", () => log.end());
    const before = this.#output.length;
    const fresh = (): string => this.#output.slice(before);
    await eventually(`mini-k8s ${this.#args[0]} on ${this.host.name} is ready`, readyMs, () =>
      Promise.resolve(child.exitCode !== null || fresh().includes("ready in ")),
    ).catch((cause: unknown) => {
      throw new Error(`not ready:\n${fresh().slice(-4000)}`, { cause });
    });
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${fresh().slice(-4000)}`);
  }

  /** kill -9 of the process itself, not of its pods. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    const pid = this.#ownPid();
    if (pid === undefined) child.kill("SIGKILL");
    else process.kill(pid, "SIGKILL");
    await gone;
  }

  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null;
    }
    const gone = new Promise((done) => child.once("exit", done));
    const pid = this.#ownPid();
    process.kill(pid ?? child.pid ?? 0, "SIGTERM");
    await Promise.race([
      gone,
      eventually("mini-k8s stops", stopMs, () => Promise.resolve(child.exitCode !== null)),
    ]);
    return child.exitCode;
  }

  /** nsenter forks to enter the process namespace: the child is the program. */
  #ownPid(): number | undefined {
    const pid = this.#child?.pid;
    if (pid === undefined) return undefined;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => this.kill());
  }
}

function preload(host: LabHost, images: readonly string[]): void {
  const directory = join(dataDirOf(host), "agent", "images");
  mkdirSync(directory, { recursive: true });
  for (const image of images) {
    const target = join(directory, `${image}.tar`);
    if (!existsSync(target)) copyFileSync(join(root, ".cache", "images", `${image}.tar`), target);
  }
}

export async function startServer(host: LabHost, options: StartOptions = {}): Promise<Cluster> {
  const server = new NodeProcess(host, ["server"], { images: ["busybox", "httpd-1", "httpd-2"], ...options });
  await server.start();
  return new Cluster(server);
}

export async function startAgent(
  host: LabHost,
  cluster: Cluster,
  options: StartOptions = {},
): Promise<NodeProcess> {
  const url = `https://${cluster.server.host.address}:6443`;
  const args = ["agent", "--server", url, "--token", await cluster.token()];
  const agent = new NodeProcess(host, args, { images: ["busybox", "httpd-1", "httpd-2"], ...options });
  await agent.start();
  return agent;
}

export interface KubectlOptions {
  readonly version?: KubectlVersion;
  readonly input?: string;
}

export class Cluster implements AsyncDisposable {
  readonly server: NodeProcess;

  constructor(server: NodeProcess) {
    this.server = server;
  }

  get kubeconfig(): string {
    return "/etc/mini-k8s/mini-k8s.yaml";
  }

  kubectlCommand(args: readonly string[], version: KubectlVersion = "1.35"): string[] {
    return [join(root, ".cache", "bin", `kubectl-${version}`), "--kubeconfig", this.kubeconfig, ...args];
  }

  /** Standard output. Throws ExecError with what kubectl said on standard error. */
  async kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
    const input = options.input === undefined ? {} : { input: options.input };
    const { stdout } = await this.server.host.exec(this.kubectlCommand(args, options.version), input);
    return stdout;
  }

  /** What kubectl said when it refused. */
  async kubectlFails(args: readonly string[], options: KubectlOptions = {}): Promise<string> {
    try {
      const output = await this.kubectl(args, options);
      throw new Error(`kubectl ${args.join(" ")} succeeded: ${output}`);
    } catch (error) {
      if (error instanceof ExecError) return error.stderr;
      throw error;
    }
  }

  async apply(manifest: string): Promise<string> {
    return this.kubectl(["apply", "-f", "-"], { input: manifest });
  }

  async token(): Promise<string> {
    const text = readFileSync(join(dataDirOf(this.server.host), "server", "agent-token"), "utf8");
    return Promise.resolve(text.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

/** A server on this machine, without agent unless its runtime is named, as a process of its own, and the real kubectls and helms to talk to it. */
import { execFile, spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { exec, ExecError } from "#base/exec.ts";
import type { KubectlVersion } from "./cluster.ts";
import type { Said } from "./bare-server.ts";
import { OwnServer } from "./own-server.ts";
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
  readonly #server: OwnServer;

  private constructor(server: OwnServer) {
    this.#server = server;
  }

  static async start(more: readonly string[] = []): Promise<PlainServer> {
    return new PlainServer(await OwnServer.start(more));
  }

  /** The home of all that is run against it; its own data lie in `data`. */
  get directory(): string {
    return this.#server.directory;
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
      // Where kubectl leaves what was edited in vain.
      TMPDIR: this.directory,
      KUBECONFIG: this.#server.kubeconfig,
    };
  }

  /** kubectl for the bearer of a token, who has nothing else. */
  async bearing(token: string, args: readonly string[]): Promise<string> {
    const nobody = ["--kubeconfig=/dev/null", `--server=${await this.#url()}`, "--insecure-skip-tls-verify"];
    return this.kubectl("1.35", [...nobody, `--token=${token}`, ...args]);
  }

  /** Whom the server takes him for, in kubectl's words. */
  whoami(token: string, ...more: string[]): Promise<string> {
    return this.bearing(token, ["auth", "whoami", ...more]);
  }

  #url(): Promise<string> {
    return this.kubectl("1.35", ["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
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
    const gone = new Promise((done) => child.once("close", done));
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
    const url = await this.#url();
    const { promise, resolve: answer, reject } = Promise.withResolvers<IncomingMessage>();
    request(`${url}${path}`, { rejectUnauthorized: false }, answer).once("error", reject).end();
    const response = await promise;
    return { status: response.statusCode, text: await text(response) };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

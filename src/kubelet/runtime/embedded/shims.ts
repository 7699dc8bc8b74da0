/** Starts shims and talks to them: containers, execs, namespaces, mounts, forwarded ports. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { exec } from "#base/exec.ts";
import { readTextIfExists } from "#base/files.ts";
import type { Random } from "#base/random.ts";
import { forwardPort } from "../port-forward.ts";
import { RuntimeError, type Session, type StreamOptions } from "../runtime.ts";
import { ShimConnection, toShim, type ShimEvents } from "./frames.ts";
import { ShimSession } from "./session.ts";

export interface ShimsOptions {
  readonly shim: string;
  readonly runc: string;
  /** Where runc keeps its state: gone after a reboot, as what it describes. */
  readonly runcRoot: string;
  /** Short-lived folders of execs. */
  readonly execDir: string;
}

export interface ShimsDeps {
  readonly random: Random;
}

export interface LaunchConfig {
  readonly id: string;
  /** The shim's working directory: its socket, process ids and exit code are there. */
  readonly directory: string;
  readonly bundle: string;
  readonly logPath: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
}

/** What runs besides us needs no more of our environment. */
const env = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

export class Shims {
  readonly #options: ShimsOptions;
  readonly #deps: ShimsDeps;

  constructor(options: ShimsOptions, deps: ShimsDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Starts a container under a shim of its own; returns the process id. Throws with runc's words when it can't. */
  async run(config: LaunchConfig): Promise<number> {
    const { id, directory, bundle } = config;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const log = join(directory, "log.json");
    const flags = `-${config.tty ? "t" : ""}${config.stdin ? "i" : ""}${config.stdin && config.stdinOnce ? "o" : ""}`;
    const console = config.tty ? ["--console-socket", "@tty"] : [];
    const pidFile = ["--pid-file", join(directory, "pid")];
    const runc = [...this.#runc(log), "run", "--detach", "--bundle", bundle, ...pidFile, ...console, id];
    const child = spawn(this.#options.shim, ["run", flags, config.logPath, "--", ...runc], {
      cwd: directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env,
    });
    child.unref();
    const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr), spawned(child)]);
    const [, pid] = /^ok (\d+)$/m.exec(said) ?? [];
    if (pid !== undefined) return Number(pid);
    const reason =
      (await runcError(log)) ?? (complaint.trim() || said.trim() || "the shim ended without a word");
    await this.delete(id);
    throw new RuntimeError("unknown", `failed to create task: OCI runtime create failed: ${reason}`);
  }

  /** Undefined when no shim is there any more. */
  async connect(directory: string, events: ShimEvents): Promise<ShimConnection | undefined> {
    const pid = Number(await readTextIfExists(join(directory, "shim")));
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    // Through the shim's working directory: the path of a socket must be shorter than ours may be.
    const socket = connect(`/proc/${pid}/cwd/s`);
    return new Promise((resolve) => {
      const onError = (): void => {
        resolve(undefined);
      };
      socket.once("error", onError);
      socket.once("connect", () => {
        socket.off("error", onError);
        resolve(new ShimConnection(socket, socket, events));
      });
    });
  }

  /** Removes what runc keeps of a container, killing what is left of it. Succeeds when there is nothing. */
  async delete(id: string): Promise<void> {
    try {
      await exec(this.#options.runc, ["--root", this.#options.runcRoot, "delete", "--force", id], { env });
    } catch (error) {
      if (!(error instanceof Error) || !/does not exist/.test(error.message)) throw error;
    }
  }

  async update(id: string, resources: object): Promise<void> {
    const args = ["--root", this.#options.runcRoot, "update", "--resources", "-", id];
    await exec(this.#options.runc, args, { input: JSON.stringify(resources), env });
  }

  /** Runs a process in a container. Resolves once it has started. */
  async exec(id: string, process: object, options: StreamOptions): Promise<Session> {
    const directory = join(this.#options.execDir, this.#deps.random.bytes(8).toString("hex"));
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      return await this.#exec(id, process, options, directory);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async #exec(id: string, process: object, options: StreamOptions, directory: string): Promise<Session> {
    const log = join(directory, "log.json");
    const spec = join(directory, "process.json");
    await writeFile(spec, JSON.stringify(process), { mode: 0o600 });
    const console = options.tty ? ["--tty", "--console-socket", "@tty"] : [];
    const files = ["--process", spec, "--pid-file", join(directory, "pid")];
    const args = [...this.#runc(log), "exec", "--detach", ...files, ...console, id];
    const flags = `-${options.tty ? "t" : ""}${options.stdin ? "i" : ""}`;
    const child = spawn(this.#options.shim, ["exec", flags, "--", ...args], {
      cwd: directory,
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
      env,
    });
    const session = new ShimSession(options, { kills: true, endsStdin: true });
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const connection = new ShimConnection(child.stdout, child.stdin, {
      onOutput: (stream, chunk) => session.output(stream, chunk),
      onStarted: () => {
        resolve(true);
      },
      onFailed: () => {
        resolve(false);
      },
      onExit: (code) => {
        session.end(code);
      },
      onClose: () => {
        resolve(false);
        // Without an exit code: the shim was killed, and the process with it.
        session.end(137);
        rm(directory, { recursive: true, force: true }).catch(() => undefined);
      },
    });
    session.use(connection);
    child.once("error", reject);
    if (await promise) return session;
    const reason = (await runcError(log)) ?? "the shim ended without a word";
    connection.close();
    throw new RuntimeError("unknown", `OCI runtime exec failed: ${reason}`);
  }

  /** Takes part in a running container's conversation with the world. */
  async attach(directory: string, options: StreamOptions, endsStdin: boolean): Promise<Session> {
    const session = new ShimSession(options, { kills: false, endsStdin });
    const connection = await this.connect(directory, {
      onOutput: (stream, chunk) => session.output(stream, chunk),
      onExit: (code) => {
        session.end(code);
      },
      onClose: () => {
        session.end(0);
      },
    });
    if (connection === undefined) throw new RuntimeError("unknown", "the container is not running");
    session.use(connection);
    connection.send(toShim.listen, Buffer.from([options.stdin ? 1 : 0]));
    return session;
  }

  /** Pins fresh namespaces as files `net`, `uts`, `ipc` in `directory`; `kinds` names them by first letter. */
  async namespaces(
    directory: string,
    kinds: string,
    hostname: string,
    sysctls: Readonly<Record<string, string>>,
  ): Promise<void> {
    const values = Object.entries(sysctls).flatMap(([name, value]) => [sysctlPath(name), value]);
    await exec(this.#options.shim, ["namespaces", directory, kinds, hostname, ...values], { env });
  }

  async mountOverlay(
    target: string,
    layers: readonly string[],
    own: { upper: string; work: string; layersDir: string },
  ): Promise<void> {
    const options = `lowerdir=${layers.join(":")},upperdir=${own.upper},workdir=${own.work}`;
    // Relative to the layers' folder: the kernel takes one page of options, and images have up to 127 layers.
    await exec(this.#options.shim, ["mount", "overlay", "overlay", target, "0", options], {
      env,
      cwd: own.layersDir,
    });
  }

  /** Throws when this file system can't carry overlays: then no container would ever start. */
  async checkOverlay(directory: string): Promise<void> {
    const [lower, upper, work, target] = ["lower", "upper", "work", "target"].map((name) =>
      join(directory, name),
    ) as [string, string, string, string];
    try {
      for (const path of [lower, upper, work, target]) await mkdir(path, { recursive: true });
      await this.mountOverlay(target, [lower], { upper, work, layersDir: directory });
      await this.unmount(target);
    } catch (cause) {
      throw new RuntimeError(
        "unavailable",
        `${directory} lies on a file system that can't hold overlay mounts: give --data-dir on another (ext4, xfs, tmpfs)`,
        { cause },
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async mountTmpfs(target: string, options: string): Promise<void> {
    const flags = 2 | 4 | 8; // nosuid, nodev, noexec
    await exec(this.#options.shim, ["mount", "tmpfs", "shm", target, String(flags), options], { env });
  }

  /** Lazily; what isn't mounted or isn't there is fine. */
  async unmount(...targets: string[]): Promise<void> {
    await exec(this.#options.shim, ["unmount", ...targets], { env });
  }

  /** A connection to a port on the loopback of a network namespace. */
  forward(netns: string, port: number): Promise<Duplex> {
    return forwardPort(this.#options.shim, netns, port);
  }

  #runc(log: string): string[] {
    return [this.#options.runc, "--root", this.#options.runcRoot, "--log", log, "--log-format", "json"];
  }
}

/** Both separators are in use: "net.ipv4.conf.eth0/1.forwarding" has a dot in a name. */
function sysctlPath(name: string): string {
  const isSlashed =
    name.indexOf("/") >= 0 && (name.indexOf(".") < 0 || name.indexOf("/") < name.indexOf("."));
  const path = isSlashed ? name : name.replace(/[./]/g, (c) => (c === "." ? "/" : "."));
  return `/proc/sys/${path}`;
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

/** The last error in runc's log. */
async function runcError(log: string): Promise<string | undefined> {
  const lines = (await readFile(log, "utf8").catch(() => "")).trim().split("\n");
  const messages = lines.flatMap((line) => {
    const entry = parseEntry(line);
    return entry?.level === "error" || entry?.level === "fatal" ? [entry.msg ?? ""] : [];
  });
  return messages.at(-1);
}

function parseEntry(line: string): { readonly level?: string; readonly msg?: string } | undefined {
  try {
    return JSON.parse(line) as { level?: string; msg?: string };
  } catch {
    return undefined;
  }
}

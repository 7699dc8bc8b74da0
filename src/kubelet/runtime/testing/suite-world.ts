/** What every case of the runtime suite stands on: a driver, pods of one container, and ways to wait. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import type {
  ContainerConfig,
  ContainerStatus,
  Runtime,
  RuntimeEvent,
  SandboxConfig,
  Session,
} from "../runtime.ts";

export interface RuntimeSuiteOptions {
  /** An image with busybox's sh, present in the runtime. */
  readonly image: string;
  /** Where log files go. */
  readonly directory: string;
  /** Whether containers are real: with a kernel, namespaces and limits. */
  readonly isReal: boolean;
  /** A Docker daemon on a machine that lacks a capability can't run privileged containers. */
  readonly canBePrivileged: boolean;
  /** "/kubepods-suite": each pod's cgroup is below. */
  readonly cgroupParent: string;
}

export interface SuiteCase {
  readonly name: string;
  /** Only where there are real processes. */
  readonly needsKernel?: boolean;
  readonly run: (world: SuiteWorld) => Promise<void>;
}

export const waitMaxMs = 20_000;

export class SuiteWorld {
  readonly options: RuntimeSuiteOptions;
  readonly #open: () => Promise<Runtime>;
  #runtime: Runtime;
  readonly #logPaths = new Map<string, string>();
  #pods = 0;

  private constructor(options: RuntimeSuiteOptions, open: () => Promise<Runtime>, runtime: Runtime) {
    this.options = options;
    this.#open = open;
    this.#runtime = runtime;
  }

  static async create(options: RuntimeSuiteOptions, open: () => Promise<Runtime>): Promise<SuiteWorld> {
    return new SuiteWorld(options, open, await open());
  }

  get runtime(): Runtime {
    return this.#runtime;
  }

  get signal(): AbortSignal {
    return AbortSignal.timeout(waitMaxMs);
  }

  /** Another driver over the same directories, as after a restart. */
  async reopen(): Promise<void> {
    await this.#runtime.close();
    this.#runtime = await this.#open();
  }

  /** Without a driver in between: `meanwhile` happens while nobody looks after the containers. */
  async reopenAfter(meanwhile: () => Promise<void>): Promise<void> {
    await this.#runtime.close();
    await meanwhile();
    this.#runtime = await this.#open();
  }

  /** Removes every pod. */
  async clear(): Promise<void> {
    for (const { id } of await this.runtime.listSandboxes()) await this.runtime.removeSandbox(id);
    assert.deepEqual(await this.runtime.listContainers(), []);
    assert.deepEqual(await this.runtime.listSandboxes(), []);
  }

  sandbox(changes: Partial<SandboxConfig> = {}): SandboxConfig {
    this.#pods += 1;
    const uid = `uid-${this.#pods}`;
    return {
      name: `pod-${this.#pods}`,
      uid,
      namespace: "default",
      attempt: 0,
      hostname: `host-${this.#pods}`,
      logDirectory: join(this.options.directory, "logs", uid),
      dns: { servers: ["10.43.0.10"], searches: ["svc.cluster.local"], options: ["ndots:5"] },
      portMappings: [],
      labels: { app: "suite" },
      annotations: { note: "sandbox" },
      cgroupParent: `${this.options.cgroupParent}/pod${uid}`,
      sysctls: {},
      namespaces: { network: "pod", pid: "container", ipc: "pod" },
      ...changes,
    };
  }

  container(script: string, changes: Partial<ContainerConfig> = {}): ContainerConfig {
    return {
      name: "main",
      attempt: 0,
      image: this.options.image,
      command: ["sh", "-c", script],
      args: [],
      workingDir: "",
      env: [],
      mounts: [],
      devices: [],
      labels: { tier: "one" },
      annotations: { note: "container" },
      logPath: "main/0.log",
      stdin: false,
      stdinOnce: false,
      tty: false,
      resources: { cpuPeriod: 0, cpuQuota: 0, cpuShares: 0, memoryLimit: 0, oomScoreAdj: 0 },
      security: {
        privileged: false,
        addCapabilities: [],
        dropCapabilities: [],
        runAsUser: undefined,
        runAsGroup: undefined,
        runAsUsername: "",
        supplementalGroups: [],
        readonlyRootfs: false,
        noNewPrivileges: false,
        seccomp: "runtime-default",
      },
      pid: "container",
      stopSignal: "",
      ...changes,
    };
  }

  /** A pod of one started container. */
  async start(
    script: string,
    changes: Partial<ContainerConfig> = {},
    sandboxChanges: Partial<SandboxConfig> = {},
  ): Promise<{ readonly id: string; readonly sandboxId: string; readonly sandbox: SandboxConfig }> {
    const sandbox = this.sandbox(sandboxChanges);
    const sandboxId = await this.runtime.runSandbox(sandbox, this.signal);
    const id = await this.add(sandboxId, sandbox, this.container(script, changes));
    return { id, sandboxId, sandbox };
  }

  /** Another started container of a pod. */
  async add(sandboxId: string, sandbox: SandboxConfig, config: ContainerConfig): Promise<string> {
    const id = await this.runtime.createContainer(sandboxId, config, sandbox);
    this.#logPaths.set(id, (await this.runtime.containerStatus(id)).logPath);
    await this.runtime.startContainer(id);
    return id;
  }

  /** Waits for its end by the runtime's events. */
  async ended(id: string): Promise<ContainerStatus> {
    return this.#until(`container ${id} to end`, async () => {
      const status = await this.runtime.containerStatus(id);
      return status.state === "exited" ? status : undefined;
    });
  }

  /** Starts a container, waits for its end and returns what it wrote. */
  async output(script: string, changes: Partial<ContainerConfig> = {}): Promise<string> {
    const { id } = await this.start(script, changes);
    await this.ended(id);
    return (await this.lines(id)).map(({ text }) => text).join("\n");
  }

  async logText(id: string): Promise<string> {
    return readFile((await this.runtime.containerStatus(id)).logPath, "utf8");
  }

  /** The log's lines, each checked for its form. */
  async lines(id: string): Promise<{ stream: string; tag: string; text: string }[]> {
    return parseLog(await this.logText(id));
  }

  /** Waits until the log says it. */
  async logged(id: string, text: string): Promise<void> {
    if (!this.#logPaths.has(id)) this.#logPaths.set(id, (await this.runtime.containerStatus(id)).logPath);
    await this.fileSays(id, text);
  }

  /** The same without asking the runtime. There is no event for output: it looks every few milliseconds. */
  async fileSays(id: string, text: string): Promise<void> {
    const signal = this.signal;
    const path = this.#logPaths.get(id) ?? "";
    for (;;) {
      const log = await readFile(path, "utf8").catch(() => "");
      if (log.includes(text)) return;
      assert(!signal.aborted, `the log never said ${JSON.stringify(text)}, but ${JSON.stringify(log)}`);
      await nextTry();
    }
  }

  /** Waits until `check` gives something, asking at each event and every few milliseconds. */
  async #until<T>(what: string, check: () => Promise<T | undefined>): Promise<T> {
    const signal = this.signal;
    for (;;) {
      const value = await check();
      if (value !== undefined) return value;
      assert(!signal.aborted, `waited in vain for ${what}`);
      await nextTry();
    }
  }

  /** Collects events until one is of this kind and container. */
  async eventsUntil(
    type: RuntimeEvent["type"],
    containerId: () => string,
    act: () => Promise<void>,
  ): Promise<readonly RuntimeEvent[]> {
    const seen: RuntimeEvent[] = [];
    const signal = this.signal;
    const events = this.runtime.events(signal);
    const acting = act();
    for await (const event of events) {
      seen.push(event);
      if (event.type === type && event.containerId === containerId()) break;
    }
    await acting;
    assert(!signal.aborted, `no event ${type}, but ${JSON.stringify(seen)}`);
    return seen;
  }
}

const tryEveryMs = 10;

/** Real programs have no clock to move: the next look comes a little later. */
export async function nextTry(): Promise<void> {
  await systemClock.sleep(tryEveryMs, AbortSignal.timeout(waitMaxMs));
}

const linePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)$/s;

export function parseLog(log: string): { stream: string; tag: string; text: string }[] {
  if (log === "") return [];
  assert(log.endsWith("\n"), "the log ends within a line");
  return log
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const [, stream = "", tag = "", text = ""] = linePattern.exec(line) ?? [];
      assert(stream !== "", `no CRI log line: ${JSON.stringify(line.slice(0, 200))}`);
      return { stream, tag, text };
    });
}

/** Everything a stream says until its end. */
export async function readAll(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  if (stream !== undefined) for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Reads until the text has come. */
export async function readUntil(stream: NodeJS.ReadableStream | undefined, text: string): Promise<string> {
  assert(stream !== undefined, "no stream");
  let seen = "";
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (!seen.includes(text)) return;
      stream.off("data", onData);
      stream.pause();
      resolve(seen);
    };
    stream.on("data", onData);
    stream.once("end", () => {
      reject(new Error(`ended before ${JSON.stringify(text)}: ${JSON.stringify(seen)}`));
    });
  });
}

export function stdinOf(session: Session): NodeJS.WritableStream {
  assert(session.stdin !== undefined, "no stdin");
  return session.stdin;
}

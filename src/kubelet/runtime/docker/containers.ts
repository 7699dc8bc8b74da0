/** Containers over Docker, and their log files. */
import { mkdir, readFile, stat } from "node:fs/promises";
import type { Duplex } from "node:stream";
import type Dockerode from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Cgroups } from "../cgroups.ts";
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type LinuxResources,
  type SandboxConfig,
  type Session,
  type StreamOptions,
} from "../runtime.ts";
import { ask, askLeniently } from "./api.ts";
import type { DockerImages } from "./images.ts";
import type { Inventory } from "./inventory.ts";
import { LogFollower } from "./log-follower.ts";
import { isSandbox } from "./sandboxes.ts";
import { DockerSession } from "./sessions.ts";
import { containerSpec, labels, resourcesSpec, type ContainerRecordLabel, type SpecFacts } from "./spec.ts";
import { nanosOf } from "./times.ts";

export interface DockerContainersDeps {
  readonly docker: Dockerode;
  readonly inventory: Inventory;
  readonly images: DockerImages;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Logger;
  /** A container's output is all in its file and its end may be known. */
  readonly onEnd: (found: ContainerInspectInfo) => void;
}

/** 128 + SIGKILL */
const killedCode = 137;
const outOfMemoryNewsMaxMs = 300;
const triesMax = 10;
const tryEveryMs = 10;
/** An end is told once the log is written, but not later than this: a daemon may hang. */
const drainMaxMs = 5_000;
/** The daemon tells an exec's end within moments of its output's end. */
const execEndMaxMs = 5_000;

export class DockerContainers {
  readonly #facts: SpecFacts;
  readonly #deps: DockerContainersDeps;
  readonly #stopped = new AbortController();
  readonly #followers = new Map<string, LogFollower>();
  /** Ended, but the log isn't whole yet. */
  readonly #draining = new Map<string, Promise<void>>();

  constructor(facts: SpecFacts, deps: DockerContainersDeps) {
    this.#facts = facts;
    this.#deps = deps;
  }

  list(): readonly ContainerInspectInfo[] {
    return this.#deps.inventory.list().filter((found) => !isSandbox(found));
  }

  get(id: string): ContainerInspectInfo {
    const found = this.#deps.inventory.get(id);
    if (found === undefined || isSandbox(found)) {
      throw new RuntimeError("not-found", `container ${id} not found`);
    }
    return found;
  }

  ofSandbox(sandboxId: string): readonly ContainerInspectInfo[] {
    return this.list().filter((found) => sandboxIdOf(found) === sandboxId);
  }

  async create(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const { docker, images, inventory } = this.#deps;
    const owner = inventory.get(sandboxId);
    if (owner === undefined) throw new RuntimeError("not-found", `sandbox ${sandboxId} not found`);
    if (!owner.State.Running) throw new RuntimeError("unknown", `sandbox ${sandboxId} is not running`);
    const image = await images.status(config.image);
    if (image === undefined) throw new RuntimeError("not-found", `image ${config.image} is not present`);
    for (const { hostPath } of config.mounts) {
      await stat(hostPath).catch(() => mkdir(hostPath, { recursive: true }));
    }
    const imageFacts = { imageUser: image.user, imageId: image.id };
    const spec = containerSpec({ config, sandbox, sandboxId, facts: this.#facts, ...imageFacts });
    const { id } = await ask(docker.createContainer(spec));
    await inventory.refresh(id);
    return id;
  }

  async start(id: string): Promise<void> {
    const { docker, inventory } = this.#deps;
    const { State } = this.get(id);
    if (State.Status !== "created") {
      throw new RuntimeError("unknown", `container ${id} is ${State.Status}, not created`);
    }
    try {
      await ask(docker.getContainer(id).start());
    } finally {
      await inventory.refresh(id);
    }
  }

  async stop(id: string, graceMs: number): Promise<void> {
    const { docker, inventory } = this.#deps;
    const found = inventory.get(id);
    if (found === undefined) return;
    const container = docker.getContainer(id);
    if (found.State.Running) {
      await askLeniently(graceMs <= 0 ? container.kill() : container.stop({ t: Math.ceil(graceMs / 1000) }));
      // A kill returns before the death.
      if (graceMs <= 0) await askLeniently(container.wait());
      await inventory.refresh(id);
    }
    await this.#draining.get(id);
  }

  async remove(id: string): Promise<void> {
    if (this.#deps.inventory.get(id) === undefined) return;
    await this.stop(id, 0);
    this.#followers.get(id)?.close();
    await askLeniently(this.#deps.docker.getContainer(id).remove({ force: true, v: true }));
    await this.#deps.inventory.refresh(id);
  }

  status(found: ContainerInspectInfo): ContainerStatus {
    const record = recordOf(found);
    const { State } = found;
    const isDraining = this.#draining.has(found.Id);
    const state = isDraining ? "running" : stateOf(found);
    const hasEnded = state === "exited";
    return {
      id: found.Id,
      sandboxId: sandboxIdOf(found),
      name: record.name,
      attempt: record.attempt,
      image: record.image,
      imageId: found.Image,
      state,
      createdAt: nanosOf(found.Created),
      startedAt: nanosOf(State.StartedAt),
      finishedAt: hasEnded ? nanosOf(State.FinishedAt) || nanosOf(found.Created) : 0n,
      exitCode: hasEnded ? State.ExitCode : 0,
      reason: hasEnded ? this.#reasonOf(found) : "",
      message: hasEnded ? State.Error : "",
      labels: record.labels,
      annotations: record.annotations,
      logPath: record.logPath,
      pid: state === "running" ? State.Pid : 0,
    };
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    this.get(id);
    await ask(this.#deps.docker.getContainer(id).update(resourcesSpec(resources)));
    await this.#deps.inventory.refresh(id);
  }

  async stats(id: string): Promise<ContainerStats> {
    const { State } = this.get(id);
    const { cgroups, clock } = this.#deps;
    const text = State.Pid > 0 ? await readFile(`/proc/${State.Pid}/cgroup`, "utf8").catch(() => "") : "";
    const path = cgroups.pathOf(text);
    if (path === undefined) throw new RuntimeError("not-found", `container ${id} is not running`);
    const timestamp = BigInt(Math.floor(clock.now())) * 1_000_000n;
    return { containerId: id, timestamp, ...(await cgroups.usage(path)) };
  }

  async reopenLog(id: string): Promise<void> {
    if (!this.get(id).State.Running) throw new RuntimeError("unknown", `container ${id} is not running`);
    await this.#followers.get(id)?.reopen();
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
    const { docker, inventory } = this.#deps;
    if (!this.get(id).State.Running) throw new RuntimeError("unknown", `container ${id} is not running`);
    const exec = await ask(
      docker.getContainer(id).exec({
        Cmd: [...command],
        AttachStdin: options.stdin,
        AttachStdout: options.stdout,
        AttachStderr: options.stderr,
        Tty: options.tty,
      }),
    );
    const end = inventory.execEnd(exec.id);
    let connection: Duplex;
    try {
      connection = await ask(exec.start({ hijack: true, stdin: true, Tty: options.tty }));
    } catch (error) {
      end.forget();
      throw error;
    }
    return new DockerSession(connection, {
      streams: options,
      exitCode: () => this.#execCode(exec, end),
      resize: ({ width, height }) => this.#retrying(() => exec.resize({ w: width, h: height })),
      kill: () => this.#retrying(() => killExec(exec)),
      endsStdin: true,
    });
  }

  async attach(id: string, options: StreamOptions): Promise<Session> {
    const { docker } = this.#deps;
    const found = this.get(id);
    if (!found.State.Running) throw new RuntimeError("unknown", `container ${id} is not running`);
    const { tty, stdin } = recordOf(found);
    const streams = { ...options, tty, stdin: options.stdin && stdin };
    const container = docker.getContainer(id);
    const wanted = { stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr };
    const connection = (await ask(container.attach({ stream: true, hijack: true, ...wanted }))) as Duplex;
    return new DockerSession(connection, {
      streams,
      exitCode: async () => {
        await this.#deps.inventory.refresh(id);
        const now = this.#deps.inventory.get(id);
        return now?.State.Running === false ? now.State.ExitCode : 0;
      },
      resize: ({ width, height }) => container.resize({ w: width, h: height }),
      kill: undefined,
      endsStdin: found.Config.StdinOnce,
    });
  }

  /** Follows the log of what runs, and tells an end once the log is whole. */
  onChange(before: ContainerInspectInfo | undefined, now: ContainerInspectInfo | undefined): void {
    if (now === undefined) return;
    // At the first sight also of what has ended: nobody, or not all of it, may have written what it said.
    const isFirstSight = before === undefined || before.State.Status === "created";
    const hasOutput = now.State.Running || (isFirstSight && now.State.Status !== "created");
    if (hasOutput && !this.#followers.has(now.Id)) this.#follow(now);
    const hasEnded = stateOf(now) === "exited";
    if (hasEnded && before !== undefined && stateOf(before) !== "exited") this.#drain(now);
  }

  close(): void {
    this.#stopped.abort();
    for (const follower of this.#followers.values()) follower.close();
  }

  /** The daemon answers before the process has its id and its terminal; a little later it has. */
  async #retrying(act: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await act();
        return;
      } catch (error) {
        if (tries === triesMax) throw error;
        await this.#deps.clock.sleep(tryEveryMs * tries, this.#stopped.signal);
      }
    }
  }

  #follow(found: ContainerInspectInfo): void {
    const path = recordOf(found).logPath;
    if (path === "") return;
    const { docker, log } = this.#deps;
    const follower = new LogFollower(docker.getContainer(found.Id), { path, tty: found.Config.Tty });
    this.#followers.set(found.Id, follower);
    void follower.done.then((error) => {
      this.#followers.delete(found.Id);
      if (error !== undefined) log.debug("log stream broke", { container: found.Id, error });
    });
  }

  #drain(found: ContainerInspectInfo): void {
    const { clock, onEnd } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#draining.set(found.Id, promise);
    const finish = (): void => {
      cancel();
      if (this.#draining.get(found.Id) !== promise) return;
      this.#draining.delete(found.Id);
      onEnd(found);
      resolve();
    };
    const cancel = clock.after(drainMaxMs, finish);
    const isSuspect = found.State.ExitCode === killedCode && (found.HostConfig.Memory ?? 0) > 0;
    const news = isSuspect ? this.#deps.inventory.outOfMemoryNews(found.Id, outOfMemoryNewsMaxMs) : undefined;
    void Promise.all([this.#followers.get(found.Id)?.done, news]).then(finish);
  }

  #reasonOf({ Id, State }: ContainerInspectInfo): string {
    if (State.Status === "created") return "ContainerCannotRun";
    if (State.ExitCode === killedCode && this.#deps.inventory.wasOutOfMemory(Id)) return "OOMKilled";
    return State.ExitCode === 0 ? "Completed" : "Error";
  }

  /** Known from the exec itself or, as it may still be said to run, from the event of its end. */
  async #execCode(exec: Dockerode.Exec, end: ReturnType<Inventory["execEnd"]>): Promise<number> {
    try {
      const { Running, ExitCode } = await ask(exec.inspect());
      if (!Running && ExitCode !== null) return ExitCode;
      const late = Promise.withResolvers<number>();
      const cancel = this.#deps.clock.after(execEndMaxMs, () => {
        late.reject(new RuntimeError("unknown", `exec ${exec.id} has no exit code`));
      });
      const code = await Promise.race([end.code, late.promise]);
      cancel();
      return code;
    } finally {
      end.forget();
    }
  }
}

async function killExec(exec: Dockerode.Exec): Promise<void> {
  const { Pid, Running } = await exec.inspect();
  if (!Running) return;
  if (Pid === 0) throw new RuntimeError("unknown", `exec ${exec.id} has no process yet`);
  process.kill(Pid, "SIGKILL");
}

export function sandboxIdOf(found: ContainerInspectInfo): string {
  return found.Config.Labels[labels.sandbox] ?? "";
}

export function recordOf(found: ContainerInspectInfo): ContainerRecordLabel {
  return JSON.parse(found.Config.Labels[labels.record] ?? "{}") as ContainerRecordLabel;
}

/** A container whose start failed is "created" to Docker, with an exit code. */
function stateOf({ State }: ContainerInspectInfo): "created" | "running" | "exited" {
  if (State.Running) return "running";
  return State.Status === "created" && State.ExitCode === 0 ? "created" : "exited";
}

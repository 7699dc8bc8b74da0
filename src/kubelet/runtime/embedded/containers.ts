/**
 * Containers of the embedded runtime: an overlay over the image's layers, a bundle, and a shim that runs it.
 * A shim's exit message, or the exit file it left, is the only source of a container's end.
 */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { readTextIfExists } from "#base/files.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { ImageStore, StoredImage } from "../../images/store.ts";
import type { Cgroups } from "../cgroups.ts";
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerStatus,
  type LinuxResources,
  type RuntimeEvent,
  type Session,
  type StreamOptions,
} from "../runtime.ts";
import {
  commandOf,
  containerSpec,
  processSpec,
  resourcesSpec,
  type BundleInput,
  type ImageDefaults,
  type MachineFacts,
  type OciDevice,
} from "./bundle.ts";
import { toShim, type ShimConnection } from "./frames.ts";
import { deviceAt, hostDevices } from "./machine.ts";
import { RecordStore, type ContainerRecord, type SandboxRecord } from "./records.ts";
import type { Sandboxes } from "./sandboxes.ts";
import type { Shims } from "./shims.ts";
import { signalNumber } from "./signals.ts";
import { resolveUser } from "./users.ts";

export interface ContainersOptions {
  readonly dataDir: string;
  readonly stateDir: string;
  readonly bootId: string;
  readonly machine: MachineFacts;
}

export interface ContainersDeps {
  readonly shims: Shims;
  readonly sandboxes: Sandboxes;
  readonly images: ImageStore;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly emit: (type: RuntimeEvent["type"], record: ContainerRecord) => void;
}

/** What is alive of a running container on our side. */
interface Running {
  readonly connection: ShimConnection;
  readonly exited: Promise<void>;
  readonly onLogReopened: (() => void)[];
}

const killNumber = 9;
const unknownExitCode = 255;

export class Containers {
  readonly #options: ContainersOptions;
  readonly #deps: ContainersDeps;
  readonly #store: RecordStore<ContainerRecord>;
  readonly #records = new Map<string, ContainerRecord>();
  readonly #running = new Map<string, Running>();
  /** Ends being worked off: runc's remains, the mount. Removal waits for them. */
  readonly #cleaning = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(options: ContainersOptions, deps: ContainersDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#store = new RecordStore(options.dataDir);
  }

  /** Finds everything again: what still runs is listened to, what ended meanwhile gets its exit code. */
  async load(): Promise<void> {
    const { records, broken } = await this.#store.load();
    for (const id of broken) {
      await this.#deps.shims.unmount(join(this.#store.directoryOf(id), "rootfs"));
      await this.#store.remove(id);
    }
    for (const record of records) this.#records.set(record.id, record);
    const alive = records.filter(({ state }) => state === "running");
    await Promise.all(alive.map((record) => this.#resume(record)));
  }

  list(): readonly ContainerRecord[] {
    return [...this.#records.values()];
  }

  get(id: string): ContainerRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new RuntimeError("not-found", `container ${id} not found`);
    return record;
  }

  ofSandbox(sandboxId: string): readonly ContainerRecord[] {
    return this.list().filter((record) => record.sandboxId === sandboxId);
  }

  async create(sandbox: SandboxRecord, config: ContainerConfig): Promise<string> {
    if (!sandbox.isReady) throw new RuntimeError("unknown", `sandbox ${sandbox.id} is not running`);
    const image = this.#deps.images.find(config.image);
    if (image === undefined) throw new RuntimeError("not-found", `image ${config.image} is not present`);
    const twin = this.ofSandbox(sandbox.id).find(
      (other) => other.config.name === config.name && other.config.attempt === config.attempt,
    );
    if (twin !== undefined) {
      throw new RuntimeError(
        "already-exists",
        `container ${config.name}_${config.attempt} exists as ${twin.id}`,
      );
    }
    if (commandOf(config, defaultsOf(image)).length === 0) {
      throw new RuntimeError(
        "invalid",
        `failed to generate container ${config.name} spec: no command specified`,
      );
    }
    const record: ContainerRecord = {
      id: this.#deps.random.bytes(32).toString("hex"),
      sandboxId: sandbox.id,
      config,
      imageId: image.id,
      logPath: config.logPath === "" ? "" : join(sandbox.config.logDirectory, config.logPath),
      bootId: this.#options.bootId,
      state: "created",
      createdAt: this.#now(),
      startedAt: "0",
      finishedAt: "0",
      exitCode: 0,
      reason: "",
      message: "",
      pid: 0,
    };
    this.#records.set(record.id, record);
    try {
      await this.#store.write(record);
      await this.#mount(record, image);
      await this.#writeBundle(record, sandbox, image);
    } catch (error) {
      await this.remove(record.id);
      throw error;
    }
    this.#deps.emit("created", record);
    return record.id;
  }

  async start(id: string): Promise<void> {
    const record = this.get(id);
    if (record.state !== "created") {
      throw new RuntimeError("unknown", `container ${id} is ${record.state}, not created`);
    }
    const { config, logPath } = record;
    const directory = this.#stateDirOf(id);
    if (logPath !== "") await mkdir(join(logPath, ".."), { recursive: true });
    try {
      const pid = await this.#deps.shims.run({
        id,
        directory,
        bundle: this.#store.directoryOf(id),
        logPath: logPath === "" ? "/dev/null" : logPath,
        tty: config.tty,
        stdin: config.stdin,
        stdinOnce: config.stdinOnce,
      });
      await this.#update({ ...record, state: "running", startedAt: this.#now(), pid });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const ended = { exitCode: 128, reason: "StartError", message, finishedAt: this.#now() };
      await this.#update({ ...record, ...ended, state: "exited" });
      await this.#deps.shims.unmount(join(this.#store.directoryOf(id), "rootfs"));
      throw error;
    }
    this.#deps.emit("started", this.get(id));
    await this.#listen(this.get(id));
  }

  async stop(id: string, graceMs: number): Promise<void> {
    const record = this.#records.get(id);
    const running = this.#running.get(id);
    if (record === undefined || running === undefined) return;
    const stopSignal = record.config.stopSignal || this.#imageStopSignal(record);
    running.connection.signal(graceMs > 0 ? signalNumber(stopSignal) : killNumber);
    const cancel = this.#deps.clock.after(graceMs, () => {
      running.connection.signal(killNumber);
    });
    await running.exited;
    cancel();
  }

  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record === undefined) return;
    await this.stop(id, 0);
    await this.#cleaning.get(id);
    const directory = this.#store.directoryOf(id);
    await this.#deps.shims.unmount(join(directory, "rootfs"));
    await this.#store.remove(id);
    await rm(this.#stateDirOf(id), { recursive: true, force: true });
    this.#records.delete(id);
    this.#deps.emit("deleted", record);
  }

  status(record: ContainerRecord): ContainerStatus {
    const { id, sandboxId, config, imageId, state, exitCode, reason, message, logPath, pid } = record;
    return {
      id,
      sandboxId,
      imageId,
      state,
      exitCode,
      reason,
      message,
      logPath,
      pid,
      name: config.name,
      attempt: config.attempt,
      image: config.image,
      labels: config.labels,
      annotations: config.annotations,
      createdAt: BigInt(record.createdAt),
      startedAt: BigInt(record.startedAt),
      finishedAt: BigInt(record.finishedAt),
    };
  }

  cgroupOf(record: ContainerRecord): string {
    return `${this.#deps.sandboxes.get(record.sandboxId).config.cgroupParent}/${record.id}`;
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    const record = this.get(id);
    if (record.state === "running") await this.#deps.shims.update(id, resourcesSpec(resources));
    await this.#update({ ...this.get(id), config: { ...record.config, resources } });
  }

  async reopenLog(id: string): Promise<void> {
    const running = this.#runningOf(id);
    const { promise, resolve } = Promise.withResolvers<void>();
    running.onLogReopened.push(resolve);
    running.connection.send(toShim.reopenLog);
    await Promise.race([promise, running.exited]);
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
    this.#runningOf(id);
    const bundle = join(this.#store.directoryOf(id), "config.json");
    const spec = JSON.parse(await readFile(bundle, "utf8")) as { process: Record<string, unknown> };
    const env = spec.process["env"] as string[];
    const withTerminal =
      options.tty && !env.some((entry) => entry.startsWith("TERM=")) ? [...env, "TERM=xterm"] : env;
    const process = { ...spec.process, args: command, terminal: options.tty, env: withTerminal };
    return this.#deps.shims.exec(id, process, options);
  }

  async attach(id: string, options: StreamOptions): Promise<Session> {
    this.#runningOf(id);
    const { config } = this.get(id);
    const wanted = { ...options, stdin: options.stdin && config.stdin, tty: config.tty };
    return this.#deps.shims.attach(this.#stateDirOf(id), wanted, config.stdinOnce);
  }

  close(): void {
    this.#isClosed = true;
    for (const { connection } of this.#running.values()) connection.close();
  }

  // ── inside ──

  #now(): string {
    return String(BigInt(Math.floor(this.#deps.clock.now())) * 1_000_000n);
  }

  #stateDirOf(id: string): string {
    return join(this.#options.stateDir, id);
  }

  #runningOf(id: string): Running {
    const running = this.#running.get(id);
    if (running !== undefined) return running;
    throw new RuntimeError("unknown", `container ${this.get(id).id} is not running`);
  }

  #imageStopSignal(record: ContainerRecord): string {
    return this.#deps.images.find(record.imageId)?.config.config?.StopSignal ?? "TERM";
  }

  async #update(record: ContainerRecord): Promise<void> {
    this.#records.set(record.id, record);
    await this.#store.write(record);
  }

  async #resume(record: ContainerRecord): Promise<void> {
    if (record.bootId === this.#options.bootId) await this.#listen(record);
    else await this.#finish(record, unknownExitCode, this.#now());
  }

  /** Hears of the container's end, now or later. */
  async #listen(record: ContainerRecord): Promise<void> {
    const { id } = record;
    const { promise: exited, resolve } = Promise.withResolvers<void>();
    const onLogReopened: (() => void)[] = [];
    const connection = await this.#deps.shims.connect(this.#stateDirOf(id), {
      onLogReopened: () => onLogReopened.shift()?.(),
      // The exit file is there before the message; it knows the time as well. No file: the shim was killed.
      onExit: () => {
        connection?.close();
      },
      onClose: () => {
        if (this.#isClosed) {
          resolve();
          return;
        }
        this.#onShimGone(id)
          .catch((error: unknown) => {
            this.#deps.log.error("end of a container could not be recorded", { container: id, error });
          })
          .finally(resolve);
      },
    });
    if (connection === undefined) await this.#onShimGone(id);
    else this.#running.set(id, { connection, exited, onLogReopened });
  }

  async #onShimGone(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record?.state !== "running") return;
    const text = await readTextIfExists(join(this.#stateDirOf(id), "exit"));
    const [, code, nanos] = /^(\d+) (\d+)$/m.exec(text ?? "") ?? [];
    await this.#finish(record, code === undefined ? unknownExitCode : Number(code), nanos ?? this.#now());
  }

  async #finish(record: ContainerRecord, exitCode: number, finishedAt: string): Promise<void> {
    const { id } = record;
    const wasKilledForMemory =
      exitCode === 137 && (await this.#deps.cgroups.oomKills(this.cgroupOf(record))) > 0;
    const reason = wasKilledForMemory ? "OOMKilled" : reasonOf(exitCode);
    this.#running.delete(id);
    const cleaning = this.#clean(id);
    this.#cleaning.set(id, cleaning);
    await this.#update({ ...record, state: "exited", exitCode, reason, finishedAt, pid: 0 });
    this.#deps.emit("stopped", this.get(id));
  }

  /** Kills what is left of it (processes in a shared process namespace) and gives back its cgroup and its mount. */
  async #clean(id: string): Promise<void> {
    try {
      await this.#deps.shims.delete(id);
      await this.#deps.shims.unmount(join(this.#store.directoryOf(id), "rootfs"));
    } catch (error) {
      this.#deps.log.warn("remains of a container are left", { container: id, error });
    } finally {
      this.#cleaning.delete(id);
    }
  }

  async #mount(record: ContainerRecord, image: StoredImage): Promise<void> {
    const directory = this.#store.directoryOf(record.id);
    const [rootfs, upper, work] = ["rootfs", "upper", "work"].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    for (const path of [rootfs, work]) await mkdir(path, { mode: 0o755 });
    await mkdir(upper, { mode: 0o755 });
    const { images, shims } = this.#deps;
    await shims.mountOverlay(rootfs, images.lowerDirs(image), { upper, work, layersDir: images.layersDir });
  }

  async #writeBundle(record: ContainerRecord, sandbox: SandboxRecord, image: StoredImage): Promise<void> {
    const directory = this.#store.directoryOf(record.id);
    const { config } = record;
    const rootfs = join(directory, "rootfs");
    const [passwd, group] = await Promise.all(
      ["passwd", "group"].map((name) => readTextIfExists(join(rootfs, "etc", name))),
    );
    for (const { hostPath } of config.mounts) await ensureExists(hostPath);
    const { runAsUser, runAsGroup, runAsUsername, supplementalGroups } = config.security;
    const wanted = { runAsUser, runAsGroup, runAsUsername, supplementalGroups };
    const input: BundleInput = {
      id: record.id,
      rootfs,
      config,
      sandbox: sandbox.config,
      files: await this.#files(config, sandbox),
      image: defaultsOf(image),
      user: resolveUser({ ...wanted, imageUser: image.config.config?.User ?? "" }, passwd ?? "", group ?? ""),
      machine: this.#options.machine,
      devices: await devicesOf(config),
    };
    const spec = { ...containerSpec(input), process: processSpec(input) };
    await writeFile(join(directory, "config.json"), JSON.stringify(spec), { mode: 0o600 });
  }

  async #files({ pid }: ContainerConfig, sandbox: SandboxRecord): Promise<BundleInput["files"]> {
    const files = await this.#deps.sandboxes.files(sandbox);
    if (typeof pid === "string") return files;
    const target = this.get(pid.target);
    if (target.pid === 0) throw new RuntimeError("unknown", `container ${pid.target} is not running`);
    return { ...files, pidns: `/proc/${target.pid}/ns/pid` };
  }
}

function reasonOf(exitCode: number): string {
  if (exitCode === unknownExitCode) return "Unknown";
  return exitCode === 0 ? "Completed" : "Error";
}

function defaultsOf(image: StoredImage): ImageDefaults {
  const { config } = image.config;
  return {
    env: config?.Env ?? [],
    entrypoint: config?.Entrypoint ?? [],
    cmd: config?.Cmd ?? [],
    workingDir: config?.WorkingDir ?? "",
  };
}

/** Docker made missing host directories, and clusters rely on it. */
async function ensureExists(path: string): Promise<void> {
  await stat(path).catch(() => mkdir(path, { recursive: true }));
}

async function devicesOf(config: ContainerConfig): Promise<OciDevice[]> {
  const wanted = config.devices.map(({ hostPath, containerPath, permissions }) =>
    deviceAt(hostPath, containerPath, permissions),
  );
  return [...(config.security.privileged ? await hostDevices() : []), ...(await Promise.all(wanted))];
}

/**
 * A runtime in memory: sandboxes and containers are objects, processes are programs in TypeScript.
 * For tests and simulated nodes; holds thousands of pods, moves with the clock it is given and is never chosen by itself.
 * Nothing survives the object; `close` ends its event streams only, so a test may "restart" over the same one.
 */
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import { EventHub } from "./event-hub.ts";
import { FakeContainer, type FakeStart } from "./fake-container.ts";
import { FakeImages } from "./fake-images.ts";
import type { FakeProgram } from "./fake-process.ts";
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type ExecOutput,
  type ImageAuth,
  type ImageInfo,
  type LinuxResources,
  type Runtime,
  type RuntimeEvent,
  type SandboxConfig,
  type SandboxNetwork,
  type SandboxStatus,
  type Session,
  type StreamOptions,
} from "./runtime.ts";

export interface FakeRuntimeOptions {
  /**
   * Which program a command is. Undefined: a container runs until it gets TERM and then exits 0, an exec exits 0.
   * An Error: the start fails with it, as for a command that isn't in the image.
   */
  readonly programs?: (start: FakeStart) => FakeProgram | Error | undefined;
  /** Fails a pull by throwing; every image exists otherwise. */
  readonly pull?: (image: string, auth: ImageAuth | undefined) => Promise<void>;
  /** Present from the start. */
  readonly images?: readonly string[];
  /** "files" writes CRI log files as real drivers do; "none" keeps the disk out of it. */
  readonly logs: "files" | "none";
  /** Connects to a port of a pod; refused when absent. */
  readonly connect?: (sandbox: SandboxStatus, port: number) => Promise<Duplex>;
  /** What a running container is said to use. */
  readonly usage?: (container: ContainerStatus) => Partial<ContainerStats>;
}

export interface FakeRuntimeDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Without one, pods get addresses from 10.88.0.0/16 that lead nowhere. */
  readonly network?: SandboxNetwork;
}

interface Sandbox {
  status: SandboxStatus;
  readonly config: SandboxConfig;
  /** By id. */
  readonly containers: Map<string, FakeContainer>;
}

export class FakeRuntime implements Runtime {
  readonly #options: FakeRuntimeOptions;
  readonly #deps: FakeRuntimeDeps;
  readonly #sandboxes = new Map<string, Sandbox>();
  /** name_namespace_uid_attempt → id: the same pod attempt can't have two. */
  readonly #sandboxKeys = new Map<string, string>();
  readonly #containers = new Map<string, FakeContainer>();
  readonly #events = new EventHub();
  readonly #images: FakeImages;
  #addresses = 0;
  #problem: string | undefined;

  constructor(options: FakeRuntimeOptions, deps: FakeRuntimeDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#images = new FakeImages(options.images ?? []);
  }

  // ── what a test does to it ──

  /** Ends a container's process with this code, as a crash or (reason "OOMKilled") the kernel would. */
  crash(containerId: string, exitCode: number, reason?: string): void {
    this.#container(containerId).crash(exitCode, reason);
  }

  /** From now on the runtime says it can't work, and starts fail; undefined heals it. */
  setProblem(problem: string | undefined): void {
    this.#problem = problem;
  }

  // ── Runtime ──

  version(): Promise<{ name: string; version: string }> {
    return Promise.resolve({ name: "fake", version: "1.0.0" });
  }

  status(): Promise<{ runtime: string | undefined; network: string | undefined }> {
    return Promise.resolve({ runtime: this.#problem, network: this.#deps.network?.problem });
  }

  async runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    this.#checkHealthy();
    const key = `${config.name}_${config.namespace}_${config.uid}_${config.attempt}`;
    if (this.#sandboxKeys.has(key)) {
      throw new RuntimeError("already-exists", `sandbox ${key} exists already`);
    }
    const id = this.#deps.random.bytes(32).toString("hex");
    this.#sandboxKeys.set(key, id);
    let ip: string;
    try {
      ip = await this.#address(id, config);
    } catch (cause) {
      this.#sandboxKeys.delete(key);
      throw new RuntimeError("unknown", `network of sandbox ${key}`, { cause });
    }
    const { name, uid, namespace, attempt, labels, annotations } = config;
    const identity = { id, name, uid, namespace, attempt, labels, annotations };
    const status: SandboxStatus = { ...identity, state: "ready", createdAt: this.#nanos(), ip };
    const sandbox: Sandbox = { config, status, containers: new Map() };
    this.#sandboxes.set(id, sandbox);
    this.#emit("created", sandbox, "");
    this.#emit("started", sandbox, "");
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined || sandbox.status.state === "notready") return;
    for (const container of sandbox.containers.values()) container.kill();
    await this.#deps.network?.detach(id);
    sandbox.status = { ...sandbox.status, state: "notready", ip: "" };
    this.#emit("stopped", sandbox, "");
  }

  async removeSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) return;
    await this.stopSandbox(id);
    for (const containerId of sandbox.containers.keys()) await this.removeContainer(containerId);
    this.#sandboxes.delete(id);
    const { name, namespace, uid, attempt } = sandbox.config;
    this.#sandboxKeys.delete(`${name}_${namespace}_${uid}_${attempt}`);
    this.#emit("deleted", sandbox, "");
  }

  async sandboxStatus(id: string): Promise<SandboxStatus> {
    return Promise.resolve(this.#sandbox(id).status);
  }

  listSandboxes(): Promise<readonly SandboxStatus[]> {
    return Promise.resolve(Array.from(this.#sandboxes.values(), ({ status }) => status));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    this.#checkHealthy();
    const sandbox = this.#sandbox(sandboxId);
    if (sandbox.status.state !== "ready") {
      throw new RuntimeError("unknown", `sandbox ${sandboxId} is not running`);
    }
    const image = this.#images.status(config.image);
    if (image === undefined) throw new RuntimeError("not-found", `image ${config.image} is not present`);
    for (const { config: other } of sandbox.containers.values()) {
      if (other.name === config.name && other.attempt === config.attempt) {
        throw new RuntimeError("already-exists", `container ${config.name}_${config.attempt} exists already`);
      }
    }
    const id = this.#deps.random.bytes(32).toString("hex");
    const status = this.#newStatus(id, sandbox, config, image.id);
    const { clock } = this.#deps;
    const container = new FakeContainer(
      { config, sandbox: sandbox.config, status, writesLogs: this.#options.logs === "files" },
      {
        clock,
        nanos: () => this.#nanos(),
        programs: this.#options.programs,
        onExit: () => {
          this.#emit("stopped", sandbox, id);
        },
      },
    );
    this.#containers.set(id, container);
    sandbox.containers.set(id, container);
    this.#emit("created", sandbox, id);
    return Promise.resolve(id);
  }

  async startContainer(id: string): Promise<void> {
    this.#checkHealthy();
    const container = this.#container(id);
    container.start();
    this.#emit("started", this.#sandbox(container.status.sandboxId), id);
    return Promise.resolve();
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    await this.#containers.get(id)?.stop(graceMs);
  }

  removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (container !== undefined) {
      container.kill();
      this.#containers.delete(id);
      const sandbox = this.#sandbox(container.status.sandboxId);
      sandbox.containers.delete(id);
      this.#emit("deleted", sandbox, id);
    }
    return Promise.resolve();
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    return Promise.resolve(this.#container(id).status);
  }

  listContainers(): Promise<readonly ContainerStatus[]> {
    return Promise.resolve(Array.from(this.#containers.values(), ({ status }) => status));
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    this.#container(id).updateResources(resources);
    return Promise.resolve();
  }

  async containerStats(id: string): Promise<ContainerStats> {
    const { status } = this.#container(id);
    const idle = { cpuUsageNanos: 0n, memoryWorkingSetBytes: 0, memoryUsageBytes: 0, memoryRssBytes: 0 };
    const timestamp = this.#nanos();
    return Promise.resolve({ containerId: id, timestamp, ...idle, ...this.#options.usage?.(status) });
  }

  /** Files are opened for each write: there is nothing to reopen. */
  async reopenLog(id: string): Promise<void> {
    this.#container(id).running();
    return Promise.resolve();
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecOutput> {
    return this.#container(id).execSync(command, timeoutMs);
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
    return Promise.resolve(this.#container(id).exec(command, options));
  }

  async attach(id: string, options: StreamOptions): Promise<Session> {
    return Promise.resolve(this.#container(id).attach(options));
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { status } = this.#sandbox(sandboxId);
    if (this.#options.connect !== undefined) return this.#options.connect(status, port);
    throw new RuntimeError(
      "unknown",
      `port ${port} of pod ${status.namespace}/${status.name}: connection refused`,
    );
  }

  async imageStatus(image: string): Promise<ImageInfo | undefined> {
    return Promise.resolve(this.#images.status(image));
  }

  listImages(): Promise<readonly ImageInfo[]> {
    return Promise.resolve(this.#images.list());
  }

  async pullImage(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    await this.#options.pull?.(image, auth);
    return this.#images.add(image).id;
  }

  async removeImage(image: string): Promise<void> {
    this.#images.remove(image);
    return Promise.resolve();
  }

  imageFsInfo(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    const images = this.#images.list();
    const usedBytes = images.reduce((sum, image) => sum + image.sizeBytes, 0);
    return Promise.resolve({ mountpoint: "/", usedBytes, inodesUsed: images.length });
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#events.subscribe(signal);
  }

  close(): Promise<void> {
    this.#events.close();
    return Promise.resolve();
  }

  // ── inside ──

  #nanos(): bigint {
    return BigInt(Math.floor(this.#deps.clock.now())) * 1_000_000n;
  }

  #checkHealthy(): void {
    if (this.#problem !== undefined) throw new RuntimeError("unavailable", this.#problem);
  }

  async #address(id: string, config: SandboxConfig): Promise<string> {
    if (config.namespaces.network === "node") return "";
    const { network } = this.#deps;
    if (network !== undefined) {
      return (await network.attach({ id, netns: `/fake/${id}`, portMappings: config.portMappings })).ip;
    }
    this.#addresses = (this.#addresses + 1) % 65_000;
    return `10.88.${Math.floor(this.#addresses / 254)}.${(this.#addresses % 254) + 1}`;
  }

  #newStatus(id: string, sandbox: Sandbox, config: ContainerConfig, imageId: string): ContainerStatus {
    const { name, attempt, image, labels, annotations } = config;
    const times = { createdAt: this.#nanos(), startedAt: 0n, finishedAt: 0n };
    const logPath = join(sandbox.config.logDirectory, config.logPath);
    const identity = { id, sandboxId: sandbox.status.id, name, attempt, image, imageId, labels, annotations };
    return { ...identity, ...times, state: "created", exitCode: 0, reason: "", message: "", logPath, pid: 0 };
  }

  #sandbox(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw new RuntimeError("not-found", `sandbox ${id} not found`);
    return sandbox;
  }

  #container(id: string): FakeContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new RuntimeError("not-found", `container ${id} not found`);
    return container;
  }

  #emit(type: RuntimeEvent["type"], sandbox: Sandbox, containerId: string): void {
    this.#events.emit({ type, sandboxId: sandbox.status.id, podUid: sandbox.config.uid, containerId });
  }
}

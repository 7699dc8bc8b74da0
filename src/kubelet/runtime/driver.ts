/**
 * What every driver answers alike: it asks its own part for sandboxes, or the one for containers. A driver adds how
 * sandboxes begin and end, where images are, and how a pod's port is reached.
 */
import type { Clock } from "#base/clock.ts";
import type { EventHub } from "./event-hub.ts";
import { collectExec } from "./exec-sync.ts";
import type {
  ContainerStatus,
  ExecOutput,
  LinuxResources,
  Runtime,
  RuntimeEvent,
  SandboxNetwork,
  SandboxStatus,
  Session,
  StreamOptions,
} from "./runtime.ts";

/** S: what the driver knows of a sandbox. */
export interface SandboxPart<S> {
  list(): readonly S[];
  /** Throws RuntimeError when there is none. */
  get(id: string): S;
  status(sandbox: S): SandboxStatus;
}

/** C: what the driver knows of a container. */
export interface ContainerPart<C> {
  list(): readonly C[];
  /** Throws RuntimeError when there is none. */
  get(id: string): C;
  status(container: C): ContainerStatus;
  start(id: string): Promise<void>;
  stop(id: string, graceMs: number): Promise<void>;
  remove(id: string): Promise<void>;
  updateResources(id: string, resources: LinuxResources): Promise<void>;
  reopenLog(id: string): Promise<void>;
  exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session>;
  attach(id: string, options: StreamOptions): Promise<Session>;
}

export interface DriverParts<S, C> {
  readonly sandboxes: SandboxPart<S>;
  readonly containers: ContainerPart<C>;
  readonly events: EventHub;
}

export interface DriverDeps {
  readonly network: SandboxNetwork;
  readonly clock: Clock;
}

type Shared =
  | "status"
  | "sandboxStatus"
  | "listSandboxes"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "containerStatus"
  | "listContainers"
  | "updateResources"
  | "reopenLog"
  | "execSync"
  | "exec"
  | "attach"
  | "events";

export abstract class Driver<S, C> implements Pick<Runtime, Shared> {
  readonly #parts: DriverParts<S, C>;
  readonly #deps: DriverDeps;

  protected constructor(parts: DriverParts<S, C>, deps: DriverDeps) {
    this.#parts = parts;
    this.#deps = deps;
  }

  /** Why the runtime can't work, or undefined. */
  protected get problem(): string | undefined {
    return undefined;
  }

  status(): Promise<{ runtime: string | undefined; network: string | undefined }> {
    return Promise.resolve({ runtime: this.problem, network: this.#deps.network.problem });
  }

  async sandboxStatus(id: string): Promise<SandboxStatus> {
    const { sandboxes } = this.#parts;
    return Promise.resolve(sandboxes.status(sandboxes.get(id)));
  }

  listSandboxes(): Promise<readonly SandboxStatus[]> {
    const { sandboxes } = this.#parts;
    return Promise.resolve(sandboxes.list().map((sandbox) => sandboxes.status(sandbox)));
  }

  async startContainer(id: string): Promise<void> {
    await this.#parts.containers.start(id);
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    await this.#parts.containers.stop(id, graceMs);
  }

  async removeContainer(id: string): Promise<void> {
    await this.#parts.containers.remove(id);
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    const { containers } = this.#parts;
    return Promise.resolve(containers.status(containers.get(id)));
  }

  listContainers(): Promise<readonly ContainerStatus[]> {
    const { containers } = this.#parts;
    return Promise.resolve(containers.list().map((container) => containers.status(container)));
  }

  async updateResources(id: string, resources: LinuxResources): Promise<void> {
    await this.#parts.containers.updateResources(id, resources);
  }

  async reopenLog(id: string): Promise<void> {
    await this.#parts.containers.reopenLog(id);
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecOutput> {
    const session = await this.exec(id, command, { stdin: false, stdout: true, stderr: true, tty: false });
    return collectExec(session, { command, timeoutMs }, this.#deps.clock);
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<Session> {
    return this.#parts.containers.exec(id, command, options);
  }

  async attach(id: string, options: StreamOptions): Promise<Session> {
    return this.#parts.containers.attach(id, options);
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    return this.#parts.events.subscribe(signal);
  }
}

/**
 * Our sandboxes and containers as the daemon has them: read whole once, then kept true by its event stream, so that
 * listing (which the kubelet does every second) asks the daemon nothing. When the stream breaks, all is read again.
 */
import type Dockerode from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { Backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { ask, statusCodeOf } from "./api.ts";
import { labels } from "./spec.ts";

export interface InventoryDeps {
  readonly docker: Dockerode;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Before and after; undefined where there is none. Called in order for one container. */
  readonly onChange: (
    before: ContainerInspectInfo | undefined,
    now: ContainerInspectInfo | undefined,
  ) => void;
}

interface DockerEvent {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

const reconnect = { initialMs: 200, maxMs: 5_000, factor: 2, jitter: 0.2 };

export class Inventory {
  readonly #owner: string;
  readonly #deps: InventoryDeps;
  readonly #containers = new Map<string, ContainerInspectInfo>();
  /** One look at a container after the other. */
  readonly #looking = new Map<string, Promise<void>>();
  readonly #execEnds = new Map<string, (code: number) => void>();
  /** Containers the kernel has killed in for want of memory, as far as we have heard. */
  readonly #outOfMemory = new Set<string>();
  readonly #outOfMemoryWaiters = new Map<string, () => void>();
  readonly #stopped = new AbortController();
  #problem: string | undefined;

  constructor(owner: string, deps: InventoryDeps) {
    this.#owner = owner;
    this.#deps = deps;
  }

  /** Resolves once all is known. From then on it keeps itself true until `close`. */
  async open(): Promise<void> {
    const ready = Promise.withResolvers<void>();
    void this.#watch(ready);
    try {
      await ready.promise;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#stopped.abort();
  }

  /** Why the daemon can't be asked, or undefined. */
  get problem(): string | undefined {
    return this.#problem;
  }

  list(): readonly ContainerInspectInfo[] {
    return [...this.#containers.values()];
  }

  get(id: string): ContainerInspectInfo | undefined {
    return this.#containers.get(id);
  }

  /** Looks at one container again; after our own calls, so that the next list has their effect. */
  async refresh(id: string): Promise<void> {
    const before = this.#looking.get(id) ?? Promise.resolve();
    const look = before.then(() => this.#look(id));
    const settled = look.catch(() => undefined);
    this.#looking.set(id, settled);
    try {
      await look;
    } finally {
      if (this.#looking.get(id) === settled) this.#looking.delete(id);
    }
  }

  /** The exit code of an exec, told by the daemon when it ends. Ask before it starts. */
  execEnd(execId: string): { readonly code: Promise<number>; readonly forget: () => void } {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#execEnds.set(execId, resolve);
    return {
      code: promise,
      forget: () => {
        this.#execEnds.delete(execId);
      },
    };
  }

  wasOutOfMemory(id: string): boolean {
    return this.#outOfMemory.has(id) || this.#containers.get(id)?.State.OOMKilled === true;
  }

  /** The daemon may tell of a kill for memory only after the death it caused: resolves when it has, or at `maxMs`. */
  async outOfMemoryNews(id: string, maxMs: number): Promise<void> {
    if (this.wasOutOfMemory(id)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#outOfMemoryWaiters.set(id, resolve);
    const cancel = this.#deps.clock.after(maxMs, resolve);
    await promise;
    cancel();
    this.#outOfMemoryWaiters.delete(id);
  }

  async #watch(ready: PromiseWithResolvers<void>): Promise<void> {
    const { signal } = this.#stopped;
    const { clock, log, random } = this.#deps;
    const backoff = new Backoff(reconnect, random);
    while (!this.#isStopped()) {
      try {
        await this.#follow(() => {
          this.#problem = undefined;
          backoff.reset();
          ready.resolve();
        });
      } catch (error) {
        if (this.#isStopped()) return;
        ready.reject(error instanceof Error ? error : new Error(String(error)));
        this.#problem = `the Docker daemon does not answer: ${error instanceof Error ? error.message : String(error)}`;
        log.warn("docker events broke off", { error });
      }
      await clock.sleep(backoff.next(), signal).catch(() => undefined);
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #follow(onSynced: () => void): Promise<void> {
    const { docker } = this.#deps;
    const { signal } = this.#stopped;
    const filters = JSON.stringify({ type: ["container"], label: [`${labels.owner}=${this.#owner}`] });
    // Listening first: what changes while we read is told afterwards.
    const stream = await ask(
      docker.getEvents({ filters, abortSignal: signal } as Dockerode.GetEventsOptions),
    );
    await this.#readAll();
    onSynced();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") this.#take(JSON.parse(line) as DockerEvent);
    }
    if (!this.#isStopped()) throw new Error("the event stream ended");
  }

  async #readAll(): Promise<void> {
    const filters = { label: [`${labels.owner}=${this.#owner}`] };
    const found = await ask(this.#deps.docker.listContainers({ all: true, filters }));
    const ids = new Set([...found.map(({ Id }) => Id), ...this.#containers.keys()]);
    await Promise.all([...ids].map((id) => this.refresh(id)));
  }

  #take({ Action = "", Actor }: DockerEvent): void {
    const id = Actor?.ID;
    if (id === undefined) return;
    if (Action === "oom") {
      this.#outOfMemory.add(id);
      this.#outOfMemoryWaiters.get(id)?.();
    } else if (Action.startsWith("exec_die")) {
      const { execID = "", exitCode = "" } = Actor?.Attributes ?? {};
      this.#execEnds.get(execID)?.(Number(exitCode));
      this.#execEnds.delete(execID);
    } else if (!Action.startsWith("exec_")) {
      this.refresh(id).catch((error: unknown) => {
        this.#deps.log.debug("container could not be read", { container: id, error });
      });
    }
  }

  async #look(id: string): Promise<void> {
    const before = this.#containers.get(id);
    let now: ContainerInspectInfo | undefined;
    try {
      now = await this.#deps.docker.getContainer(id).inspect();
    } catch (error) {
      if (statusCodeOf(error) !== 404) throw error;
    }
    if (now === undefined) {
      this.#containers.delete(id);
      this.#outOfMemory.delete(id);
    } else this.#containers.set(id, now);
    this.#deps.onChange(before, now);
  }
}

/** Pods over Docker: a pause container each, given its network from outside. */
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Dockerode from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { readTextIfExists } from "#base/files.ts";
import { resolvConf } from "../resolv-conf.ts";
import { RuntimeError, type SandboxConfig, type SandboxNetwork, type SandboxStatus } from "../runtime.ts";
import { ask, askLeniently, statusCodeOf } from "./api.ts";
import type { Inventory } from "./inventory.ts";
import { labels, sandboxSpec, type SpecFacts } from "./spec.ts";
import { nanosOf } from "./times.ts";

export interface DockerSandboxesDeps {
  readonly docker: Dockerode;
  readonly inventory: Inventory;
  readonly network: SandboxNetwork;
}

export class DockerSandboxes {
  readonly #directory: string;
  readonly #facts: SpecFacts;
  readonly #deps: DockerSandboxesDeps;
  /** Addresses of the pods that have their network; one without is not ready. Also on disk, one file each. */
  readonly #addresses = new Map<string, string>();

  constructor(directory: string, facts: SpecFacts, deps: DockerSandboxesDeps) {
    this.#directory = directory;
    this.#facts = facts;
    this.#deps = deps;
  }

  async load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const { Id } of this.list()) {
      const ip = await readTextIfExists(this.#addressFile(Id));
      if (ip !== undefined) this.#addresses.set(Id, ip.trim());
    }
  }

  list(): readonly ContainerInspectInfo[] {
    return this.#deps.inventory.list().filter(isSandbox);
  }

  get(id: string): ContainerInspectInfo {
    const found = this.#deps.inventory.get(id);
    if (found === undefined || !isSandbox(found)) {
      throw new RuntimeError("not-found", `sandbox ${id} not found`);
    }
    return found;
  }

  has(id: string): boolean {
    const found = this.#deps.inventory.get(id);
    return found !== undefined && isSandbox(found);
  }

  async run(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const id = await this.#create(config);
    try {
      const container = this.#deps.docker.getContainer(id);
      await ask(container.start());
      const found = await ask(container.inspect());
      // Containers that join the network see this file as their own.
      if (config.dns !== undefined) await writeFile(found.ResolvConfPath, resolvConf(config.dns));
      const ip = config.namespaces.network === "node" ? "" : await this.#attach(id, config, found.State.Pid);
      await writeFile(this.#addressFile(id), ip);
      this.#addresses.set(id, ip);
      signal.throwIfAborted();
      await this.#deps.inventory.refresh(id);
    } catch (error) {
      await this.remove(id).catch(() => undefined); // what is left is listed as not ready, and removed later
      throw error;
    }
    return id;
  }

  async stop(id: string): Promise<void> {
    await this.#deps.network.detach(id);
    this.#addresses.delete(id);
    await rm(this.#addressFile(id), { force: true });
    await askLeniently(this.#deps.docker.getContainer(id).kill());
    await this.#deps.inventory.refresh(id);
  }

  async remove(id: string): Promise<void> {
    await this.stop(id);
    await askLeniently(this.#deps.docker.getContainer(id).remove({ force: true, v: true }));
    await this.#deps.inventory.refresh(id);
  }

  status(found: ContainerInspectInfo): SandboxStatus {
    const { name, uid, namespace, attempt, labels: own, annotations } = sandboxConfigOf(found);
    const ip = found.State.Running ? this.#addresses.get(found.Id) : undefined;
    return {
      id: found.Id,
      name,
      uid,
      namespace,
      attempt,
      labels: own,
      annotations,
      state: ip === undefined ? "notready" : "ready",
      createdAt: nanosOf(found.Created),
      ip: ip ?? "",
    };
  }

  async #create(config: SandboxConfig): Promise<string> {
    try {
      return (await this.#deps.docker.createContainer(sandboxSpec(config, this.#facts))).id;
    } catch (error) {
      if (statusCodeOf(error) !== 409) return ask(Promise.reject(error as Error));
      const { name, namespace, uid, attempt } = config;
      const key = `${name}_${namespace}_${uid}_${attempt}`;
      throw new RuntimeError("already-exists", `failed to reserve sandbox name ${key}: it is taken`, {
        cause: error,
      });
    }
  }

  async #attach(id: string, { portMappings }: SandboxConfig, pid: number): Promise<string> {
    try {
      return (await this.#deps.network.attach({ id, netns: `/proc/${pid}/ns/net`, portMappings })).ip;
    } catch (cause) {
      throw new RuntimeError("unknown", `failed to setup network for sandbox ${id}`, { cause });
    }
  }

  #addressFile(id: string): string {
    return join(this.#directory, id);
  }
}

export function isSandbox(found: ContainerInspectInfo): boolean {
  return found.Config.Labels[labels.kind] === "sandbox";
}

export function sandboxConfigOf(found: ContainerInspectInfo): SandboxConfig {
  return (JSON.parse(found.Config.Labels[labels.record] ?? "{}") as { config: SandboxConfig }).config;
}

/** Which installation containers belong to: the one with this data directory. */
export function ownerOf(dataDir: string): string {
  return createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
}

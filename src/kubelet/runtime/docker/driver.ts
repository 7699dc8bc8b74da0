/**
 * The runtime over a Docker daemon, with cri-dockerd's meaning: a pod is a pause container without a network of its
 * own, which the pod network then gives one, and whose namespaces the other containers join. Log files are ours.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type Dockerode from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import type { Clock } from "#base/clock.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { Cgroups } from "../cgroups.ts";
import { oomScoreAdjMin, parseCapabilities } from "../embedded/machine.ts";
import { Driver } from "../driver.ts";
import { EventHub } from "../event-hub.ts";
import { forwardHostPort, forwardPort } from "../port-forward.ts";
import { installPrograms } from "../programs.ts";
import {
  RuntimeError,
  type ContainerConfig,
  type ContainerStats,
  type ImageAuth,
  type ImageInfo,
  type Runtime,
  type RuntimeEvent,
  type SandboxConfig,
  type SandboxNetwork,
} from "../runtime.ts";
import { ask } from "./api.ts";
import { DockerContainers, recordOf, sandboxIdOf } from "./containers.ts";
import { DockerImages } from "./images.ts";
import { Inventory } from "./inventory.ts";
import { DockerSandboxes, isSandbox, ownerOf, sandboxConfigOf } from "./sandboxes.ts";
import type { SpecFacts } from "./spec.ts";

export interface DockerOptions {
  /** What must outlive this process: the pods' addresses, the shim for forwarded ports. */
  readonly dataDir: string;
  /** Node's name of the processor: "x64", "arm64". */
  readonly arch: string;
}

export interface DockerDeps {
  readonly docker: Dockerode;
  readonly network: SandboxNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Parts {
  readonly images: DockerImages;
  readonly inventory: Inventory;
  readonly sandboxes: DockerSandboxes;
  readonly containers: DockerContainers;
  readonly events: EventHub;
  readonly shim: string;
}

interface DaemonInfo {
  readonly CgroupDriver?: string;
}

export class DockerRuntime extends Driver<ContainerInspectInfo, ContainerInspectInfo> implements Runtime {
  readonly #deps: DockerDeps;
  readonly #parts: Parts;

  private constructor(deps: DockerDeps, parts: Parts) {
    super(parts, deps);
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Finds everything again that an earlier one left. Fails when the daemon doesn't answer. */
  static async open(options: DockerOptions, deps: DockerDeps): Promise<DockerRuntime> {
    const { docker, clock, random, log, network } = deps;
    const { arch, dataDir } = options;
    const images = new DockerImages(docker, arch);
    const [programs, cgroups, facts] = await Promise.all([
      installPrograms(join(dataDir, "bin"), arch),
      Cgroups.find(),
      readFacts(docker, images, ownerOf(dataDir)),
    ]);
    const events = new EventHub();
    const emit = (type: RuntimeEvent["type"], found: ContainerInspectInfo): void => {
      events.emit(eventOf(type, found));
    };
    const onChange = (
      before: ContainerInspectInfo | undefined,
      now: ContainerInspectInfo | undefined,
    ): void => {
      const found = now ?? before;
      if (found === undefined) return;
      for (const type of changesOf(before, now)) {
        // A container's end is told when its log is whole.
        if (type !== "stopped" || isSandbox(found)) emit(type, found);
      }
      containers.onChange(before, now);
    };
    const inventory: Inventory = new Inventory(facts.owner, { docker, clock, random, log, onChange });
    const onEnd = (found: ContainerInspectInfo): void => {
      emit("stopped", found);
    };
    const containers = new DockerContainers(facts, { docker, inventory, images, cgroups, clock, log, onEnd });
    const sandboxes = new DockerSandboxes(join(dataDir, "sandboxes"), facts, { docker, inventory, network });
    await inventory.open();
    await sandboxes.load();
    return new DockerRuntime(deps, { images, inventory, sandboxes, containers, events, shim: programs.shim });
  }

  async version(): Promise<{ name: string; version: string }> {
    const { Version } = await ask(this.#deps.docker.version());
    return { name: "docker", version: Version };
  }

  protected override get problem(): string | undefined {
    return this.#parts.inventory.problem;
  }

  async runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    return this.#parts.sandboxes.run(config, signal);
  }

  async stopSandbox(id: string): Promise<void> {
    const { sandboxes, containers } = this.#parts;
    if (!sandboxes.has(id)) return;
    await Promise.all(containers.ofSandbox(id).map(({ Id }) => containers.stop(Id, 0)));
    await sandboxes.stop(id);
  }

  async removeSandbox(id: string): Promise<void> {
    const { sandboxes, containers } = this.#parts;
    if (!sandboxes.has(id)) return;
    await Promise.all(containers.ofSandbox(id).map(({ Id }) => containers.remove(Id)));
    await sandboxes.remove(id);
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    return this.#parts.containers.create(sandboxId, config, sandbox);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    return this.#parts.containers.stats(id);
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { sandboxes, shim } = this.#parts;
    const found = sandboxes.get(sandboxId);
    if (!found.State.Running) throw new RuntimeError("unknown", `sandbox ${sandboxId} is not running`);
    const isOnHostNetwork = sandboxConfigOf(found).namespaces.network === "node";
    return isOnHostNetwork
      ? forwardHostPort(port)
      : forwardPort(shim, `/proc/${found.State.Pid}/ns/net`, port);
  }

  async imageStatus(image: string): Promise<ImageInfo | undefined> {
    return this.#parts.images.status(image);
  }

  async listImages(): Promise<readonly ImageInfo[]> {
    return this.#parts.images.list();
  }

  async pullImage(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<string> {
    return this.#parts.images.pull(image, auth, signal);
  }

  async removeImage(image: string): Promise<void> {
    await this.#parts.images.remove(image);
  }

  async imageFsInfo(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    return this.#parts.images.fsInfo();
  }

  /** Takes in the images of a tar; returns their names. */
  async loadImages(path: string): Promise<readonly string[]> {
    return this.#parts.images.load(path);
  }

  close(): Promise<void> {
    const { inventory, containers, events } = this.#parts;
    inventory.close();
    containers.close();
    events.close();
    return Promise.resolve();
  }
}

async function readFacts(docker: Dockerode, images: DockerImages, owner: string): Promise<SpecFacts> {
  const [info, pauseImage, status, score] = await Promise.all([
    ask(docker.info() as Promise<DaemonInfo>),
    images.ensurePause(),
    readFile("/proc/self/status", "utf8"),
    readFile("/proc/self/oom_score_adj", "utf8"),
  ]);
  return {
    owner,
    pauseImage,
    hasSystemdCgroups: info.CgroupDriver === "systemd",
    oomScoreAdjMin: oomScoreAdjMin(parseCapabilities(status), score),
  };
}

/** A short life may be over at its first sight: it has been started all the same. */
function changesOf(
  before: ContainerInspectInfo | undefined,
  now: ContainerInspectInfo | undefined,
): RuntimeEvent["type"][] {
  if (now === undefined) return ["deleted"];
  const changes: RuntimeEvent["type"][] = before === undefined ? ["created"] : [];
  const startedBefore = before?.State.StartedAt ?? now.State.StartedAt;
  if (startedBefore !== now.State.StartedAt) changes.push("started");
  const isOver = !now.State.Running && now.State.FinishedAt !== before?.State.FinishedAt;
  if (before !== undefined && isOver) changes.push("stopped");
  return changes;
}

function eventOf(type: RuntimeEvent["type"], found: ContainerInspectInfo): RuntimeEvent {
  if (isSandbox(found)) {
    return { type, sandboxId: found.Id, podUid: sandboxConfigOf(found).uid, containerId: "" };
  }
  return { type, sandboxId: sandboxIdOf(found), podUid: recordOf(found).podUid, containerId: found.Id };
}

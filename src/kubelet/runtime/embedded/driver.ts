/**
 * The runtime without a daemon: images unpacked here, overlay mounts, runc, and one shim a container so that nothing
 * a pod does depends on this process being alive.
 *
 *   <dataDir>/                 images/ (see images/store.ts) sandboxes/ containers/ bin/
 *   <stateDir>/                sandboxes/ containers/ exec/ runc/: what a reboot ends
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Clock } from "#base/clock.ts";
import { exec } from "#base/exec.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import type { ImageSource } from "../../images/oci.ts";
import type { Puller } from "../../images/puller.ts";
import { imageInfo, ImageStore } from "../../images/store.ts";
import { Cgroups } from "../cgroups.ts";
import { Driver } from "../driver.ts";
import { EventHub } from "../event-hub.ts";
import { forwardHostPort } from "../port-forward.ts";
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
import { Containers } from "./containers.ts";
import { readMachineFacts } from "./machine.ts";
import type { ContainerRecord, SandboxRecord } from "./records.ts";
import { Sandboxes } from "./sandboxes.ts";
import { Shims } from "./shims.ts";

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly stateDir: string;
  readonly runcPath: string;
  /** Node's name of the processor: "x64", "arm64". */
  readonly arch: string;
}

export interface EmbeddedDeps {
  readonly network: SandboxNetwork;
  readonly puller: Puller;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Parts {
  readonly images: ImageStore;
  readonly sandboxes: Sandboxes;
  readonly containers: Containers;
  readonly cgroups: Cgroups;
  readonly shims: Shims;
  readonly events: EventHub;
}

export class EmbeddedRuntime extends Driver<SandboxRecord, ContainerRecord> implements Runtime {
  readonly #options: EmbeddedOptions;
  readonly #deps: EmbeddedDeps;
  readonly #parts: Parts;
  readonly #stopped = new AbortController();

  private constructor(options: EmbeddedOptions, deps: EmbeddedDeps, parts: Parts) {
    super(parts, deps);
    this.#options = options;
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Finds everything again that an earlier one left, running or not. */
  static async open(options: EmbeddedOptions, deps: EmbeddedDeps): Promise<EmbeddedRuntime> {
    const { dataDir, stateDir, runcPath, arch } = options;
    const { clock, random, log, network } = deps;
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const execDir = join(stateDir, "exec");
    await rm(execDir, { recursive: true, force: true });
    const [programs, cgroups, bootId] = await Promise.all([
      installPrograms(join(dataDir, "bin"), arch),
      Cgroups.find(),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    const machine = await readMachineFacts(runcPath, arch, cgroups.isUnified);
    const { shim, pause } = programs;
    const shims = new Shims({ shim, runc: runcPath, runcRoot: join(stateDir, "runc"), execDir }, { random });
    await shims.checkOverlay(join(dataDir, "probe"));
    const makeNodes = async (records: Buffer): Promise<void> => {
      await exec(shim, ["nodes"], { input: records });
    };
    const images = await ImageStore.open(join(dataDir, "images"), { makeNodes, random, log });
    const folders = (name: string): { dataDir: string; stateDir: string } => ({
      dataDir: join(dataDir, name),
      stateDir: join(stateDir, name),
    });
    const facts = { bootId: bootId.trim(), machine };
    const events = new EventHub();
    const sandboxes = new Sandboxes(
      { ...folders("sandboxes"), ...facts, pauseProgram: pause },
      { shims, network, clock, random, log },
    );
    await sandboxes.load();
    const emit = (type: RuntimeEvent["type"], { sandboxId, id }: ContainerRecord): void => {
      const podUid = sandboxes.has(sandboxId) ? sandboxes.get(sandboxId).config.uid : "";
      events.emit({ type, sandboxId, podUid, containerId: id });
    };
    const containers = new Containers(
      { ...folders("containers"), ...facts },
      { shims, sandboxes, images, cgroups, clock, random, log, emit },
    );
    await containers.load();
    return new EmbeddedRuntime(options, deps, { images, sandboxes, containers, cgroups, shims, events });
  }

  async version(): Promise<{ name: string; version: string }> {
    const { stdout } = await exec(this.#options.runcPath, ["--version"]);
    return { name: "embedded", version: /^runc version (\S+)/m.exec(stdout)?.[1] ?? "unknown" };
  }

  async runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    const id = await this.#parts.sandboxes.run(config, signal);
    this.#emit("created", id, config.uid);
    this.#emit("started", id, config.uid);
    return id;
  }

  async stopSandbox(id: string): Promise<void> {
    const { sandboxes, containers } = this.#parts;
    if (!sandboxes.has(id)) return;
    const record = sandboxes.get(id);
    await Promise.all(containers.ofSandbox(id).map((container) => containers.stop(container.id, 0)));
    await sandboxes.stop(id);
    if (record.isReady) this.#emit("stopped", id, record.config.uid);
  }

  async removeSandbox(id: string): Promise<void> {
    const { sandboxes, containers } = this.#parts;
    if (!sandboxes.has(id)) return;
    const { uid } = sandboxes.get(id).config;
    await this.stopSandbox(id);
    await Promise.all(containers.ofSandbox(id).map((container) => containers.remove(container.id)));
    await sandboxes.remove(id);
    this.#emit("deleted", id, uid);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    return this.#parts.containers.create(this.#parts.sandboxes.get(sandboxId), config);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    const { containers, cgroups } = this.#parts;
    const usage = await cgroups.usage(containers.cgroupOf(containers.get(id)));
    return { containerId: id, timestamp: BigInt(Math.floor(this.#deps.clock.now())) * 1_000_000n, ...usage };
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { sandboxes, shims } = this.#parts;
    const record = sandboxes.get(sandboxId);
    if (!record.isReady) throw new RuntimeError("unknown", `sandbox ${sandboxId} is not running`);
    const { netns } = await sandboxes.files({ ...record, hasPause: false });
    return netns === undefined ? forwardHostPort(port) : shims.forward(netns, port);
  }

  async imageStatus(image: string): Promise<ImageInfo | undefined> {
    const stored = this.#parts.images.find(image);
    return Promise.resolve(stored === undefined ? undefined : imageInfo(stored));
  }

  listImages(): Promise<readonly ImageInfo[]> {
    return Promise.resolve(this.#parts.images.list().map(imageInfo));
  }

  async pullImage(image: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<string> {
    const source = await this.#deps.puller.pull(image, auth, signal);
    return this.#parts.images.add(source, signal);
  }

  /** Not while a container stands on its layers. */
  async removeImage(image: string): Promise<void> {
    const id = this.#parts.images.find(image)?.id;
    const user = this.#parts.containers.list().find(({ imageId }) => imageId === id);
    if (user !== undefined) {
      throw new RuntimeError("unknown", `image ${image} is in use by container ${user.id}`);
    }
    await this.#parts.images.remove(image);
  }

  imageFsInfo(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    const { images } = this.#parts;
    return Promise.resolve({ mountpoint: images.layersDir, ...images.usage() });
  }

  /** Takes in an image that came another way than by a pull. Returns its id. */
  async addImage(source: ImageSource): Promise<string> {
    return this.#parts.images.add(source, this.#stopped.signal);
  }

  close(): Promise<void> {
    this.#stopped.abort();
    this.#parts.containers.close();
    this.#parts.events.close();
    return Promise.resolve();
  }

  #emit(type: RuntimeEvent["type"], sandboxId: string, podUid: string): void {
    this.#parts.events.emit({ type, sandboxId, podUid, containerId: "" });
  }
}

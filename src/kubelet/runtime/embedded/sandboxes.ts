/**
 * Pods of the embedded runtime. A sandbox needs no process: its network, uts and ipc namespaces are pinned as files.
 * Only a pod with one process namespace for all has a pause process to hold it.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { readTextIfExists } from "#base/files.ts";
import type { Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { resolvConf } from "../resolv-conf.ts";
import { RuntimeError, type SandboxConfig, type SandboxNetwork, type SandboxStatus } from "../runtime.ts";
import { pauseSpec, type MachineFacts, type SandboxFiles } from "./bundle.ts";
import { RecordStore, type SandboxRecord } from "./records.ts";
import type { Shims } from "./shims.ts";

export interface SandboxesOptions {
  /** Kept over a reboot: records and the pods' files. */
  readonly dataDir: string;
  /** Gone after a reboot: pinned namespaces, shared memory. */
  readonly stateDir: string;
  readonly bootId: string;
  readonly pauseProgram: string;
  readonly machine: MachineFacts;
}

export interface SandboxesDeps {
  readonly shims: Shims;
  readonly network: SandboxNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const shmBytes = 64 * 1024 * 1024;

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #deps: SandboxesDeps;
  readonly #store: RecordStore<SandboxRecord>;
  readonly #records = new Map<string, SandboxRecord>();
  /** name_namespace_uid_attempt → id. */
  readonly #keys = new Map<string, string>();

  constructor(options: SandboxesOptions, deps: SandboxesDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#store = new RecordStore(options.dataDir);
  }

  async load(): Promise<void> {
    const { records, broken } = await this.#store.load();
    for (const id of broken) await this.#store.remove(id);
    for (const record of records) {
      const survives = record.bootId === this.#options.bootId;
      this.#records.set(record.id, survives ? record : { ...record, isReady: false, ip: "" });
      this.#keys.set(keyOf(record.config), record.id);
    }
  }

  list(): readonly SandboxRecord[] {
    return [...this.#records.values()];
  }

  get(id: string): SandboxRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw new RuntimeError("not-found", `sandbox ${id} not found`);
    return record;
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  async run(config: SandboxConfig, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const key = keyOf(config);
    const other = this.#keys.get(key);
    if (other !== undefined) {
      throw new RuntimeError(
        "already-exists",
        `failed to reserve sandbox name ${key}: it is taken by ${other}`,
      );
    }
    const id = this.#deps.random.bytes(32).toString("hex");
    this.#keys.set(key, id);
    const record: SandboxRecord = {
      id,
      config,
      createdAt: String(BigInt(this.#deps.clock.now()) * 1_000_000n),
      isReady: false,
      ip: "",
      bootId: this.#options.bootId,
      hasPause: config.namespaces.pid === "pod",
    };
    this.#records.set(id, record);
    try {
      await this.#store.write(record);
      const ip = await this.#setUp(record);
      signal.throwIfAborted();
      await this.#update({ ...record, isReady: true, ip });
    } catch (error) {
      await this.remove(id).catch((cause: unknown) => {
        this.#deps.log.warn("remains of a failed sandbox are left", { sandbox: id, error: cause });
      });
      throw error;
    }
    return id;
  }

  /** Gives back all it holds but its record. Its containers are stopped before. Idempotent. */
  async stop(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record === undefined) return;
    await this.#tearDown(record);
    if (record.isReady) await this.#update({ ...record, isReady: false, ip: "" });
  }

  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record === undefined) return;
    await this.#tearDown(record);
    await this.#store.remove(id);
    this.#records.delete(id);
    this.#keys.delete(keyOf(record.config));
  }

  status(record: SandboxRecord): SandboxStatus {
    const { name, uid, namespace, attempt, labels, annotations } = record.config;
    return {
      id: record.id,
      name,
      uid,
      namespace,
      attempt,
      labels,
      annotations,
      state: record.isReady ? "ready" : "notready",
      createdAt: BigInt(record.createdAt),
      ip: record.ip,
    };
  }

  /** What its containers mount and join. */
  async files(record: SandboxRecord): Promise<SandboxFiles> {
    const { config, id } = record;
    const own = this.#store.directoryOf(id);
    const pinned = this.#stateDirOf(id);
    const isOnHostNetwork = config.namespaces.network === "node";
    const isOnHostIpc = config.namespaces.ipc === "node";
    return {
      resolvConf: join(own, "resolv.conf"),
      hostname: join(own, "hostname"),
      shm: isOnHostIpc ? "/dev/shm" : join(pinned, "shm"),
      netns: isOnHostNetwork ? undefined : join(pinned, "net"),
      utsns: isOnHostNetwork ? undefined : join(pinned, "uts"),
      ipcns: isOnHostIpc ? undefined : join(pinned, "ipc"),
      pidns: record.hasPause ? `/proc/${await this.#pausePid(id)}/ns/pid` : undefined,
    };
  }

  // ── inside ──

  async #setUp(record: SandboxRecord): Promise<string> {
    const { config, id } = record;
    const { shims, network } = this.#deps;
    const own = this.#store.directoryOf(id);
    const pinned = this.#stateDirOf(id);
    await mkdir(join(pinned, "shm"), { recursive: true, mode: 0o700 });
    await writeFile(join(own, "hostname"), `${config.hostname === "" ? hostname() : config.hostname}\n`);
    const hostDns = config.dns === undefined ? await readTextIfExists("/etc/resolv.conf") : undefined;
    await writeFile(join(own, "resolv.conf"), hostDns ?? resolvConf(config.dns));
    const hasNetwork = config.namespaces.network === "pod";
    const hasIpc = config.namespaces.ipc === "pod";
    const kinds = `${hasNetwork ? "nu" : ""}${hasIpc ? "i" : ""}`;
    if (kinds !== "") await shims.namespaces(pinned, kinds, config.hostname, config.sysctls);
    if (hasIpc) await shims.mountTmpfs(join(pinned, "shm"), `mode=1777,size=${shmBytes}`);
    if (record.hasPause) await this.#startPause(record);
    if (!hasNetwork) return "";
    try {
      return (await network.attach({ id, netns: join(pinned, "net"), portMappings: config.portMappings })).ip;
    } catch (cause) {
      throw new RuntimeError("unknown", `failed to setup network for sandbox ${id}`, { cause });
    }
  }

  async #tearDown(record: SandboxRecord): Promise<void> {
    const { id, config } = record;
    const { shims, network } = this.#deps;
    if (record.hasPause) await shims.delete(pauseId(id));
    if (config.namespaces.network === "pod") await network.detach(id);
    const pinned = this.#stateDirOf(id);
    await shims.unmount(...["shm", "net", "uts", "ipc"].map((name) => join(pinned, name)));
    await rm(pinned, { recursive: true, force: true });
  }

  async #startPause(record: SandboxRecord): Promise<void> {
    const { id, config } = record;
    const { shims } = this.#deps;
    const bundle = join(this.#store.directoryOf(id), "pause");
    const rootfs = join(bundle, "rootfs");
    await mkdir(rootfs, { recursive: true });
    await writeFile(join(rootfs, "pause"), await readFile(this.#options.pauseProgram), { mode: 0o755 });
    const files = await this.files({ ...record, hasPause: false });
    const spec = pauseSpec({
      id: pauseId(id),
      rootfs,
      sandbox: config,
      files,
      machine: this.#options.machine,
    });
    await writeFile(join(bundle, "config.json"), JSON.stringify(spec));
    await shims.run({
      id: pauseId(id),
      directory: join(this.#stateDirOf(id), "pause"),
      bundle,
      logPath: "/dev/null",
      tty: false,
      stdin: false,
      stdinOnce: false,
    });
  }

  async #pausePid(id: string): Promise<number> {
    return Number(await readFile(join(this.#stateDirOf(id), "pause", "pid"), "utf8"));
  }

  async #update(record: SandboxRecord): Promise<void> {
    this.#records.set(record.id, record);
    await this.#store.write(record);
  }

  #stateDirOf(id: string): string {
    return join(this.#options.stateDir, id);
  }
}

function pauseId(sandboxId: string): string {
  return `pause-${sandboxId}`;
}

function keyOf(config: SandboxConfig): string {
  return `${config.name}_${config.namespace}_${config.uid}_${config.attempt}`;
}

/** Reads the cgroups of containers straight from the kernel's files, version 1 or 2. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, readTextIfExists } from "#base/files.ts";
import { RuntimeError } from "./runtime.ts";

export interface CgroupUsage {
  readonly cpuUsageNanos: bigint;
  readonly memoryUsageBytes: number;
  /** What can't be reclaimed at once: the kubelet evicts by this. */
  readonly memoryWorkingSetBytes: number;
  readonly memoryRssBytes: number;
}

/** Where each controller is mounted; `unified` only when it is the one hierarchy that counts. */
export interface CgroupMounts {
  readonly unified: string | undefined;
  readonly controllers: ReadonlyMap<string, string>;
}

/** From the text of /proc/self/mountinfo. */
export function findCgroupMounts(mountinfo: string): CgroupMounts {
  const controllers = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [left = "", right = ""] = line.split(" - ");
    const mountpoint = left.split(" ")[4] ?? "";
    const [type, , superOptions = ""] = right.split(" ");
    if (type === "cgroup2") unified ??= mountpoint;
    if (type !== "cgroup") continue;
    for (const controller of superOptions.split(",")) {
      if (!controllers.has(controller)) controllers.set(controller, mountpoint);
    }
  }
  return { unified: controllers.has("memory") ? undefined : unified, controllers };
}

export class Cgroups {
  readonly #mounts: CgroupMounts;

  constructor(mounts: CgroupMounts) {
    this.#mounts = mounts;
  }

  static async find(): Promise<Cgroups> {
    return new Cgroups(findCgroupMounts(await readFile("/proc/self/mountinfo", "utf8")));
  }

  get isUnified(): boolean {
    return this.#mounts.unified !== undefined;
  }

  /** Throws "not-found" when the cgroup is gone. */
  async usage(path: string): Promise<CgroupUsage> {
    try {
      return await (this.isUnified ? this.#usageV2(path) : this.#usageV1(path));
    } catch (cause) {
      const isGone = errorCode(cause) === "ENOENT" || errorCode(cause) === "ENODEV";
      if (isGone) throw new RuntimeError("not-found", `no cgroup ${path}`, { cause });
      throw cause;
    }
  }

  /** The cgroup a process is in, from the text of /proc/PID/cgroup. */
  pathOf(text: string): string | undefined {
    const lines = text
      .trim()
      .split("\n")
      .map((line) => line.split(":"));
    const own = this.isUnified
      ? lines.find(([hierarchy]) => hierarchy === "0")
      : lines.find(([, controllers = ""]) => controllers.split(",").includes("memory"));
    return own?.slice(2).join(":");
  }

  /** How many processes of it the kernel has killed for want of memory. */
  async oomKills(path: string): Promise<number> {
    const file = this.isUnified ? "memory.events" : "memory.oom_control";
    const text = await readTextIfExists(this.#file("memory", path, file));
    return numberIn(text ?? "", "oom_kill");
  }

  async processes(path: string): Promise<number[]> {
    const text = await readTextIfExists(this.#file("pids", path, "cgroup.procs"));
    return (text ?? "").split("\n").filter(Boolean).map(Number);
  }

  #file(controller: string, path: string, file: string): string {
    const { unified, controllers } = this.#mounts;
    const mount = unified ?? controllers.get(controller);
    if (mount === undefined) throw new RuntimeError("unavailable", `no cgroup controller ${controller}`);
    return join(mount, path, file);
  }

  #read(controller: string, path: string, file: string): Promise<string> {
    return readFile(this.#file(controller, path, file), "utf8");
  }

  async #usageV1(path: string): Promise<CgroupUsage> {
    const [cpu, usage, stat] = await Promise.all([
      this.#read("cpuacct", path, "cpuacct.usage"),
      this.#read("memory", path, "memory.usage_in_bytes"),
      this.#read("memory", path, "memory.stat"),
    ]);
    return {
      cpuUsageNanos: BigInt(cpu.trim()),
      memoryUsageBytes: Number(usage),
      memoryWorkingSetBytes: Math.max(0, Number(usage) - numberIn(stat, "total_inactive_file")),
      memoryRssBytes: numberIn(stat, "total_rss"),
    };
  }

  async #usageV2(path: string): Promise<CgroupUsage> {
    const [cpu, usage, stat] = await Promise.all([
      this.#read("cpu", path, "cpu.stat"),
      this.#read("memory", path, "memory.current"),
      this.#read("memory", path, "memory.stat"),
    ]);
    return {
      cpuUsageNanos: BigInt(numberIn(cpu, "usage_usec")) * 1000n,
      memoryUsageBytes: Number(usage),
      memoryWorkingSetBytes: Math.max(0, Number(usage) - numberIn(stat, "inactive_file")),
      memoryRssBytes: numberIn(stat, "anon"),
    };
  }
}

/** The value of a "name value" line; 0 when there is none. */
function numberIn(text: string, name: string): number {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return line === undefined ? 0 : Number(line.slice(name.length + 1));
}

/**
 * The cgroups of pods: /kubepods/{burstable,besteffort}/pod<uid>, guaranteed ones right below /kubepods.
 * Runtimes put containers below them, but never remove them: that is done here, in every hierarchy.
 * upstream: pkg/kubelet/cm/pod_container_manager_linux.go, qos_container_manager_linux.go
 */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { errorCode } from "#base/files.ts";
import type { Logger } from "#base/log.ts";
import { cpuQuotaOf, cpuSharesOf } from "../pods/container-config.ts";
import { podUid } from "../pods/pod.ts";
import { podLimitMilli, podRequestMilli, qosClassOf } from "../pods/qos.ts";
import { findCgroupMounts } from "../runtime/cgroups.ts";
import { filesV1, filesV2, type CgroupLimits } from "./cgroup-files.ts";

export interface PodCgroupsOptions {
  /** "/kubepods" */
  readonly root: string;
  /** CPUs of the node: their share against everything else that runs on the machine. */
  readonly cpus: number;
}

interface Hierarchies {
  /** The one hierarchy of version 2, when it is the one that counts. */
  readonly unified: string | undefined;
  /** Version 1: where a controller is mounted. */
  readonly controllers: ReadonlyMap<string, string>;
  /** Every cgroup mount, whatever it is for. */
  readonly all: readonly string[];
}

const wantedV2 = ["cpu", "cpuset", "io", "memory", "hugetlb", "pids"];
const folders = { Burstable: "burstable", BestEffort: "besteffort", Guaranteed: "" } as const;

export function limitsOf(pod: Pod): CgroupLimits {
  const cpu = podLimitMilli(pod, "cpu");
  const memory = podLimitMilli(pod, "memory");
  const isBestEffort = qosClassOf(pod) === "BestEffort";
  return {
    cpuShares: isBestEffort ? 2 : cpuSharesOf(Number(podRequestMilli(pod, "cpu"))),
    cpuQuota: cpu === undefined ? 0 : cpuQuotaOf(Number(cpu)),
    memoryLimit: memory === undefined ? 0 : Number(memory / 1000n),
  };
}

export class PodCgroups {
  readonly #options: PodCgroupsOptions;
  readonly #hierarchies: Hierarchies;

  private constructor(options: PodCgroupsOptions, hierarchies: Hierarchies) {
    this.#options = options;
    this.#hierarchies = hierarchies;
  }

  /** Undefined, with a warning, where this process may not make cgroups: pods then share the runtime's own. */
  static async open(options: PodCgroupsOptions, log: Logger): Promise<PodCgroups | undefined> {
    const mountinfo = await readFile("/proc/self/mountinfo", "utf8");
    const { unified, controllers } = findCgroupMounts(mountinfo);
    const cgroups = new PodCgroups(options, { unified, controllers, all: cgroupMounts(mountinfo) });
    try {
      await cgroups.#makeParents();
      return cgroups;
    } catch (error) {
      log.warn("no cgroups for pods", { error });
      return undefined;
    }
  }

  pathOf(pod: Pod): string {
    return join(this.#options.root, folders[qosClassOf(pod)], `pod${podUid(pod)}`);
  }

  async ensure(pod: Pod): Promise<void> {
    await this.#make(this.pathOf(pod), limitsOf(pod));
  }

  /** Also when its class isn't known any more. Fails while processes live in it. */
  async remove(uid: string): Promise<void> {
    for (const mount of this.#hierarchies.all) {
      for (const folder of Object.values(folders)) {
        await removeTree(join(mount, this.#options.root, folder, `pod${uid}`));
      }
    }
  }

  /** Takes the empty parents away; those that others use stay. */
  async removeParents(): Promise<void> {
    for (const mount of this.#hierarchies.all) {
      for (const folder of ["burstable", "besteffort", ""]) {
        await rmdir(join(mount, this.#options.root, folder)).catch(() => undefined);
      }
    }
  }

  /** Takes everything away, when the node goes for good. Fails while processes live in it. */
  async removeAll(): Promise<void> {
    for (const mount of this.#hierarchies.all) await removeTree(join(mount, this.#options.root));
  }

  async #makeParents(): Promise<void> {
    const { root, cpus } = this.#options;
    const none = { cpuQuota: 0, memoryLimit: 0 };
    await this.#make(root, { ...none, cpuShares: cpuSharesOf(cpus * 1000) });
    await this.#make(join(root, folders.BestEffort), { ...none, cpuShares: 2 });
    await this.#make(join(root, folders.Burstable), { ...none, cpuShares: cpuSharesOf(cpus * 1000) });
  }

  async #make(path: string, limits: CgroupLimits): Promise<void> {
    const { unified, controllers } = this.#hierarchies;
    if (unified !== undefined) {
      await delegate(unified, path);
      await mkdir(join(unified, path), { recursive: true });
      for (const { name, value } of filesV2(limits)) await write(join(unified, path, name), value);
      return;
    }
    for (const controller of ["cpu", "memory"] as const) {
      const mount = controllers.get(controller);
      if (mount === undefined) continue;
      await mkdir(join(mount, path), { recursive: true });
      for (const file of filesV1(limits)) {
        if (file.controller === controller) await write(join(mount, path, file.name), file.value);
      }
    }
  }
}

/** The kernel may lack a limit (no CFS bandwidth, no memory controller): the pod runs without it. */
async function write(path: string, value: string): Promise<void> {
  try {
    await writeFile(path, value);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" && errorCode(error) !== "EACCES") throw error;
  }
}

/** Version 2: each ancestor must hand its controllers down. */
async function delegate(mount: string, path: string): Promise<void> {
  const parents: string[] = [];
  for (let at = dirname(path); ; at = dirname(at)) {
    parents.unshift(at);
    if (at === "/" || at === ".") break;
  }
  for (const parent of parents) {
    await mkdir(join(mount, parent), { recursive: true });
    const there = (await readFile(join(mount, parent, "cgroup.controllers"), "utf8")).trim().split(/\s+/);
    const wanted = wantedV2.filter((name) => there.includes(name)).map((name) => `+${name}`);
    if (wanted.length > 0) await writeFile(join(mount, parent, "cgroup.subtree_control"), wanted.join(" "));
  }
}

/** The folders are the cgroup; the files in them go with it. */
async function removeTree(path: string): Promise<void> {
  let entries;
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return;
    throw error;
  }
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  try {
    await rmdir(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

function cgroupMounts(mountinfo: string): string[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const type = right.split(" ")[0];
    const point = left.split(" ")[4];
    return (type === "cgroup" || type === "cgroup2") && point !== undefined ? [point] : [];
  });
}

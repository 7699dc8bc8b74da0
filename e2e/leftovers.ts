/**
 * What a test may leave on a machine: mounts, namespaces, links, firewall tables, cgroups, processes, folders in memory.
 * Compared before and after. What bears the name of another file's folder is not asked about: files may run side by side.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

function lines(file: string, args: readonly string[]): string[] {
  try {
    return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      .split("\n")
      .filter(Boolean);
  } catch {
    return [];
  }
}

function cgroups(directory: string, depth: number): string[] {
  if (depth === 0) return [];
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => [join(directory, entry.name), ...cgroups(join(directory, entry.name), depth - 1)]);
  } catch {
    return [];
  }
}

/** Programs of ours or started by us; the rest of the machine has its own life. */
const ours = /(^|\/)(mini-k8s|kubectl[-.\d]*|containerd|containerd-shim[-\w]*|dockerd|runc|pause|shim|etcd)$/;

/** What `ip netns` mounts when it is first used on a machine, and for good: no test's. */
const netnsFolder = "/run/netns";

/** Of the folders for what is temporary that `nothing-left.ts` makes, one for each file of tests. */
const folderNames = /\be2e\.\w{6}\b/g;

const bearsAnothersName = (text: string): boolean =>
  [...text.matchAll(folderNames)].some(([name]) => name !== basename(tmpdir()));

function isAnothers(line: string): boolean {
  if (bearsAnothersName(line)) return true;
  const [, pid] = /^process (\d+) /.exec(line) ?? [];
  if (pid === undefined) return false;
  try {
    return bearsAnothersName(readFileSync(`/proc/${pid}/environ`, "utf8"));
  } catch {
    // It has ended since.
    return true;
  }
}

function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [program = "", script = "", ...rest] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
        const isOurs = ours.test(program) || /bin\/mini-k8s\.[jt]s$/.test(script);
        return isOurs ? [`${pid} ${[program, script, ...rest].join(" ").trim()}`] : [];
      } catch {
        return [];
      }
    });
}

export class Leftovers {
  readonly #seen: ReadonlySet<string>;

  private constructor(seen: readonly string[]) {
    this.#seen = new Set(seen);
  }

  static now(): Leftovers {
    return new Leftovers(Leftovers.#list());
  }

  /** What is there now and wasn't before, a line each. */
  added(): string[] {
    return Leftovers.#list().filter((line) => !this.#seen.has(line) && !isAnothers(line));
  }

  static #list(): string[] {
    return [
      ...readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => line.split(" ")[4])
        .filter((place) => place !== netnsFolder)
        .map((place) => `mount ${place}`),
      ...lines("ip", ["netns", "list"]).map((line) => `netns ${line.split(" ")[0]}`),
      ...lines("ip", ["-o", "link"]).map((line) => `link ${line.split(": ")[1]?.split("@")[0]}`),
      ...lines("nft", ["list", "tables"]),
      ...lines("ip", ["route"]).map((line) => `route ${line.trim()}`),
      ...cgroups("/sys/fs/cgroup", 4).map((path) => `cgroup ${path}`),
      ...readdirSync("/dev/shm")
        .filter((name) => name.startsWith("mini-k8s-"))
        .map((name) => `folder /dev/shm/${name}`),
      ...processes().map((line) => `process ${line}`),
    ];
  }
}

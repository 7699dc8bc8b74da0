/**
 * What a test may leave on a machine: mounts, namespaces, links, firewall tables, cgroups, processes, folders in memory.
 * Compared before and after.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
    return Leftovers.#list().filter((line) => !this.#seen.has(line));
  }

  static #list(): string[] {
    return [
      ...readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => `mount ${line.split(" ")[4]}`),
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

/** Mounts of the host. The programs of util-linux make them: the options they know are the kernel's. */
import { readFile } from "node:fs/promises";
import { exec } from "#base/exec.ts";

export interface Mounts {
  tmpfs(path: string, options: readonly string[]): Promise<void>;
  bind(source: string, target: string): Promise<void>;
  unmount(path: string): Promise<void>;
  /** Mount points at `path` or below, deepest first. */
  below(path: string): Promise<readonly string[]>;
}

/** Mount points of a /proc/self/mountinfo, in its order. */
export function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo.split("\n").flatMap((line) => {
    const path = line.split(" ")[4];
    return path === undefined ? [] : [unescapeOctal(path)];
  });
}

/** The kernel writes blanks and backslashes as "\040". */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

export class SystemMounts implements Mounts {
  async tmpfs(path: string, options: readonly string[]): Promise<void> {
    await exec("mount", ["-t", "tmpfs", "-o", options.join(","), "tmpfs", path]);
  }

  async bind(source: string, target: string): Promise<void> {
    await exec("mount", ["--bind", "--no-canonicalize", source, target]);
  }

  async unmount(path: string): Promise<void> {
    await exec("umount", ["--no-canonicalize", path]);
  }

  async below(path: string): Promise<readonly string[]> {
    const all = mountPoints(await readFile("/proc/self/mountinfo", "utf8"));
    return all
      .filter((point) => point === path || point.startsWith(`${path}/`))
      .toReversed()
      .toSorted((a, b) => b.split("/").length - a.split("/").length);
  }
}

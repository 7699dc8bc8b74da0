/**
 * A root directory on a lab host with nothing but busybox, the executable with the libraries that it names, and the
 * Debian programs that a node calls. It shares the host's devices, /proc, /sys, /run, /var/lib and /etc/mini-k8s;
 * /tmp holds no programs. The host is as before without it: its mounts are the host's own.
 */
import { copyFileSync, existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { exec } from "#base/exec.ts";
import type { LabHost } from "./lab.ts";

/** What the parts of a node run: see `exec(` in src/kubelet, src/network, src/proxy. */
const nodePrograms = ["mount", "umount", "nsenter", "ip", "bridge", "nft", "conntrack"];
/** As /bin there. */
const shell = "/bin/busybox";

const mounts = `
set -eu
root=$1
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t tmpfs -o noexec,nosuid tmpfs tmp
for shared in dev sys run var/lib etc/mini-k8s; do mount --rbind "/$shared" "$shared"; done
cp /etc/hosts /etc/resolv.conf etc/
`;

export class BareRoot {
  readonly #host: LabHost;
  readonly #directory: string;

  private constructor(host: LabHost, directory: string) {
    this.#host = host;
    this.#directory = directory;
  }

  /** `programs`: what else is there, by its path in the root. */
  static async furnish(host: LabHost, programs: Readonly<Record<string, string>>): Promise<BareRoot> {
    const directory = join(host.directory, "root");
    for (const path of ["proc", "tmp", "dev", "sys", "run", "var/lib", "etc/mini-k8s"]) {
      mkdirSync(join(directory, path), { recursive: true });
    }
    const all = { [shell]: shell, ...Object.fromEntries(nodePrograms.map(found)), ...programs };
    for (const [target, source] of Object.entries(all)) await install(directory, target, source);
    await host.exec(["mkdir", "-p", "/etc/mini-k8s"]);
    await host.exec(["sh", "-c", mounts, "sh", directory]);
    const machine = new BareRoot(host, directory);
    machine.link("busybox", "/bin/sh");
    return machine;
  }

  /** In the root `link` leads to `target`. */
  link(target: string, link: string): void {
    symlinkSync(target, join(this.#directory, link));
  }

  /** For the host: `command` in the root, with exactly these variables. */
  command(command: readonly string[], env: Readonly<Record<string, string>> = {}): string[] {
    const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return ["chroot", this.#directory, shell, "env", "-i", ...variables, ...command];
  }

  async run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return (await this.#host.exec(this.command(command, env))).stdout;
  }
}

/** Where this machine has a Debian program. */
function found(name: string): [string, string] {
  const path = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    .map((directory) => join(directory, name))
    .find(existsSync);
  if (path === undefined) throw new Error(`${name} is not on this machine`);
  return [path, path];
}

/** Copies a program and the libraries that it names, each to where it lies here. */
async function install(directory: string, target: string, source: string): Promise<void> {
  const { stdout } = await exec("ldd", [source]).catch(() => ({ stdout: "" }));
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]) => [path, path] as const);
  for (const [to, from] of [[target, source] as const, ...libraries]) {
    const path = join(directory, to);
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) copyFileSync(realpathSync(from), path);
  }
}

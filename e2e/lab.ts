/**
 * Real hosts on one machine, from namespaces only: each has its own network, mounts, processes, cgroups, /run, /var
 * and /etc, on one switch in a namespace of its own. Nothing is added to the machine's network. Needs root.
 * Addresses: host i (from 1) is 10.77.0.(10+i), the switch 10.77.0.1. Disposing removes everything.
 */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exec, type ExecResult } from "#base/exec.ts";

const initScript = fileURLToPath(new URL("lab/init.sh", import.meta.url));
const network = "10.77.0";

interface Hierarchy {
  /** "memory", "name=systemd", or "" for cgroup v2. */
  readonly controllers: string;
  readonly directory: string;
}

function hierarchies(): Hierarchy[] {
  const lines = readFileSync("/proc/self/cgroup", "utf8").trim().split("\n");
  const isV2Only = lines.length === 1;
  return lines.flatMap((line) => {
    const [id, controllers = ""] = line.split(":");
    const v2 = isV2Only ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
    const directory = id === "0" ? v2 : `/sys/fs/cgroup/${controllers.replace("name=", "")}`;
    return existsSync(directory) ? [{ controllers, directory }] : [];
  });
}

export class LabHost {
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  readonly #lab: string;
  readonly #index: number;
  #init: ChildProcess | undefined;
  #initPid = 0;

  constructor(lab: string, index: number, directory: string) {
    this.#lab = lab;
    this.#index = index;
    this.name = `h${index}`;
    this.address = `${network}.${10 + index}`;
    this.directory = join(directory, this.name);
  }

  get netns(): string {
    return `${this.#lab}-h${this.#index}`;
  }

  /** Process 1 of the host, as seen from outside. */
  get initPid(): number {
    return this.#initPid;
  }

  async boot(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    this.#makeCgroups();
    await exec("ip", ["netns", "add", this.netns]);
    await this.plug();
    const args = ["--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child=SIGKILL"];
    const unshare = ["unshare", ...args, "--propagation", "private", "--mount-proc", initScript];
    const command = [
      "nsenter",
      `--net=/run/netns/${this.netns}`,
      ...unshare,
      this.name,
      this.directory,
      `${network}.1`,
    ];
    const init = this.#start(command, { stdio: ["ignore", "pipe", "ignore"] });
    this.#init = init;
    await new Promise<void>((resolve, reject) => {
      init.stdout?.once("data", () => {
        resolve();
      });
      init.once("exit", (code) => {
        reject(new Error(`${this.name} did not boot: ${code}`));
      });
    });
    const children = readFileSync(`/proc/${init.pid}/task/${init.pid}/children`, "utf8").trim();
    this.#initPid = Number(children.split(" ")[0]);
  }

  /** Power off: every process dies at once; what is on disk stays. */
  async crash(): Promise<void> {
    const init = this.#init;
    this.#init = undefined;
    if (init !== undefined && init.exitCode === null && init.signalCode === null) {
      const gone = new Promise((resolve) => {
        init.once("exit", resolve);
      });
      process.kill(this.#initPid, "SIGKILL");
      await gone;
    }
    await exec("ip", ["netns", "del", this.netns]).catch(() => undefined);
    removeCgroups(`${this.#lab}/${this.name}`);
  }

  /** The command line that runs `command` inside this host. */
  inside(command: readonly string[]): string[] {
    return ["nsenter", "-t", String(this.#initPid), "-m", "-u", "-i", "-n", "-p", "-C", "--wd=/", ...command];
  }

  exec(
    command: readonly string[],
    options: { readonly input?: string; readonly env?: Record<string, string> } = {},
  ): Promise<ExecResult> {
    const env = { PATH: process.env["PATH"] ?? "", HOME: "/var/lib/home", ...options.env };
    const [file = "", ...args] = this.#joined(this.inside(command));
    return exec(file, args, { env, ...(options.input === undefined ? {} : { input: options.input }) });
  }

  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const env = { PATH: process.env["PATH"] ?? "", HOME: "/var/lib/home", ...options.env };
    return this.#start(this.inside(command), { ...options, env });
  }

  /** The switch drops this host's frames, silently. */
  async cut(): Promise<void> {
    const rules = [`iifname p${this.#index} drop`, `oifname p${this.#index} drop`];
    const script = rules
      .map((rule) => `add rule bridge lab cut ${rule} comment "cut-${this.#index}"\n`)
      .join("");
    await exec("nsenter", [`--net=/run/netns/${this.#lab}-sw`, "nft", "-f", "-"], { input: script });
  }

  async heal(): Promise<void> {
    const inSwitch = [`--net=/run/netns/${this.#lab}-sw`, "nft"];
    const { stdout } = await exec("nsenter", [...inSwitch, "-a", "list", "chain", "bridge", "lab", "cut"]);
    for (const line of stdout.split("\n").filter((text) => text.includes(`"cut-${this.#index}"`))) {
      const handle = /handle (\d+)/.exec(line)?.[1] ?? "";
      await exec("nsenter", [...inSwitch, "delete", "rule", "bridge", "lab", "cut", "handle", handle]);
    }
  }

  #start(command: readonly string[], options: SpawnOptions): ChildProcess {
    const [file = "", ...args] = this.#joined(command);
    return spawn(file, args, options);
  }

  /** Moves itself into the host's cgroups, then becomes the command. */
  #joined(command: readonly string[]): string[] {
    const moves = this.#cgroupDirectories().map(
      (directory) => `echo $$ >${directory}/cgroup.procs 2>/dev/null;`,
    );
    return ["sh", "-c", `${moves.join(" ")} exec "$@"`, "sh", ...command];
  }

  #cgroupDirectories(): string[] {
    return hierarchies().map(({ directory }) => join(directory, this.#lab, this.name));
  }

  #makeCgroups(): void {
    for (const { controllers, directory } of hierarchies()) {
      const own = join(directory, this.#lab, this.name);
      mkdirSync(own, { recursive: true });
      if (controllers !== "cpuset") continue;
      for (const file of ["cpuset.cpus", "cpuset.mems"]) {
        const value = readFileSync(join(directory, file), "utf8");
        writeFileSync(join(directory, this.#lab, file), value);
        writeFileSync(join(own, file), value);
      }
    }
  }

  /** Gives the host a new card with the old address; the old one, if there is one, is gone. */
  async plug(): Promise<void> {
    const port = `p${this.#index}`;
    const sw = `${this.#lab}-sw`;
    const mac = `02:00:0a:4d:00:${(10 + this.#index).toString(16).padStart(2, "0")}`;
    await exec("ip", ["-n", sw, "link", "del", port]).catch(() => undefined);
    await exec("ip", ["-n", sw, "-b", "-"], {
      // Like a real card it keeps its address over a power cycle.
      input: `link add ${port} type veth peer name eth0 address ${mac} netns ${this.netns}\nlink set ${port} master lab0 up\n`,
    });
    const input = [
      `addr add ${this.address}/24 dev eth0`,
      "link set eth0 up",
      "link set lo up",
      // Needed even with no world outside: without it the host can't send to a ClusterIP.
      `route add default via ${network}.1`,
    ].join("\n");
    await exec("ip", ["-n", this.netns, "-b", "-"], { input: `${input}\n` });
  }
}

function removeCgroups(name: string): void {
  for (const { directory } of hierarchies()) removeTree(join(directory, name));
}

/** cgroup directories go one by one, deepest first. */
function removeTree(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  try {
    rmdirSync(directory);
  } catch {
    // a process is still leaving: the check for leftovers at the end of the test tells
  }
}

export class Lab implements AsyncDisposable {
  readonly hosts: readonly LabHost[];
  readonly name: string;
  readonly #directory: string;

  constructor(name: string, hosts: readonly LabHost[], directory: string) {
    this.name = name;
    this.hosts = hosts;
    this.#directory = directory;
  }

  host(index: number): LabHost {
    const host = this.hosts[index - 1];
    if (host === undefined) throw new Error(`the lab has ${this.hosts.length} hosts, none is h${index}`);
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host.crash();
    await exec("ip", ["netns", "del", `${this.name}-sw`]).catch(() => undefined);
    removeCgroups(this.name);
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Boots `count` hosts on one switch. */
export async function createLab(count: number): Promise<Lab> {
  const name = `mk${process.pid.toString(36)}`;
  const directory = mkdtempSync(join(tmpdir(), "mini-k8s-lab-"));
  const hosts = Array.from({ length: count }, (_, i) => new LabHost(name, i + 1, directory));
  const lab = new Lab(name, hosts, directory);
  const sw = `${name}-sw`;
  try {
    await exec("ip", ["netns", "add", sw]);
    const links = [
      "link set lo up",
      "link add lab0 type bridge",
      `addr add ${network}.1/24 dev lab0`,
      "link set lab0 up",
      // There is no world outside: say so at once instead of dropping.
      "route add unreachable default",
    ];
    await exec("ip", ["-n", sw, "-b", "-"], { input: `${links.join("\n")}\n` });
    const inSwitch = `--net=/run/netns/${sw}`;
    await exec("nsenter", [
      inSwitch,
      "sysctl",
      "-qw",
      "net.ipv4.ip_forward=1",
      "net.bridge.bridge-nf-call-iptables=0",
    ]);
    const chains = ["forward", "input", "output"].map(
      (hook) => `  chain ${hook} { type filter hook ${hook} priority 0; jump cut; }`,
    );
    await exec("nsenter", [inSwitch, "nft", "-f", "-"], {
      input: `table bridge lab {\n  chain cut { }\n${chains.join("\n")}\n}\n`,
    });
    for (const host of hosts) await host.boot();
    return lab;
  } catch (error) {
    await lab[Symbol.asyncDispose]();
    throw error;
  }
}

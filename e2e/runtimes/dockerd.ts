/** A Docker daemon of the test's own: in a network namespace without links, with all its files under one directory. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type Dockerode from "dockerode";
import { exec } from "#base/exec.ts";
import { eventually } from "../wait.ts";

const startMaxMs = 30_000;

export class Dockerd {
  readonly socket: string;
  readonly #directory: string;
  readonly #docker: Dockerode;
  #daemon: ChildProcess | undefined;

  constructor(directory: string, connect: (socketPath: string) => Dockerode) {
    this.#directory = directory;
    this.socket = join(directory, "docker.sock");
    this.#docker = connect(this.socket);
  }

  async start(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true });
    const at = (name: string): string => join(this.#directory, name);
    const log = openSync(at("dockerd.log"), "a");
    const roots = ["--data-root", at("data"), "--exec-root", at("exec"), "--pidfile", at("dockerd.pid")];
    const network = ["--bridge", "none", "--iptables=false", "--ip6tables=false"];
    // unshare, not "ip netns exec": that hides /sys/fs/cgroup behind a fresh /sys.
    const daemon = spawn(
      "unshare",
      ["--net", "dockerd", ...roots, ...network, "--live-restore", "-H", `unix://${this.socket}`],
      { stdio: ["ignore", log, log] },
    );
    this.#daemon = daemon;
    await eventually("dockerd answers", startMaxMs, async () => {
      if (daemon.exitCode !== null) throw new Error(readFileSync(at("dockerd.log"), "utf8"));
      await this.#docker.ping();
      return true;
    });
  }

  /** The containers go on: live-restore. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const gone = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill(signal);
    await gone;
    this.#daemon = undefined;
  }

  async stop(): Promise<void> {
    const containers = await this.#docker.listContainers({ all: true });
    await Promise.all(containers.map(({ Id }) => this.#docker.getContainer(Id).remove({ force: true })));
    await this.kill("SIGTERM");
    await exec("sh", [
      "-c",
      `grep -o '${this.#directory}/[^ ]*' /proc/mounts | sort -r | xargs -r umount -l`,
    ]);
  }
}

/** Debian's etcd as a process of its own: one member or several, in the clear or with TLS and client certificates. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../free-ports.ts";
import { folderInMemory } from "./folder-in-memory.ts";

export class EtcdMember {
  readonly address: string;
  readonly #args: readonly string[];
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #output = "";

  constructor(address: string, args: readonly string[]) {
    this.address = address;
    this.#args = args;
    this.#directory = folderInMemory("etcd");
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves when it serves clients, which needs a majority of the members. */
  async start(): Promise<void> {
    const child = spawn("etcd", [...this.#args, "--data-dir", join(this.#directory, "data")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    const serves = Promise.withResolvers<void>();
    child.stderr.on("data", (chunk: Buffer) => {
      this.#output += chunk.toString();
      if (/serving (insecure |client )/.test(this.#output)) serves.resolve();
    });
    this.#output = "";
    child.once("error", serves.reject);
    child.once("exit", (code) => {
      serves.reject(new Error(`etcd ended with ${code}:\n${this.#output.slice(-2000)}`));
    });
    await serves.promise;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export interface EtcdTlsFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** Three members that know each other; clients must show a certificate. Not started yet. */
export async function etcdCluster(tls: EtcdTlsFiles): Promise<EtcdMember[]> {
  const names = ["one", "two", "three"];
  const ports = await freePorts(2 * names.length);
  const peerUrl = (at: number): string => `http://127.0.0.1:${ports[2 * at + 1]}`;
  return names.map((name, at) => {
    const address = `127.0.0.1:${ports[2 * at]}`;
    return new EtcdMember(address, [
      `--name=${name}`,
      `--listen-client-urls=https://${address}`,
      `--advertise-client-urls=https://${address}`,
      `--listen-peer-urls=${peerUrl(at)}`,
      `--initial-advertise-peer-urls=${peerUrl(at)}`,
      `--initial-cluster=${names.map((each, index) => `${each}=${peerUrl(index)}`).join(",")}`,
      "--client-cert-auth",
      `--trusted-ca-file=${tls.ca}`,
      `--cert-file=${tls.certificate}`,
      `--key-file=${tls.key}`,
    ]);
  });
}

/** One member, in the clear. */
export async function startEtcd(more: readonly string[] = []): Promise<EtcdMember> {
  const [client = 0, peer = 0] = await freePorts(2);
  const member = new EtcdMember(`127.0.0.1:${client}`, [
    "--name=one",
    `--listen-client-urls=http://127.0.0.1:${client}`,
    `--advertise-client-urls=http://127.0.0.1:${client}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
    `--initial-cluster=one=http://127.0.0.1:${peer}`,
    // Only answers to others' absence depend on these; a lone member is the leader the sooner.
    "--heartbeat-interval=10",
    "--election-timeout=50",
    ...more,
  ]);
  await startOrRemove(member);
  return member;
}

/** Leaves nothing of what doesn't start. */
export async function startOrRemove(member: {
  readonly start: () => Promise<void>;
  readonly remove: () => Promise<void>;
}): Promise<void> {
  try {
    await member.start();
  } catch (error) {
    await member.remove();
    throw error;
  }
}

/** A host for simulated nodes: everything is in place, nothing is touched but logs, where there are any. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "#api/generated/types/core-v1.ts";
import { podName, podNamespace, podUid } from "../pods/pod.ts";
import type { ContainerFiles, PodHost } from "../pods/pod-host.ts";
import type { ResolvConf } from "../pods/dns.ts";

export class SimulatedPodHost implements PodHost {
  readonly #podLogsDir: string;

  /** "": containers write no logs. */
  constructor(podLogsDir: string) {
    this.#podLogsDir = podLogsDir;
  }

  cgroupParent(): string {
    return "";
  }

  logDirectory(pod: Pod): string {
    return this.#logs({ namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) });
  }

  prepare(): Promise<number | undefined> {
    return Promise.resolve(undefined);
  }

  containerFiles(): Promise<ContainerFiles> {
    return Promise.resolve({ mounts: [], messageHostPath: "" });
  }

  terminationMessage(): Promise<string> {
    return Promise.resolve("");
  }

  logTail(): Promise<string> {
    return Promise.resolve("");
  }

  resolvConf(): Promise<ResolvConf> {
    return Promise.resolve({ servers: [], searches: [], options: [] });
  }

  cleanUp(): Promise<void> {
    return Promise.resolve();
  }

  async removeLogs(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  }): Promise<void> {
    const path = this.#logs(pod);
    if (path !== "") await rm(path, { recursive: true, force: true });
  }

  async removeContainerLog(path: string): Promise<void> {
    if (this.#podLogsDir !== "") await rm(path, { force: true });
  }

  knownUids(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #logs({ namespace, name, uid }: { namespace: string; name: string; uid: string }): string {
    return this.#podLogsDir === "" ? "" : join(this.#podLogsDir, `${namespace}_${name}_${uid}`);
  }
}
